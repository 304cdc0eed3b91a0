"""Judge what a maintainer lets users know by the answer to an upload: a version, one line."""

from __future__ import annotations

import re

from otumat_usage.host._errors import PackageInvalid

__all__ = ["LONGEST", "checked"]

#: Characters of a notice.
LONGEST = 200
_LONGEST_VERSION = 64
# The canonical and the spelled-out forms of PEP 440, as its appendix B reads them.
_VERSION = re.compile(
    r"v?(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*"
    r"(?:[-_.]?(?:alpha|a|beta|b|preview|pre|c|rc)[-_.]?[0-9]*)?"
    r"(?:-[0-9]+|[-_.]?(?:post|rev|r)[-_.]?[0-9]*)?"
    r"(?:[-_.]?dev[-_.]?[0-9]*)?"
    r"(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?",
    re.IGNORECASE | re.ASCII,
)


def checked(latest: str | None, notice: str | None) -> tuple[str | None, str | None]:
    """Return both without blanks around them; what is empty becomes None.

    Raises:
        PackageInvalid: *latest* is no version (PEP 440), or *notice* is too long or holds
            control characters, which could write over what a terminal shows.
    """
    version, text = (latest or "").strip(), (notice or "").strip()
    if version and (len(version) > _LONGEST_VERSION or _VERSION.fullmatch(version) is None):
        raise PackageInvalid(f"{version[:40]!r} is no version such as 1.2.3 (PEP 440)")
    if len(text) > LONGEST or not text.isprintable():
        raise PackageInvalid(f"a notice is one line of at most {LONGEST} printable characters")
    return version or None, text or None
