r"""The spool: the file of this process to which events are appended, and nothing else.

One line per event, written by one write(2) before `Spool.append` returns, so it survives ``kill
-9``. The file is locked (flock) for as long as its process lives and is never shared: the uploader
takes only what it can lock, so it cannot race the writer. Where the file system knows no locks, the
file is named ``.open`` while it is written and ``.sealed`` afterwards; what was left open, because
its process ended, is taken a day later. Who says no removes the file, and the writer sees that
before its next event. Format, UTF-8, tab-separated::

    otumat-spool 1 <TAB> run <TAB> origin <TAB> text <TAB> agreed at <TAB> package version
        <TAB> python <TAB> os family
    <number> <TAB> <milliseconds since the epoch> <TAB> <event type> [<TAB> <properties as JSON>]
    ! <TAB> <reason> <TAB> <how many events were dropped>

``run`` is random (96 bits), so run + number names an event for good. It must not know who asked.
"""

# pathlib and contextlib are not loaded on the hot path.
# ruff: noqa: PTH104, PTH108, PTH208, SIM105

import os
import sys
import time
from _thread import RLock

from otumat_usage import _home

if sys.platform != "win32":
    import fcntl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = "otumat-spool 1"
SUFFIX = ".spool"
PART = ".part"
OPEN = ".open"
SEALED = ".sealed"
#: A full spool is left to the uploader and the next one begun: bytes, and seconds since it began.
SEAL_BYTES = 64 * 1024
SEAL_SECONDS = 3600
#: Fewer files than this cannot be too much to wait for an uploader (see `_room`).
MANY = 30
#: After how many seconds without a change nobody writes to a file any more; see `SEAL_SECONDS`.
ABANDONED_SECONDS = 86400

_spools: list["Spool"] = []
_at_fork: list[bool] = []


class Spool:
    """What one process records for one package. Safe to call from threads and signal handlers.

    *folder* is where its files go. *permitted* is asked before each new file: a file that somebody
    removed, or that is an hour old, is not followed by another without asking again.
    """

    __slots__ = (
        "_began",
        "_busy",
        "_fd",
        "_folder",
        "_head",
        "_inode",
        "_lock",
        "_number",
        "_pending",
        "_permitted",
        "_size",
        "_unlocked",
        "dropped",
    )

    def __init__(self, folder: str, permitted: "Callable[[], bool]") -> None:
        self._folder = folder
        self._permitted = permitted
        self._fd = -1
        self._inode = 0
        self._head = ""
        self._number = 0
        self._size = 0
        self._began = 0.0
        self._unlocked = ""
        self._busy = False
        self._lock = RLock()
        self._pending: list[tuple[str, str]] = []
        self.dropped: dict[str, int] = {}
        _register(self)

    @property
    def began(self) -> float:
        """When the current file was begun, in seconds since the epoch; 0.0 before the first."""
        return self._began

    def append(self, head: str, event: str) -> None:
        """Append one event; what cannot be written is counted in `dropped`. Never raises OSError.

        *head* is the origin, text and context under which the user agreed to it: when it differs
        from the last one, a new file is begun. *event* is the type and, after a tab, properties.
        """
        with self._lock:
            if self._busy:
                # We are a signal handler inside our own write below: it will see to this event.
                self._pending.append((head, event))
                return
            self._busy = True
            try:
                self._write(head, event)
            finally:
                self._busy = False
            while self._pending:
                self.append(*self._pending.pop(0))

    def seal(self) -> None:
        """Leave the current file to the uploader; the next event begins another."""
        with self._lock:
            self._close()

    def drop(self, reason: str) -> None:
        """Count an event that is not recorded; told to the uploader with the next one that is."""
        with self._lock:
            self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def _write(self, head: str, event: str) -> None:
        now = time.time()
        if not (
            head == self._head
            and self._size < SEAL_BYTES
            and 0 <= now - self._began < SEAL_SECONDS
            and self._is_good()
        ):
            if not self._permitted():
                return
            if not self._begin(head, now):
                self.drop("disk")
                return
        self._number += 1
        line = f"{self._number}\t{int(now * 1000)}\t{event}\n".encode()
        if self.dropped:
            line = self._confession() + line
        try:
            done = os.write(self._fd, line)
        except OSError:
            done = 0
        if done == len(line):
            self._size += done
            if self.dropped:
                self.dropped.clear()
        else:
            self._take_back()

    def _is_good(self) -> bool:
        """Say whether the file is there and ours.

        Who says no removes the files; a daemon closes all descriptors, and numbers come back.
        """
        try:
            about = os.fstat(self._fd)
        except OSError:
            return False
        if about.st_ino == self._inode:
            return about.st_nlink > 0
        self._fd = -1  # somebody else's by now, so not ours to close
        return False

    def _take_back(self) -> None:
        """Remove the torn end that a full disk left, so that what follows can be read."""
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._close()
        self.drop("disk")

    def _confession(self) -> bytes:
        return "".join([f"!\t{why}\t{n}\n" for why, n in self.dropped.items()]).encode()

    def _begin(self, head: str, now: float) -> bool:
        """Open a new file under a new run id; say whether that was possible."""
        self._close()
        self._make_room()
        run = os.urandom(12).hex()
        # The name begins with the time, so that sorting names finds the oldest.
        path = f"{self._folder}/{int(now * 1e6):014x}-{run}{SUFFIX}"
        first = f"{HEAD}\t{run}\t{head}\n".encode()
        try:
            try:
                fd, self._unlocked = _create(path, first)
            except FileNotFoundError:
                _home.make(self._folder)
                fd, self._unlocked = _create(path, first)
        except OSError:
            return False
        self._fd, self._inode = fd, os.fstat(fd).st_ino
        self._size, self._number, self._head, self._began = len(first), 0, head, now
        return True

    def _make_room(self) -> None:
        """Remove the oldest files while too much waits, and count what they held."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return
        if len(names) >= MANY:
            from otumat_usage import _room  # most programs never need it

            if held := _room.make(self._folder, names):
                self.dropped["overflow"] = self.dropped.get("overflow", 0) + held

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        unlocked, self._unlocked = self._unlocked, ""
        if fd < 0:
            return
        try:
            os.close(fd)
            if unlocked:
                os.rename(unlocked, unlocked[: -len(OPEN)] + SEALED)
        except OSError:
            pass

    def after_fork(self) -> None:
        """Let go of the parent's file in a child; its lock would outlive the parent otherwise."""
        self._lock = RLock()
        self._busy = False
        self._pending.clear()
        self.dropped.clear()
        self._unlocked = ""  # the parent still writes to it
        if self._is_good():
            self._close()
        self._fd = -1


