"""Locks between processes: a file that one of them holds."""

import os
import sys
import time
from contextlib import contextmanager

from otumat_usage import _home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def held(path: str, *, wait: float = 0.0) -> "Iterator[bool]":
    """Hold the lock *path*, waiting at most *wait* seconds for it; yields whether we do.

    The lock goes with the process that holds it, however that one ends.

    Raises:
        OSError: the lock's file cannot be made.
    """
    _home.make(path.rpartition("/")[0])
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    fd = os.open(path, flags, 0o600)
    try:
        end = time.monotonic() + wait
        while not (got := _try(fd)) and time.monotonic() < end:
            time.sleep(0.02)
        yield got
    finally:
        os.close(fd)


if sys.platform == "win32":
    import msvcrt

    def _try(fd: int) -> bool:
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
