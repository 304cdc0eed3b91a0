"""Run every write of the process on one thread, many writes per commit.

A write is a function of one connection. The thread takes all that wait, runs them
in one transaction and answers each only after the commit, so an answer means
"durable" and a hundred callers share one fsync. A write must decide before it
changes anything and return its refusals; when one raises all the same, the whole
group is rolled back and each write runs again in a transaction of its own, so one
caller's failure never costs another's.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from otumat_usage.host._database import Connection, Database
from otumat_usage.host._errors import StoreBusy, StoreUnavailable

__all__ = ["Writer"]

_T = TypeVar("_T")
_Write = Callable[[Connection], Any]
_Job = tuple[_Write, Any, "bytes | None", str]
_Outcome = tuple[Any, Any, "Exception | None"]

#: Writes that may wait at once; more are refused so that memory stays bounded.
CAPACITY = 2048
#: Writes that share one commit at most, which bounds how long the first one waits.
GROUP = 256


class Writer:
    """Own the write thread of a database.

    Args:
        database: Where the writes go.
        capacity: How many writes may wait before `submit` raises `StoreBusy`.
    """

    def __init__(self, database: Database, *, capacity: int = CAPACITY) -> None:
        self._database = database
        self._queue: queue.Queue[_Job | None] = queue.Queue(capacity)
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self) -> None:
        """Start the thread; `stop` must follow."""
        self._thread = threading.Thread(target=self._run, name="otumat-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse new writes, finish all that were accepted, and end the thread."""
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        # One that passed the check above while it changed came too late to be run.
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._queue.get_nowait()
                if job is not None:
                    _settle([(job[1], None, StoreBusy("the host is stopping"))])

    @property
    def waiting(self) -> int:
        """How many writes wait now."""
        return self._queue.qsize()

    def submit(
        self, write: Callable[[Connection], _T], *, install: bytes | None = None
    ) -> Future[_T]:
        """Queue *write*; its future resolves after the commit, or with the failure.

        Args:
            write: What to do in the transaction.
            install: The one install whose rows *write* touches. Writes that name one
                may be committed while other processes commit theirs.

        Raises:
            StoreBusy: the queue is full, or the host is stopping.
        """
        future: Future[_T] = Future()
        self._put(write, future, install)
        return future

    async def run(
        self,
        write: Callable[[Connection], _T],
        *,
        install: bytes | None = None,
        store: str | None = None,
    ) -> _T:
        """Queue *write* and wait for its commit.

        Args:
            write: What to do in the transaction.
            install: As for `submit`.
            store: The generation of the store upon which it was decided, where that was before now.

        Raises:
            StoreBusy: the queue is full, the host is stopping, or the store is another one.
        """
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._put(write, future, install, store)
        return await future

    def _put(
        self, write: _Write, waiter: Any, install: bytes | None, store: str | None = None
    ) -> None:
        if self._closed:
            raise StoreBusy("the host is stopping")
        try:
            known = self._database.generation if store is None else store
            self._queue.put_nowait((write, waiter, install, known))
        except queue.Full:
            raise StoreBusy(f"{self._queue.maxsize} writes are waiting") from None

    def _run(self) -> None:
        open_ = True
        while open_:
            group, open_ = self._collect()
            if group:
                self._commit(group)

    def _collect(self) -> tuple[list[_Job], bool]:
        """Wait for one write, then take all that wait; false at the end of the queue."""
        group: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            waiter = job[1]
            if not isinstance(waiter, Future) or waiter.set_running_or_notify_cancel():
                group.append(job)
            if len(group) >= GROUP:
                return group, True
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _commit(self, group: list[_Job]) -> None:
        try:
            with self._database.write(_installs(group)) as connection:
                group = self._of_this_store(group)
                results = [write(connection) for write, *_ in group]
        except Exception as error:  # noqa: BLE001 - the thread outlives any one write's failure
            if len(group) == 1 or isinstance(error, StoreUnavailable):
                _settle([(waiter, None, error) for _, waiter, *_ in group])
            else:
                for job in group:
                    self._commit([job])
            return
        _settle([(job[1], result, None) for job, result in zip(group, results, strict=True)])

    def _of_this_store(self, group: list[_Job]) -> list[_Job]:
        """Refuse those of *group* that were decided upon what a restore has replaced since."""
        now = self._database.generation
        error = StoreBusy("a backup was restored")
        _settle([(waiter, None, error) for _, waiter, _, known in group if known != now])
        return [job for job in group if job[3] == now]


def _installs(group: list[_Job]) -> set[bytes] | None:
    """Return the installs that *group* touches, None when one of it may touch any."""
    named = {install for _, _, install, _ in group if install is not None}
    return named if all(job[2] is not None for job in group) else None


def _settle(outcomes: list[_Outcome]) -> None:
    """Tell every waiter; those of one event loop by waking it once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if isinstance(outcome[0], Future):
            _tell([outcome])
        else:
            by_loop[outcome[0].get_loop()].append(outcome)
    for loop, theirs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # a loop that closed has nobody waiting
            loop.call_soon_threadsafe(_tell, theirs)


def _tell(outcomes: list[_Outcome]) -> None:
    for waiter, result, error in outcomes:
        if waiter.done():  # cancelled: its client went away
            continue
        if error is None:
            waiter.set_result(result)
        else:
            waiter.set_exception(error)
