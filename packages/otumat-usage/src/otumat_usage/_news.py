"""What a host's last answer said to the users of a package: its newest version, a short notice.

Kept by the uploader, told to the package that asks (`UsageAgent.news`) and shown to nobody by us.
A host is not trusted with a terminal: what is told is one line of printable text.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

from otumat_usage import _answer, _home

MAX_TEXT = 200
_LIMIT = 4096
#: PEP 440, appendix B, without the blanks around it.
_VERSION = re.compile(
    r"v?(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*"
    r"(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview)[-_.]?[0-9]*)?"
    r"(?:-[0-9]+|[-_.]?(?:post|rev|r)[-_.]?[0-9]*)?"
    r"(?:[-_.]?dev[-_.]?[0-9]*)?"
    r"(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?",
    re.IGNORECASE | re.ASCII,
)
#: ECMA-48: strings (OSC, DCS, SOS, PM, APC) with their ends, CSI sequences, other escapes.
_ESCAPES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)


@dataclass(frozen=True, slots=True)
class News:
    """What the maintainers of a package say to its users.

    Attributes:
        latest_version: the newest version that is released (PEP 440), or None.
        notice: one line of plain text, at most 200 characters, or None.
        received: when the host said so, in UTC.
    """

    latest_version: str | None
    notice: str | None
    received: dt.datetime


def version(found: object) -> str | None:
    """Return *found* if it is a version."""
    if isinstance(found, str) and len(found) <= MAX_TEXT and _VERSION.fullmatch(found.strip()):
        return found.strip()
    return None


def plain(found: object) -> str | None:
    """Return *found* as one line that no terminal acts upon, or None when nothing is left of it."""
    if not isinstance(found, str):
        return None
    words = " ".join(_ESCAPES.sub("", found).split())
    line = "".join(letter for letter in words if letter.isprintable())
    return line[:MAX_TEXT].strip() or None


def _path(home: str, package: str) -> Path:
    return Path(_home.package_folder(home, package), "news.json")


def keep(home: str, package: str, origin: str, told: tuple[str | None, str | None]) -> None:
    """Keep version and notice that *origin* told last; nothing told leaves nothing.

    Hold the upload lock: who says no waits for it before removing what is kept.

    Raises:
        OSError: the file cannot be written or removed.
    """
    path = _path(home, package)
    answer = _answer.read(home, package)
    if not any(told) or answer.refused or origin not in answer.agreed:
        path.unlink(missing_ok=True)
        return
    latest, notice = told
    text = {
        "otumat_usage": 1,
        "origin": origin,
        "latest_version": latest,
        "notice": notice,
        "received": int(time.time()),
    }
    _home.write(str(path), json.dumps(text, indent=1).encode() + b"\n")


def read(home: str, package: str, origin: str) -> News | None:
    """Return what *origin* told last, or None; never raises."""
    try:
        found = json.loads(_home.read(str(_path(home, package)), _LIMIT))
        if found["origin"] != origin:
            return None
        received = dt.datetime.fromtimestamp(found["received"], dt.timezone.utc)
        news = News(version(found["latest_version"]), plain(found["notice"]), received)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None
    return news if news.latest_version or news.notice else None
