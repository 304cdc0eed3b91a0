"""Write what happens as JSON lines, without anything that names a person or a machine.

A line holds a time, an event and words that are known beforehand: a route's pattern,
never the address that was asked; the type of an unforeseen error and where it was
raised, never its message (which may quote a row, a token or an address).
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

__all__ = ["Journal", "configure"]

_FRAMES = 8
#: Seconds between two lines about one outage, which each refused request would repeat.
AGAIN = 60


class Journal:
    """Write one JSON object per line to *stream*; None writes nothing."""

    def __init__(
        self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}

    def __bool__(self) -> bool:
        return self._stream is not None

    def note(self, event: str, **members: object) -> None:
        """Write one line; a stream that is gone is no reason to stop serving."""
        if self._stream is None:
            return
        now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds")
        line = json.dumps({"at": now.replace("+00:00", "Z"), "event": event} | members)
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return

    def failure(self, error: BaseException, **members: object) -> None:
        """Note an unforeseen error: its type and where it was raised."""
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        self.note("failure", type=type(error).__name__, frames=places, **members)

    def outage(self, error: BaseException, event: str, text: str) -> None:
        """Note that something we need cannot be used: at once, then once a minute while so."""
        with self._lock:
            now = self._clock()
            if now - self._told.get(event, -AGAIN) < AGAIN:
                return
            self._told[event] = now
        cause = getattr(error.__cause__, "orig", None) or error.__cause__ or error
        # Of SQLite, such as SQLITE_FULL (from Python 3.11 on); of PostgreSQL, such as 53100.
        code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
        self.note(event, type=type(cause).__name__, code=code, text=text)

    def store_outage(self, error: BaseException) -> None:
        """Note that the store cannot be used."""
        text = "the store cannot be used; see otumat-usage host doctor"
        self.outage(error, "store", text)


class _Handler(logging.Handler):
    """Turn what the server library logs into lines of the journal."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        # The template, not the filled-in text: its arguments may be addresses.
        if record.exc_info and record.exc_info[1] is not None:
            self._journal.failure(record.exc_info[1], logger=record.name)
        else:
            level = record.levelname.lower()
            self._journal.note("server", level=level, logger=record.name, text=str(record.msg))


def configure(*, access: bool) -> tuple[Journal, Journal]:
    """Return the journals of events and of requests on stderr, and route the libraries there."""
    journal = Journal(sys.stderr)
    handler = _Handler(journal)
    for name in ("uvicorn", "uvicorn.error", "asyncio", "otumat_usage.host"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    # It warns of each malformed request, so that any stranger could fill the disk with lines.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return journal, journal if access else Journal()
