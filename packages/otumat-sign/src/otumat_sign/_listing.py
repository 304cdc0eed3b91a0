"""Write the lines of git's listing: quoting, and the names that git refuses."""

from __future__ import annotations

import re

from otumat_sign.exceptions import RefusedPathError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

#: The bytes that core.quotePath=true (git's default) prints as they are; quote.c.
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
_NOT_PLAIN = re.compile(rb"[^%b]" % re.escape(_PLAIN))
_ESCAPES = {byte: b"\\%03o" % byte for byte in range(256) if byte not in _PLAIN}
_ESCAPES |= dict(zip(b'\a\b\t\n\v\f\r"\\', (rb"\%c" % c for c in b'abtnvfr"\\'), strict=True))

#: Components that git refuses to track, whatever the platform: ".git" and what NTFS takes for
#: it (core.protectNTFS is on everywhere), after "/", or "\" within a name; read-cache.c, path.c.
_START = rb"(?:^|/|(?<=[^/])\\)"
_REFUSED = re.compile(rb"(?i)" + _START + rb"(?:\.git|git~1)[. ]*(?:\Z|[/\\:])")
#: The same for ".gitmodules" where a link is concerned, with its short names on NTFS.
_SHORT_NAMES = b"|".join(
    b"%b~[1-9][0-9]{%d}" % (b"gi7eba"[:letters], 6 - letters) for letters in range(7)
)
_REFUSED_LINK = re.compile(
    rb"(?i)(?:^|/)\.gitmodules/"
    rb"|" + _START + rb"(?:\.gitmodules|gitmod~[1-4]|" + _SHORT_NAMES + rb")[. ]*(?:\Z|:)"
)


def quote(path: bytes) -> bytes:
    """Return *path* as git prints it: in C quotes if a byte of it is not plain ASCII."""
    if not _NOT_PLAIN.search(path):
        return path
    return b'"%b"' % _NOT_PLAIN.sub(lambda found: _ESCAPES[found[0][0]], path)


def refuse_names(paths: Sequence[bytes]) -> None:
    """Raise RefusedPathError if git would refuse to track one of *paths* by its name."""
    joined = b"\0".join(paths).lower()
    if b".git" in joined or b"git~1" in joined:
        for path in paths:
            if _REFUSED.search(path):
                _refuse(path)


def refuse_links(heads: Sequence[str], paths: Sequence[bytes]) -> None:
    """Raise RefusedPathError if git refuses one of *paths* because it is a link."""
    joined = b"\0".join(paths).lower()
    if b".gitmodules" in joined or b"~" in joined:
        for head, path in zip(heads, paths, strict=True):
            if head.startswith("120000") and _REFUSED_LINK.search(path):
                _refuse(path)


def _refuse(path: bytes) -> NoReturn:
    message = f"{path.decode(errors='backslashreplace')}: git refuses this name; rename it"
    raise RefusedPathError(message)


def lines(heads: Sequence[str], names: Sequence[str]) -> bytes:
    """Return the lines of a listing for *heads* and the quoted *names*, both in order."""
    parts = [""] * (3 * len(heads))
    parts[0::3] = heads
    parts[1::3] = names
    parts[2::3] = ["\n"] * len(heads)
    return "".join(parts).encode("ascii")


def quote_all(paths: Sequence[bytes]) -> list[str]:
    """Return `quote` of each of *paths*."""
    joined = b"\0".join(paths)
    if not joined.translate(None, _PLAIN + b"\0"):
        return joined.decode("ascii").split("\0")
    return [quote(path).decode("ascii") for path in paths]
