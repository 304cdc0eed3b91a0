"""Locks between processes: a file that one of them holds.

Where the file system knows no locks, the holder is the process that could create a second file,
``….held``. Should it be killed, that file stands in the way for an hour.
"""

import os
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from otumat_usage import _home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STALE_SECONDS = 3600


@contextmanager
def held(path: str, *, wait: float = 0.0) -> "Iterator[bool]":
    """Hold the lock *path*, waiting at most *wait* seconds for it; yields whether we do.

    The lock goes with the process that holds it, however that one ends (but see above).

    Raises:
        OSError: the lock's file cannot be made.
    """
    _home.make(path.rpartition("/")[0])
    end = time.monotonic() + wait
    fd, leave = _attempt(path)
    try:
        while leave is None and time.monotonic() < end:
            os.close(fd)
            fd = -1
            time.sleep(0.02)
            fd, leave = _attempt(path)
        try:
            yield leave is not None
        finally:
            if leave is not None:
                leave()
    finally:
        if fd >= 0:
            os.close(fd)


def drop(path: str) -> None:
    """Remove the file of a lock, unless somebody holds it.

    Raises:
        OSError: the file system refuses.
    """
    if os.path.lexists(path):
        with held(path) as ours:
            if ours and sys.platform != "win32":
                Path(path).unlink()
        if ours and sys.platform == "win32":
            with suppress(OSError):  # somebody has opened it meanwhile
                Path(path).unlink()


def _attempt(path: str) -> "tuple[int, Callable[[], None] | None]":
    """Open the lock's file and try to hold it; return how to leave it, or None."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    for _ in range(10):
        fd = os.open(path, flags, 0o600)
        leave = _try(fd, path)
        if leave is None or _is_there(fd, path):
            return fd, leave
        # Its last holder removed it after we had opened it: the lock is another file now.
        leave()
        os.close(fd)
    raise OSError(f"{path} is removed again and again")


def _is_there(fd: int, path: str) -> bool:
    try:
        return sys.platform == "win32" or os.path.samestat(os.fstat(fd), Path(path).stat())
    except FileNotFoundError:
        return False


def _nothing() -> None:
    """Leave a lock that goes with its descriptor."""


if sys.platform == "win32":
    import msvcrt

    def _try(fd: int, path: str) -> "Callable[[], None] | None":  # noqa: ARG001 - as below
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return None
        return _nothing

    def known(fd: int) -> bool:  # noqa: ARG001 - as below
        """Say yes: every file system of Windows knows locks."""
        return True

else:
    import fcntl

    def _try(fd: int, path: str) -> "Callable[[], None] | None":
        """Return how to leave the lock again, or None while somebody else holds it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return _by_name(f"{path}.held") if _home.knows_no_locks(error) else None
        return _nothing

    def known(fd: int) -> bool:
        """Say whether the file system of an open file knows the locks that SQLite takes."""
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return not _home.knows_no_locks(error)
        return True

    def _by_name(mark: str) -> "Callable[[], None] | None":
        try:
            os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            with suppress(FileNotFoundError):  # left just now
                if time.time() - Path(mark).stat().st_mtime > _STALE_SECONDS:
                    Path(mark).unlink()
            return None
        return lambda: Path(mark).unlink(missing_ok=True)  # the whole folder may have gone
