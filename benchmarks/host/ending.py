"""Let a benchmark that is told to end stop the servers that it has started."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

__all__ = ["heed_sigterm"]


def heed_sigterm() -> None:
    """From now on, have SIGTERM end this program as an exception does: what is open is closed."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, _frame: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # a second one must not cut the first one's work short
    sys.exit(128 + number)
