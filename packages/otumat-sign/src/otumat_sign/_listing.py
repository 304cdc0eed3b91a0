"""Write git's listing of a package and hash it: order, quoting, and the names git refuses."""

from __future__ import annotations

import re

from otumat_sign._blobs import blob_id
from otumat_sign.exceptions import EmptyPackageError, RefusedPathError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otumat_sign._blobs import Maker

#: The bytes that core.quotePath=true (git's default) prints as they are; quote.c.
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
_NOT_PLAIN = re.compile(rb"[^%b]" % re.escape(_PLAIN))
_ESCAPES = {byte: b"\\%03o" % byte for byte in range(256) if byte not in _PLAIN}
_ESCAPES |= dict(zip(b'\a\b\t\n\v\f\r"\\', (rb"\%c" % c for c in b'abtnvfr"\\'), strict=True))

#: Components that git refuses to track, whatever the platform: ".git" and what NTFS takes for
#: it (core.protectNTFS is on everywhere), after "/" or "\"; read-cache.c, path.c.
_REFUSED = re.compile(rb"(?i)(?:^|[/\\])(?:\.git|git~1)[. ]*(?:$|[/\\:])")
#: The same for ".gitmodules" where it is a link, with its NTFS short names.
_REFUSED_LINK = re.compile(
    rb"(?i)(?:^|[/\\])(?:\.gitmodules|gitmod~[1-4]|gi7eba~[1-9][0-9]?|gi7eb~[1-9][0-9]{1,2}"
    rb"|gi7e~[1-9][0-9]{2,3}|gi7~[1-9][0-9]{3,4}|gi~[1-9][0-9]{4,5}|g~[1-9][0-9]{5,6}"
    rb"|~[1-9][0-9]{6})[. ]*(?:$|:)"
)


def quote(path: bytes) -> bytes:
    """Return *path* as git prints it: in C quotes if a byte of it is not plain ASCII."""
    if not _NOT_PLAIN.search(path):
        return path
    return b'"%b"' % _NOT_PLAIN.sub(lambda found: _ESCAPES[found[0][0]], path)


def refuse_names(paths: Sequence[bytes]) -> None:
    """Raise RefusedPathError if git would refuse to track one of *paths* by its name."""
    joined = b"\0".join(paths).lower()
    if b".git" not in joined and b"git~1" not in joined:
        return
    for path in paths:
        if _REFUSED.search(path):
            message = f"{path.decode(errors='backslashreplace')}: git refuses this name; rename it"
            raise RefusedPathError(message)


def refuse_link_name(path: bytes) -> None:
    """Raise RefusedPathError if git refuses *path* because it is a link."""
    if _REFUSED_LINK.search(path):
        name = path.decode(errors="backslashreplace")
        message = f"{name}: git refuses a link of this name; rename it"
        raise RefusedPathError(message)


def digest(heads: Iterable[bytes], paths: Sequence[bytes], make: Maker) -> str:
    """Return the hexadecimal id of the listing made of *heads* and *paths*, both in order.

    Raises:
        EmptyPackageError: there are no paths.
    """
    if not paths:
        message = "the package has no files: its hash would be that of every empty folder"
        raise EmptyPackageError(message)
    lines = [head + path for head, path in zip(heads, map(quote, paths), strict=True)]
    return blob_id(b"\n".join([*lines, b""]), make).decode()