def _create(path: str, first: bytes) -> tuple[int, str]:
    """Create a spool that begins with *first*, locked before the uploader can see it.

    Returns its descriptor, and its path if the file system knows no locks.

    Raises:
        OSError: the folder is missing, or the disk is full.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    # An open file cannot be renamed on Windows: that is the lock there (see `claim`).
    early = path if sys.platform == "win32" else path + PART
    unlocked = ""
    fd = os.open(early, flags, 0o600)
    try:
        if sys.platform != "win32" and not _locked(fd):
            path = unlocked = path + OPEN
        if os.write(fd, first) != len(first):
            raise OSError("disk full")  # noqa: TRY301 - one way out for every failure
        if early != path:
            os.rename(early, path)
    except OSError:
        os.close(fd)
        try:
            os.unlink(early)
        except OSError:
            pass
        raise
    return fd, unlocked


if sys.platform != "win32":

    def _locked(fd: int) -> bool:
        """Lock a file for as long as it is open; False where the file system knows no locks.

        Raises:
            OSError: somebody else has locked it.
        """
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if _home.knows_no_locks(error):
                return False
            raise
        return True


def claim(path: str) -> int:
    """Open and lock a spool that no living process writes to; -1 if one does.

    The caller reads it, stores what it holds and removes it before closing the descriptor.
    """
    if sys.platform == "win32":
        taken = path if path.endswith(".taken") else path + ".taken"
        try:
            os.rename(path, taken)
            return os.open(taken, os.O_RDONLY | os.O_BINARY)
        except OSError:
            return -1
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return -1
    try:
        about = os.fstat(fd)
        written = path.endswith(OPEN) and time.time() - about.st_mtime < ABANDONED_SECONDS
        # Without a lock only the name tells that nobody writes.
        free = not written and (_locked(fd) or path.endswith((OPEN, SEALED)))
        if free and os.fstat(fd).st_nlink:
            return fd
    except OSError:
        pass
    os.close(fd)
    return -1


def _register(spool: Spool) -> None:
    _spools.append(spool)
    if not _at_fork and hasattr(os, "register_at_fork"):
        _at_fork.append(True)
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    for spool in _spools:
        spool.after_fork()


def folder(home: str, package: str) -> str:
    """Return the folder of a package's spools."""
    return f"{_home.package_folder(home, package)}/spool"


def remove(path: str) -> None:
    """Remove a claimed spool.

    Raises:
        OSError: the file system refuses.
    """
    if sys.platform == "win32" and not path.endswith(".taken"):
        path += ".taken"
    os.unlink(path)
