"""What `-f` names: a file, a folder with all below it, or a glob."""

# os.path, because pathlib folds what it should not and is slow to load.
# ruff: noqa: PTH109, PTH114, PTH116, PTH118, PTH206

from __future__ import annotations

import os
import stat

from otumat_watch.exceptions import TargetError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

__all__ = ["Target", "files_below", "parse_target"]

#: Folders that hold a tool's own bookkeeping; a watched folder leaves them out.
_TOOL_FOLDERS = frozenset({".git", ".hg", ".svn", ".jj", "__pycache__"})
#: What editors leave beside a file while they save it.
_EDITOR_SUFFIXES = ("~", ".swp", ".swo", ".swx", "___jb_tmp___", "___jb_old___")
_EDITOR_NAMES = frozenset({"4913", ".DS_Store"})


class Target:
    """One thing to watch.

    Attributes:
        spec: What the user wrote.
        root: The absolute path of the file itself, or of the folder that everything is below;
            absolute because the current folder may be removed and made anew.
        is_file: Whether only `root` itself counts.
    """

    def __init__(self, spec: str, root: str, patterns: list[str] | None, *, is_file: bool) -> None:
        self.spec = spec
        # Not normalised: `link/..` is not the folder that holds the link.
        self.root = os.path.join(os.getcwd(), root)
        #: What the paths of all files below the root begin with.
        self.below = os.path.join(self.root, "")
        self._spelled_root = root
        self.is_file = is_file
        self._patterns = None if patterns is None else [_compiled(text) for text in patterns]

    def covers(self, relative: str) -> bool:
        """Tell whether the file *relative* to the root is watched."""
        if self._patterns is None:
            name = relative.rpartition(os.sep)[2]
            return not (
                name in _EDITOR_NAMES or name.startswith(".#") or name.endswith(_EDITOR_SUFFIXES)
            )
        return _matches(relative.split(os.sep), self._patterns)

    def enters(self, relative: str) -> bool:
        """Tell whether the folder *relative* to the root may hold watched files."""
        if self._patterns is None:
            return relative.rpartition(os.sep)[2] not in _TOOL_FOLDERS
        return _may_lead(relative.split(os.sep), self._patterns)

    def path(self, relative: str) -> str:
        """Return the absolute path of *relative*."""
        return os.path.join(self.root, relative) if relative else self.root

    def spelled(self, path: str) -> str | None:
        """Return *path* as the user would write it; None if it is not this target's."""
        if path == self.root:
            return self._spelled_root
        if self.is_file or not path.startswith(self.below):
            return None
        return os.path.join(self._spelled_root, path[len(self.below) :])


def parse_target(spec: str) -> Target:
    """Return what *spec* stands for.

    A name that exists is taken literally, whatever characters it has.

    Raises:
        TargetError: Neither a file nor a folder nor a glob.
    """
    if not spec or "\0" in spec:
        raise TargetError(f"{spec!r} is no path: name a file, a folder or a glob after -f")
    try:
        mode = os.stat(spec).st_mode
    except OSError:
        return _parse_missing(spec)
    if stat.S_ISDIR(mode):
        try:
            os.scandir(spec).close()
        except OSError as error:
            raise TargetError(f"{spec} cannot be read: {error.strerror}") from error
        return Target(spec, spec, None, is_file=False)
    if not stat.S_ISREG(mode):
        raise TargetError(f"{spec} is neither a file nor a folder: it has no content to watch")
    return Target(spec, spec, None, is_file=True)


def files_below(target: Target) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield (path, entry) of every file *target* covers now; links are not followed."""
    folders = [""]
    while folders:
        relative = folders.pop()
        try:
            entries = list(os.scandir(target.path(relative)))
        except OSError:  # gone meanwhile, or not ours to read
            continue
        for entry in entries:
            below = os.path.join(relative, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if target.enters(below):
                    folders.append(below)
            elif target.covers(below):
                yield target.path(below), entry


def _parse_missing(spec: str) -> Target:
    if os.path.islink(spec) or not any(character in spec for character in "*?["):
        is_folder = spec.endswith((os.sep, os.altsep or os.sep))
        return Target(spec, spec, None, is_file=not is_folder)
    parts = spec.replace(os.altsep or os.sep, os.sep).split(os.sep)
    first = next(i for i, part in enumerate(parts) if any(c in part for c in "*?["))
    root = os.sep.join(parts[:first]) or (os.sep if spec.startswith(os.sep) else os.curdir)
    return Target(spec, root, [part for part in parts[first:] if part], is_file=False)


def _compiled(text: str) -> re.Pattern[str] | None:
    """Return the expression for one component of a glob; None for `**`."""
    if text == "**":
        return None
    import fnmatch
    import re

    # As in a shell, a wildcard never stands for the dot that hides a name.
    hidden = "" if text.startswith(".") else r"(?!\.)"
    return re.compile(hidden + fnmatch.translate(os.path.normcase(text)))


def _matches(parts: Sequence[str], patterns: Sequence[re.Pattern[str] | None]) -> bool:
    if not patterns:
        return not parts
    first, *rest = patterns
    if first is None:
        hidden = bool(parts) and parts[0].startswith(".")
        if not rest:
            return bool(parts) and not any(part.startswith(".") for part in parts)
        return _matches(parts, rest) or (
            len(parts) > 1 and not hidden and _matches(parts[1:], patterns)
        )
    return bool(parts) and bool(first.match(os.path.normcase(parts[0]))) and (
        _matches(parts[1:], rest)
    )  # fmt: skip


def _may_lead(parts: Sequence[str], patterns: Sequence[re.Pattern[str] | None]) -> bool:
    """Tell whether something below the folder *parts* can match."""
    for position, (part, pattern) in enumerate(zip(parts, patterns, strict=False)):
        if pattern is None:
            # `**` stands for no hidden folder, but what comes after it may name one.
            named = [each for each in patterns[position + 1 :] if each is not None]
            return all(
                not below.startswith(".") or any(each.match(below) for each in named)
                for below in parts[position:]
            )
        if not pattern.match(os.path.normcase(part)):
            return False
    return len(parts) < len(patterns)
