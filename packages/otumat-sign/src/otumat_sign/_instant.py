"""Read and write instants as text, and know the present one: always UTC, whole seconds."""

from __future__ import annotations

import os
import re
from datetime import datetime, timezone

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?\Z", re.ASCII)
#: https://reproducible-builds.org/specs/source-date-epoch/
_VARIABLE = "SOURCE_DATE_EPOCH"


def now() -> datetime:
    """Return the present, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def of_build() -> datetime:
    """Return when a build says that it happens: SOURCE_DATE_EPOCH (Unix seconds), else now.

    Raises:
        ValueError: the variable is no number of seconds.
    """
    seconds = os.environ.get(_VARIABLE)
    if not seconds:
        return now()
    try:
        return datetime.fromtimestamp(int(seconds), timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        message = f"{_VARIABLE}={seconds} is no number of seconds since 1970"
        raise ValueError(message) from error


def parse(text: str) -> datetime:
    """Return the instant that *text* names: ``2026-01-31T12:00:00Z``, or a day's first one.

    Raises:
        ValueError: it is not written like this (a subset of RFC 3339).
    """
    if not _INSTANT.match(text):
        message = f"{text!r} is not a date like 2026-01-31 or 2026-01-31T12:00:00Z"
        raise ValueError(message)
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=timezone.utc)


def write(instant: datetime) -> str:
    """Return *instant* as ``2026-01-31T12:00:00Z``."""
    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
