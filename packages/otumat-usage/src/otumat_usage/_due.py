"""When the next upload is due, at the price of one stat(2) in a program that records.

The note ``job`` in the data folder has as its modification time the moment from which a program
may start an uploader itself: a scheduler's job, and every uploader, puts it off. So a job that
does not run (no scheduler, a vanished interpreter, a machine that is mostly off) is noticed here.
"""

# pathlib and contextlib are not loaded on the hot path.
# ruff: noqa: PTH116

import os
import time

#: How far ahead (seconds) the moment can be; further is a clock that was wrong for a while.
FURTHEST = 8 * 86400
_FIRST = 86400


def path_of(home: str) -> str:
    """Return the file whose modification time is the moment."""
    return f"{home}/job"


def passed(home: str) -> bool:
    """Say whether the moment has passed; where none is known, one is set a day from now."""
    now = time.time()
    try:
        return not 0 < os.stat(path_of(home)).st_mtime - now < FURTHEST
    except FileNotFoundError:
        _begin(home)
    except OSError:
        pass
    return False


def look(home: str) -> None:
    """Start an uploader if one is due, in the background. Called once per spool file."""
    if passed(home):
        from otumat_usage import _detached

        _detached.start(home)


def put_off(home: str, seconds: float) -> None:
    """Set the moment to *seconds* from now.

    Raises:
        OSError: there is no note, or it is not ours to touch.
    """
    moment = time.time() + seconds
    os.utime(path_of(home), (moment, moment))


def _begin(home: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        os.close(os.open(path_of(home), flags, 0o600))
        put_off(home, _FIRST)
    except OSError:
        pass
