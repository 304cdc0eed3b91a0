"""Compare a package's listing with that of the git repository it lies in, and say why they differ.

Ignored files, line endings, attributes, submodules and core.fileMode exist in a repository
only, so no installed copy can reproduce what they do. git works on copies of its index and its
objects here: the repository is left as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

from otumat_sign._blobs import blob_id, heads
from otumat_sign._digest import digests
from otumat_sign._tree import BYTECODE_FOLDER, locate, scan
from otumat_sign.exceptions import NoRepositoryError, RefusedPathError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Listing: TypeAlias = dict[bytes, tuple[str, str]]

_SUBMODULE = "160000"
#: The attributes that make git store other bytes than the file holds; gitattributes(5).
_CONVERTING = ("text", "eol", "crlf", "ident", "filter", "working-tree-encoding")


@dataclass(frozen=True, slots=True)
class Explanation:
    """Our hash, git's, and (path, cause) of everything in which the two listings differ."""

    ours: str
    gits: str
    algorithm: str
    differences: list[tuple[str, str]]


def explain(pkgpath: str | os.PathLike[str]) -> Explanation:
    """Return how `hash_pkg` of *pkgpath* and the git repository around it differ.

    Raises:
        NoRepositoryError: there is no git, or no repository.
        HashError: the package cannot be hashed.
    """
    root = locate(pkgpath)
    folder, name = os.path.split(root)
    with tempfile.TemporaryDirectory(prefix="otumat-sign-") as scratch:
        git = _Git(folder or b".", scratch)
        algorithm = git.run("rev-parse", "--show-object-format").decode().strip()
        git.run("add", "--all", "--", name)
        gits = blob_id(git.run("ls-files", "-s", "--", name), algorithm)
        theirs = _parse(git.run("ls-files", "-s", "-z", "--", name))
        ours = _hash(pkgpath, algorithm, theirs)
        mine = _listing(root, len(root) - len(name), algorithm)
        reasons = [
            (os.fsdecode(path), git.why(path, mine.get(path), theirs.get(path)))
            for path in sorted(mine.keys() | theirs.keys())
            if mine.get(path) != theirs.get(path)
        ]
    if not reasons and gits != ours:
        reasons.append((os.fsdecode(name), "core.quotePath=false: git prints names raw"))
    return Explanation(ours, gits, algorithm, reasons)


def _hash(pkgpath: str | os.PathLike[str], algorithm: str, theirs: Listing) -> str:
    try:
        return digests(pkgpath, [algorithm])[0]
    except RefusedPathError as error:
        modules = [os.fsdecode(path) for path, entry in theirs.items() if entry[0] == _SUBMODULE]
        if modules:  # each holds a .git, which no package can
            message = f"{error}: {', '.join(modules)} is a submodule, of which git lists no files"
            raise RefusedPathError(message) from error
        raise


def _listing(root: bytes, cut: int, algorithm: str) -> Listing:
    """Return our entries by the path that git would print."""
    files = scan(root)
    return {
        path[cut:]: (head[:6], head[7:-3])
        for path, head in zip(files, heads(files, [algorithm])[0], strict=True)
    }


class _Git:
    """The real git in *folder*, with an index and an object store in *scratch*."""

    def __init__(self, folder: bytes, scratch: str) -> None:
        self._folder = folder
        self._environment = {**os.environ, "GIT_LITERAL_PATHSPECS": "1"}
        index = self._path("index")
        objects = self._path("objects")
        copy = os.path.join(scratch, "index")  # noqa: PTH118 -- bytes and strings meet here
        if os.path.exists(index):  # noqa: PTH110
            shutil.copyfile(index, copy)
        self._environment["GIT_INDEX_FILE"] = copy
        self._environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = os.fsdecode(objects)
        self._environment["GIT_OBJECT_DIRECTORY"] = os.path.join(scratch, "objects")  # noqa: PTH118
        os.mkdir(self._environment["GIT_OBJECT_DIRECTORY"])  # noqa: PTH102

    def run(self, *arguments: str | bytes, stdin: bytes = b"") -> bytes:
        """Return what git prints; its first line of complaint becomes the error."""
        command: list[str | bytes] = ["git", "-c", "core.fsmonitor=false", *arguments]
        try:
            done = subprocess.run(
                command,
                cwd=self._folder,
                env=self._environment,
                input=stdin,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError as error:
            message = "git is not installed: there is nothing to compare with"
            raise NoRepositoryError(message) from error
        if done.returncode:
            complaint = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason"]
            message = f"git {os.fsdecode(arguments[0])}: {complaint[0]}"
            raise NoRepositoryError(message)
        return done.stdout

    def why(self, path: bytes, mine: tuple[str, str] | None, entry: tuple[str, str] | None) -> str:
        """Return in words why git's *entry* for *path* is not *mine*."""
        if mine is None:
            return self._only_in_git(path, entry)
        if entry is None:
            return self._not_in_git(path)
        if entry[0] != mine[0]:
            return f"git says mode {entry[0]}, the file has {mine[0]}: core.fileMode is false"
        if tag := self._tag(path):
            return tag
        values = self.run("check-attr", "-z", *_CONVERTING, "--", path).split(b"\0")
        states = zip(values[1::3], values[2::3], strict=False)
        named = [
            f"{os.fsdecode(attribute)}={os.fsdecode(state)}"
            for attribute, state in states
            if state not in (b"unspecified", b"unset")
        ]
        autocrlf = self._config("core.autocrlf")
        if not named and autocrlf not in ("", "false"):
            named = [f"core.autocrlf={autocrlf}"]
        return f"git stores other bytes than the file holds ({', '.join(named) or 'unknown'})"

    def _only_in_git(self, path: bytes, entry: tuple[str, str] | None) -> str:
        if entry and entry[0] == _SUBMODULE:
            return "a submodule: git lists its commit, not its files"
        if BYTECODE_FOLDER in path.split(b"/"):
            return "tracked by git although it is byte code, which is left out here"
        return self._tag(path) or "tracked by git, but not there"

    def _not_in_git(self, path: bytes) -> str:
        try:
            rule = self._check_ignore(b"./" + path).split(b"\0")
        except NoRepositoryError:
            return "not added by git"
        source, line, pattern = (os.fsdecode(part) for part in rule[:3])
        return f"ignored by git: {source}:{line}: {pattern}"

    def _check_ignore(self, path: bytes) -> bytes:
        # It takes paths, never patterns, and fails when it is told that they are literal.
        del self._environment["GIT_LITERAL_PATHSPECS"]
        try:
            return self.run("check-ignore", "-v", "-z", "--stdin", stdin=path + b"\0")
        finally:
            self._environment["GIT_LITERAL_PATHSPECS"] = "1"

    def _tag(self, path: bytes) -> str:
        tag = self.run("ls-files", "-v", "-z", "--", path)[:1]
        if tag in b"Ss" and tag:
            return "marked skip-worktree: git does not look at the file"
        return "marked assume-unchanged: git does not look at the file" if tag.islower() else ""

    def _config(self, name: str) -> str:
        try:
            return os.fsdecode(self.run("config", "--get", name)).strip()
        except NoRepositoryError:
            return ""

    def _path(self, name: str) -> bytes:
        found = self.run("rev-parse", "--git-path", name).rstrip(b"\n")
        return os.path.abspath(os.path.join(self._folder, found))  # noqa: PTH100, PTH118


def _parse(listing: bytes) -> Listing:
    """Return git's entries by path, from ``git ls-files -s -z``."""
    found = {}
    for line in listing.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, name, _ = head.decode().split(" ")
        found[path] = (mode, name)
    return found
