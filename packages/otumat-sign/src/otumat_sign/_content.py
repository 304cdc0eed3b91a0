"""What a file is to a signature (its mode and its hashes), and what a module's files add up to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha1, sha256
from stat import S_ISREG

from otumat_sign._listing import quote, refuse_names
from otumat_sign.exceptions import ChangedFileError, EmptyPackageError, RefusedPathError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PLAIN, EXECUTABLE = "100644", "100755"
#: Python writes this folder where it can; it is left out by exact name.
BYTECODE_FOLDER = "__pycache__"
#: Never follow a link, never block on a FIFO that has taken a file's place, never translate.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One file: git's mode, the SHA-256 of its bytes, its ids as git's SHA-1 and SHA-256 blob."""

    mode: str
    plain: str
    sha1: str
    sha256: str


def fact(data: bytes, mode: str = PLAIN) -> Fact:
    """Return the `Fact` of a file that holds *data*."""
    header = b"blob %d\0" % len(data)
    compat = sha1(header, usedforsecurity=False)
    compat.update(data)
    tree = sha256(header)
    tree.update(data)
    return Fact(mode, sha256(data).hexdigest(), compat.hexdigest(), tree.hexdigest())


def below(paths: Iterable[str], root: str) -> list[str]:
    """Return those of *paths* that are *root* or lie below it, byte code folders left out."""
    inside = root + "/"
    return [
        path
        for path in paths
        if path == root or (path.startswith(inside) and BYTECODE_FOLDER not in path.split("/")[:-1])
    ]


def digest(
    facts: Mapping[str, Fact], root: str, algorithm: str, modes: Mapping[str, str] | None = None
) -> str:
    """Return `hash_pkg` of the module at *root*, made of *facts*.

    Args:
        facts: Files by their path below the site folder, "/" between components.
        root: The module's folder or file.
        algorithm: ``"sha1"`` or ``"sha256"``.
        modes: Modes to take instead of the facts' own.

    Raises:
        EmptyPackageError: nothing is there.
        RefusedPathError: git would refuse a name.
    """
    cut = len(root.rpartition("/")[0]) + 1 if "/" in root else 0
    chosen = sorted(
        (path[cut:].encode(errors="surrogateescape"), path) for path in below(facts, root)
    )
    if not chosen:
        raise EmptyPackageError(f"{root} has no files to sign")
    refuse_names([raw for raw, _ in chosen])
    modes = modes or {}
    lines = b"".join(
        [
            b"%b %b 0\t%b\n"
            % (
                modes.get(path, facts[path].mode).encode(),
                getattr(facts[path], algorithm).encode(),
                quote(raw),
            )
            for raw, path in chosen
        ]
    )
    return str(getattr(fact(lines), algorithm))


def read(path: str) -> tuple[bytes, os.stat_result]:
    """Return the bytes of a plain file and what fstat says of it.

    Raises:
        RefusedPathError: it is a link, a FIFO, or anything but a plain file.
        ChangedFileError: it changed while it was read.
        OSError: it is not there or cannot be read.
    """
    try:
        handle = os.open(path, _FLAGS)
    except OSError as error:
        if os.path.islink(path):  # noqa: PTH114 -- strings in, strings out
            raise RefusedPathError(f"{path} is a symbolic link, which no wheel holds") from error
        raise
    with os.fdopen(handle, "rb") as file:
        before = os.fstat(handle)
        if not S_ISREG(before.st_mode):
            raise RefusedPathError(f"{path} is not a plain file")
        data = file.read()
        after = os.fstat(handle)
    if len(data) != before.st_size or before.st_mtime_ns != after.st_mtime_ns:
        raise ChangedFileError(f"{path} changed while it was read: try again")
    return data, before


def mode(stat: os.stat_result) -> str:
    """Return git's mode of a plain file: its owner's x bit. Windows has none."""
    return EXECUTABLE if stat.st_mode & 0o100 and os.name == "posix" else PLAIN
