"""Do a host's work in the background, counting above all: one leader among all its processes."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

from otumat_usage.host import _kept_badges
from otumat_usage.host._ahead import work_ahead
from otumat_usage.host._errors import StoreInUse, StoreUnavailable
from otumat_usage.host._expiry import sweep_all
from otumat_usage.host._journal import AGAIN
from otumat_usage.host._retention import let_go
from otumat_usage.host._rollups import catch_up, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otumat_usage.host._database import Database
    from otumat_usage.host._journal import Journal

    #: Is given the store, the present in milliseconds, and what says when to leave off.
    _Duty = Callable[[Database, int, Callable[[], bool]], object]

__all__ = ["Worker", "fold_all"]

_log = logging.getLogger("otumat_usage.host")

#: Seconds between two looks into the inbox.
PAUSE = 2.0
#: Seconds between two looks for what is kept too long.
TIDY = 86_400
#: Seconds between two looks for credentials that have expired.
SWEEP = 60
#: Seconds between two looks for past weeks to put together: what comes late undoes some.
AHEAD = 300
#: Uploads of one transaction, at first and at most: it holds SQLite's only write lock, and nobody
#: should notice; but a day's statistics are written once per transaction, however many it counts.
CHUNK, CHUNKS = 2_000, 32_000
#: Weeks of one transaction that fills what an older store lacks: some milliseconds for each.
WEEKS = 10


def fold_all(database: Database, stopping: Callable[[], bool] = lambda: False) -> int:
    """Count everything that waits, more at a time the longer it takes; return how much it was.

    A package that cannot be counted keeps no other waiting: what went wrong is raised at the end.
    """
    counted, chunk = 0, CHUNK
    failed: list[Exception] = []
    while not stopping():
        with database.beside() as connection:
            folded = fold(connection, chunk, failed)
        counted += folded
        if folded < chunk:
            break
        chunk = min(2 * chunk, CHUNKS)
    if failed:
        raise failed[0]
    return counted


class Worker:
    """Own the thread that counts.

    Several processes may each have one: whoever is the leader works, the others wait
    to take its place. That two think to lead for a moment does no harm, because an
    upload is counted in the transaction that takes it out of the inbox.

    Args:
        database: The store.
        pause: Seconds between two looks into the inbox, or at who leads.
        journal: Where it is told that the store cannot be used.
        keep: Called at each look: keeps this process known as one that serves.
    """

    def __init__(
        self,
        database: Database,
        *,
        pause: float = PAUSE,
        journal: Journal | None = None,
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._journal = journal
        self._keep = keep
        self._pause = pause
        self._behind = True
        #: When it was told last that something failed, by what it is.
        self._failed: dict[object, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otumat-rollups", daemon=True)
        #: Whether this process counts now.
        self.leads = False

    def start(self) -> None:
        """Start the thread; `stop` must follow."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the transaction that it is in."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._told(self._run):
                self._keep()
                with self._database.leading() as still_leading:
                    if still_leading is not None:
                        self._work(still_leading)
            self.leads = False
            self._stop.wait(self._pause)

    @contextlib.contextmanager
    def _told(self, what: object) -> Iterator[None]:
        """Outlive any failure of *what* is done inside, and tell someone: once a minute at most."""
        try:
            yield
        except (StoreUnavailable, StoreInUse) as error:
            # It is gone, full or being changed: what waits is kept, and counted when it is back.
            if self._journal is not None:
                self._journal.store_outage(error)
        except Exception:  # noqa: BLE001 - counting outlives any one failure
            # Nothing is lost and no answer is wrong.
            now = time.monotonic()
            if now - self._failed.get(what, -AGAIN) >= AGAIN:
                self._failed[what] = now
                _log.exception("the work in the background failed; trying again")

    def _work(self, still_leading: Callable[[], None]) -> None:
        self.leads = True
        self._behind = True
        # What is done, in this order, and how many seconds lie between two times.
        duties: dict[_Duty, float] = {
            self._count: 0,
            self._catch_up: 0,
            let_go: TIDY,
            sweep_all: SWEEP,
            _kept_badges.keep: 0,
            work_ahead: AHEAD,
        }
        due = dict.fromkeys(duties, 0.0)
        while not self._stop.is_set():
            self._keep()
            for duty, pause in duties.items():
                still_leading()
                if time.monotonic() >= due[duty] and not self._stop.is_set():
                    # One that fails keeps none of the others waiting, and does not come every time.
                    due[duty] = time.monotonic() + min(pause, SWEEP)
                    with self._told(duty):
                        duty(self._database, time.time_ns() // 1_000_000, self._stop.is_set)
                        due[duty] = time.monotonic() + pause
            self._stop.wait(self._pause)

    def _count(self, database: Database, _now: int, _stopping: Callable[[], bool]) -> None:
        fold_all(database, self._stops_in(SWEEP))

    def _catch_up(self, database: Database, _now: int, _stopping: Callable[[], bool]) -> None:
        if self._behind:
            with database.beside() as connection:
                self._behind = catch_up(connection, WEEKS)

    def _stops_in(self, seconds: float) -> Callable[[], bool]:
        """Return what says when to leave off: told to stop, or because so much time has gone."""
        end = time.monotonic() + seconds
        return lambda: self._stop.is_set() or time.monotonic() >= end
