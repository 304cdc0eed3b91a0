"""The four system calls of inotify(7), by ctypes; knows nothing of what is watched.

Only Linux has them. Everything is non-blocking: who waits, waits on `fileno()`.
"""

import ctypes
import os
import struct
from errno import EINVAL, EMFILE

from otumat_watch.exceptions import WatcherUnavailableError

__all__ = ["Inotify"]

MODIFY = 0x2
ATTRIB = 0x4
CLOSE_WRITE = 0x8
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
Q_OVERFLOW = 0x4000
IGNORED = 0x8000
ONLYDIR = 0x01000000
EXCL_UNLINK = 0x04000000
MASK_ADD = 0x20000000
ISDIR = 0x40000000

_HEADER = struct.Struct("iIII")
_ROOM = 64 * 1024
#: Bytes of the longest event: a name of 255 bytes and its padding.
_LONGEST = _HEADER.size + 256


class Inotify:
    """One inotify instance."""

    def __init__(self) -> None:
        """Open the instance.

        Raises:
            WatcherUnavailableError: The user's instances are used up, or the kernel has none.
        """
        self._fd = -1
        self._libc: ctypes.CDLL = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            code = ctypes.get_errno()
            reason = os.strerror(code)
            if code == EMFILE:
                reason = (
                    "all inotify instances of this user are taken "
                    "(raise fs.inotify.max_user_instances with sysctl)"
                )
            raise WatcherUnavailableError(code, reason)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when something happened."""
        return self._fd

    def add(self, path: str, mask: int) -> int:
        """Watch *path* and return the watch descriptor; the same inode gives the same one.

        Raises:
            OSError: As `inotify_add_watch(2)`; ENOSPC says that the user's watches are used up.
        """
        wd: int = self._libc.inotify_add_watch(self._fd, os.fsencode(path), mask)
        if wd < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), path)
        return wd

    def remove(self, wd: int) -> None:
        """Stop watching *wd*; one that is gone already is no error."""
        if self._libc.inotify_rm_watch(self._fd, wd) < 0 and ctypes.get_errno() != EINVAL:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def read(self) -> list[tuple[int, int, str]]:
        """Return all events that wait, as (watch descriptor, mask, name)."""
        events: list[tuple[int, int, str]] = []
        size = _ROOM
        # A read that leaves room for the longest event has emptied the queue.
        while size > _ROOM - _LONGEST:
            try:
                data = os.read(self._fd, _ROOM)
            except BlockingIOError:
                break
            size = len(data)
            offset = 0
            while offset < len(data):
                wd, mask, _, length = _HEADER.unpack_from(data, offset)
                offset += _HEADER.size
                name = data[offset : offset + length].rstrip(b"\0")
                events.append((wd, mask, os.fsdecode(name)))
                offset += length
        return events

    def close(self) -> None:
        """Close the instance and all its watches."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        """Close it with a generator that was never started."""
        self.close()
