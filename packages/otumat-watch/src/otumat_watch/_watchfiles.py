"""The source of changes on macOS and Windows: the `watchfiles` package, on a thread of its own.

It runs on Linux too, which is where its tests run; macOS and Windows run it in CI. It tells less
than inotify: neither that a writer has closed the file nor a write from a chmod. So a change
settles first, and its signature decides.
"""

# os.path, because pathlib folds what it should not and is slow to load.
# ruff: noqa: PTH112, PTH118, PTH119, PTH120

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from contextlib import suppress

from otumat_watch._ledger import signature
from otumat_watch.exceptions import WatcherUnavailableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_watch._ledger import Ledger
    from otumat_watch._targets import Target

__all__ = ["WatchfilesSource", "folders_to_watch", "target_path"]

#: Milliseconds: how long watchfiles gathers, and the quiet that ends the gathering.
_GATHER, _QUIET = 50, 10
#: Seconds until a new watcher sees everything; FSEvents needs this long.
_ARMING = 10.0


class WatchfilesSource:
    """Tells a ledger what watchfiles says about the targets."""

    name = "watchfiles"

    def __init__(self, targets: list[Target], ledger: Ledger) -> None:
        """Start the threads.

        Raises:
            WatcherUnavailableError: watchfiles is not installed.
        """
        try:
            import watchfiles  # noqa: F401 -- only whether it is there; the thread uses it
        except ImportError as error:
            raise WatcherUnavailableError(0, "the package watchfiles is not installed") from error
        self._targets = targets
        self._ledger = ledger
        self._found: deque[str | Exception] = deque()
        self._read_end, self._write_end = socket.socketpair()
        self._read_end.setblocking(False)
        self._write_end.setblocking(False)
        self._threads: list[_Thread] = []
        self._plan: dict[bool, set[str]] = {}
        self._start()
        for target in targets:
            if target.is_file:
                ledger.record(target.root, signature(target.root))
            else:
                _learn(target, ledger)

    def fileno(self) -> int:
        """Return what becomes readable when there is news."""
        return self._read_end.fileno()

    def read(self, now: float) -> None:
        """Tell the ledger all that happened, without waiting.

        Raises:
            WatcherUnavailableError: watchfiles gave up.
        """
        with suppress(BlockingIOError):
            while self._read_end.recv(4096):
                pass
        while self._found:
            found = self._found.popleft()
            if isinstance(found, Exception):
                raise WatcherUnavailableError(0, f"watchfiles gave up: {found}") from found
            for target in self._targets:
                path = target_path(target, found)
                if path is not None and self._ledger.differs(path):
                    self._ledger.wrote(path, now)

    def follow_all(self, now: float) -> None:
        """Watch folders that have come, no longer those that are gone."""
        del now
        if folders_to_watch(self._targets) != self._plan:
            self._stop()
            self._start()

    def close(self) -> None:
        """End the threads."""
        self._stop()
        self._read_end.close()
        self._write_end.close()

    def _start(self) -> None:
        self._plan = folders_to_watch(self._targets)
        for is_deep, folders in self._plan.items():
            if folders:
                self._threads.append(_Thread(sorted(folders), is_deep=is_deep, tell=self._tell))

    def _stop(self) -> None:
        for thread in self._threads:
            thread.end()
        self._threads.clear()

    def _tell(self, found: str | Exception) -> None:
        self._found.append(found)
        with suppress(BlockingIOError, OSError):  # full means that a wake-up waits already
            self._write_end.send(b"\0")


class _Thread:
    """One call of watchfiles.watch."""

    def __init__(
        self, folders: list[str], *, is_deep: bool, tell: Callable[[str | Exception], None]
    ) -> None:
        self._folders, self._is_deep, self._tell = folders, is_deep, tell
        self._over = threading.Event()
        self._armed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otumat-watch", daemon=True)
        self._thread.start()
        self._armed.wait(_ARMING)

    def end(self) -> None:
        """End the call and wait until it has ended."""
        self._over.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        from watchfiles import watch

        try:
            for batch in watch(
                *self._folders,
                watch_filter=None,
                debounce=_GATHER,
                step=_QUIET,
                stop_event=self._over,
                rust_timeout=100,
                yield_on_timeout=True,
                recursive=self._is_deep,
            ):
                self._armed.set()
                for _, path in batch:
                    self._tell(path)
        except Exception as error:  # noqa: BLE001 -- told to the waiting thread, which raises it
            self._tell(error)
        finally:
            self._armed.set()


def folders_to_watch(targets: list[Target]) -> dict[bool, set[str]]:
    """Return the folders that exist now, by whether all below them counts."""
    plan: dict[bool, set[str]] = {False: set(), True: set()}
    for target in targets:
        places = {target.root, os.path.realpath(target.root)}
        if target.is_file:
            places = {os.path.dirname(place) for place in places}
        plan[not target.is_file].update(place for place in places if os.path.isdir(place))
    return plan


def target_path(target: Target, found: str) -> str | None:
    """Return the ledger's path for *found*, which may be spelled with links resolved."""
    real = os.path.realpath(target.root)
    beside = os.path.join(os.path.realpath(os.path.dirname(target.root)), "")
    if target.is_file:
        ends = {target.root, real, beside + os.path.basename(target.root)}
        return target.root if found in ends else None
    for root in (target.root, real):
        below = os.path.join(root, "")
        if found.startswith(below) and target.covers(found[len(below) :]):
            return target.path(found[len(below) :])
    return None


def _learn(target: Target, ledger: Ledger) -> None:
    from otumat_watch._targets import files_below

    for path, _ in files_below(target):
        ledger.record(path, signature(path))
