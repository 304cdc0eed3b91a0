"""Refuse names of archive entries that mean different files to different systems."""

from __future__ import annotations

import re
import unicodedata
from stat import S_IFMT, S_ISDIR, S_ISLNK, S_ISREG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: Backslashes and drives are folders to Windows; control characters break line-based lists.
_NOT_PLAIN = re.compile(r"[\\\x00-\x1f\x7f]|\A[^/]*:")
_TRIMMED = re.compile(r"[. ](?:/|\Z)")
_LEADS_OUT = re.compile(r"(?:\A|/)\.{0,2}(?:/|\Z)")


def objection(entries: Iterable[tuple[str, int]]) -> str | None:
    """Return why one of *entries* (name, Unix mode) is refused, or None.

    Two names are one file where a file system folds case, normalises Unicode (NFC) or drops
    dots and spaces at the end of a component; a file is then replaced by another one.
    """
    spellings: dict[str, str] = {}
    listed: set[str] = set()
    files: set[str] = set()
    for name, mode in entries:
        path = name.removesuffix("/")
        if why := _not_a_plain_file(name, path, mode):
            return why
        if path in listed:
            return f"{name} is in it twice"
        listed.add(path)
        if path == name:
            files.add(path)
        if clash := _clash(path, spellings):
            return f"{path} and {clash} are one file on some systems"
    if both := files.intersection(_folders(listed)):
        return f"{min(both)} is a file and a folder"
    return None


def _not_a_plain_file(name: str, path: str, mode: int) -> str | None:
    if _NOT_PLAIN.search(name):
        return f"{name!r} is not a plain path"
    if _LEADS_OUT.search(path):
        return f"{name!r} leads out of the wheel"
    if S_ISLNK(mode):
        return f"{name} is a link, which installers treat differently"
    # Some writers leave the type out, which means a plain file or, by its name, a folder.
    if S_IFMT(mode) and not (S_ISDIR if name != path else S_ISREG)(mode):
        return f"{name} is not marked as what its name says: a plain file or a folder"
    return None


def _clash(path: str, spellings: dict[str, str]) -> str | None:
    """Return another spelling of *path* or of a folder above it; remember this one."""
    while path:
        other = spellings.setdefault(_folded(path), path)
        if other != path:
            return other
        path = path.rpartition("/")[0]
        if spellings.get(path.lower()) == path:
            return None  # this folder and those above it were looked at before
    return None


def _folders(paths: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _folded(path: str) -> str:
    if not path.isascii():
        path = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
    if _TRIMMED.search(path):
        path = "/".join([part.rstrip(". ") for part in path.split("/")])
    return path.lower()
