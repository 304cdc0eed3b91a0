"""Run every write of the process on one thread, many writes per commit.

A write is a function of one connection. The thread takes all that wait, runs them
in one transaction and answers each only after the commit, so an answer means
"durable" and a hundred callers share one fsync. A write must decide before it
changes anything and return its refusals; when one raises all the same, the whole
group is rolled back and each write runs again in a transaction of its own, so one
caller's failure never costs another's.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from otumat_usage.host._database import Connection, Database
from otumat_usage.host._errors import StoreBusy, StoreUnavailable

_T = TypeVar("_T")
_Job = tuple[Callable[[Connection], Any], "Future[Any]"]

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

    @property
    def waiting(self) -> int:
        """How many writes wait now."""
        return self._queue.qsize()

    def submit(self, write: Callable[[Connection], _T]) -> Future[_T]:
        """Queue *write*; its future resolves after the commit, or with the failure.

        Raises:
            StoreBusy: the queue is full, or the host is stopping.
        """
        future: Future[_T] = Future()
        if self._closed:
            raise StoreBusy("the host is stopping")
        try:
            self._queue.put_nowait((write, future))
        except queue.Full:
            raise StoreBusy(f"{self._queue.maxsize} writes are waiting") from None
        return future

    def _run(self) -> None:
        open_ = True
        while open_:
            first = self._queue.get()
            group, open_ = self._collect(first)
            group = [job for job in group if job[1].set_running_or_notify_cancel()]
            if group:
                self._commit(group)

    def _collect(self, first: _Job | None) -> tuple[list[_Job], bool]:
        group: list[_Job] = []
        job = first
        while job is not None:
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
            with self._database.write() as connection:
                results = [write(connection) for write, _ in group]
        except Exception as error:  # noqa: BLE001 - the thread outlives any one write's failure
            if len(group) == 1 or isinstance(error, StoreUnavailable):
                for _, future in group:
                    future.set_exception(error)
            else:
                for job in group:
                    self._commit([job])
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
