"""Keep the statistics that are derived from the log: fold uploads in, take erased ones out.

An upload enters the inbox in the transaction that puts it into the log, and leaves it
in the one that counts it here. So the roll-ups and the uploads in the inbox together
are always the whole truth, whoever folds and whenever he is killed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from otumat_usage.host import _kept
from otumat_usage.host._cells import COUNTED, LOST, Cell, Cells, Key, Names, gaps
from otumat_usage.host._database import (
    Connection,
    Database,
    Locked,
    bindparam,
    delete,
    func,
    inbox,
    insert,
    lock,
    log,
    members,
    packages,
    select,
)
from otumat_usage.host._failures import isolated
from otumat_usage.host._log import context_values, type_names
from otumat_usage.host._prepared import Each, Prepared
from otumat_usage.host._settings import recall, remember
from otumat_usage.host._sql import and_

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "WAITS",
    "catch_up",
    "fold",
    "horizon",
    "lost_by",
    "names_of",
    "newest",
    "rebuild",
    "tail",
    "take_out",
]

#: Seconds that a rebuild may take before counting goes on without it.
_PATIENCE = 600
#: How often a rebuild starts again because somebody was erased meanwhile.
_TRIES = 3
#: More uploads than wait at any time.
_ALL = 2**31 - 1

_PLACE = ("install", "run", "last", "batch")
WAITS = (
    (inbox.c.package == log.c.package)
    & (inbox.c.install == log.c.install)
    & (inbox.c.run == log.c.run)
    & (inbox.c.last == log.c.last)
    & (inbox.c.batch == log.c.batch)
)
# Chosen before they are joined: PostgreSQL may else join all that wait, and sort them, each time.
_chosen = (
    select(inbox)
    .where(inbox.c.package == bindparam("package"))
    .order_by(*(inbox.c[name] for name in _PLACE))
    .limit(bindparam("most"))
    .subquery("chosen")
)
_WAITING = Prepared(
    select(*COUNTED, members.c.number)
    .join(_chosen, and_(*(_chosen.c[column.name] == log.c[column.name] for column in inbox.c)))
    .outerjoin(members, members.c.install == log.c.install)
)
_waiting = inbox.alias("waiting")
_runs = (
    select(_waiting.c.install, _waiting.c.run)
    .where(
        (_waiting.c.package == bindparam("package")) & (_waiting.c.install <= bindparam("until"))
    )
    .distinct()
    .subquery("runs")
)
# Of the runs that wait, of all installs at once: to ask for each run is a round trip for each.
_COUNTED_BEFORE = Prepared(
    select(log.c.install, log.c.run, log.c.last, log.c.span)
    .join(_runs, (_runs.c.install == log.c.install) & (_runs.c.run == log.c.run))
    .outerjoin(inbox, WAITS)
    .where(inbox.c.package.is_(None))
)
_EVERY = Prepared(
    select(*COUNTED, members.c.number)
    .select_from(log)
    .join(members, members.c.install == log.c.install)
    .outerjoin(inbox, WAITS)
    .where((log.c.package == bindparam("package")) & inbox.c.package.is_(None))
    .order_by(log.c.install, log.c.run, log.c.last)
)
_OF_ONE = Prepared(
    select(*COUNTED)
    .outerjoin(inbox, WAITS)
    .where((log.c.install == bindparam("install")) & inbox.c.package.is_(None))
    .order_by(log.c.run)
)
_DONE = Each(
    lambda row: delete(inbox).where(and_(*(column == row[column.name] for column in inbox.c))),
    *inbox.c,
    most=10_000,
)


def fold(connection: Connection, limit: int, failed: list[Exception] | None = None) -> int:
    """Count up to *limit* uploads of the inbox; return how many there were.

    Args:
        connection: A connection inside a write transaction.
        limit: How many at most.
        failed: Takes what goes wrong with a package first, and the others are counted all the
            same; without it nothing is.
    """
    lock(connection, Locked.ROLLUPS)
    done = 0
    for package in connection.scalars(select(packages.c.id).order_by(packages.c.id)).all():
        if done < limit and not _is_rebuilt(connection, package):
            with isolated(failed):
                done += _fold(connection, package, limit - done)
    return done


def catch_up(connection: Connection, limit: int) -> bool:
    """Fill what a store from before schema 8 lacks, of *limit* weeks; say if there may be more."""
    lock(connection, Locked.ROLLUPS)
    return _kept.catch_up(connection, limit)


def tail(connection: Connection, package: int, limit: int = _ALL) -> list[Any]:
    """Return the uploads that are not counted yet, as `COUNTED`, and each install's number.

    They are sorted by their places, of which no two are the same.
    """
    return sorted(_WAITING.rows(connection, package=package, most=limit))


def names_of(connection: Connection, package: int) -> Names:
    """Return what the numbers in the log of *package* stand for."""
    return Names(type_names(connection, package), context_values(connection, package))


def lost_by(connection: Connection, package: int, rows: Sequence[Any]) -> int:
    """Return how many events more (or fewer) are known to be lost once *rows* are counted.

    Args:
        connection: A connection inside the transaction that found them.
        package: Whose they are.
        rows: What `tail` returned, and not nothing.
    """
    before: dict[tuple[bytes, bytes], list[tuple[int, int]]] = defaultdict(list)
    asked = {"package": package, "until": rows[-1][0]}
    for install, run, last, span in _COUNTED_BEFORE.rows(connection, **asked):
        before[install, run].append((last - span, last))
    lost = 0
    for run, ranges in _by_run(rows):
        counted = before.get(run, [])
        lost += gaps(counted + ranges) - gaps(counted)
    return lost


def take_out(connection: Connection, package: int, install: bytes) -> None:
    """Uncount everything of *install*, whose uploads are still in the log."""
    lock(connection, Locked.ROLLUPS)
    known = select(members.c.number).where(members.c.install == install)
    number = connection.scalar(known)
    if number is not None:
        cells = Cells(names_of(connection, package))
        rows = _OF_ONE.rows(connection, install=install)
        for row in rows:
            cells.add(row, number)
        lost = sum(gaps(ranges) for _, ranges in _by_run(rows))
        if first := horizon(connection, package):
            # An upload may be of a few minutes later than when it came, by its client's clock.
            # Before what is still told: a day or week is found by who was active in it at all.
            _kept.clear(connection, package, number, first)
        _kept.subtract(connection, package, _with_lost(cells, lost))
    for table in (inbox, members):
        connection.execute(delete(table).where(table.c.install == install))


def rebuild(database: Database, package: int) -> int:
    """Count everything in the log of *package* anew, and put that in the place of what was.

    What was counted before stays in use until then, and uploads are taken all the while; only
    counting more of them waits. Days that the log can no longer tell in full stay as they are.

    Returns:
        How many uploads were counted.
    """
    try:
        for _ in range(_TRIES):
            with database.beside() as connection:
                lock(connection, Locked.ROLLUPS)
                remember(connection, f"rebuilding:{package}", str(int(time.time()) + _PATIENCE))
            with database.read() as connection:
                before = _state(connection, package)
                counted = _count_all(connection, package)
            with database.beside() as connection:
                lock(connection, Locked.ROLLUPS)
                if _state(connection, package) == before:
                    _kept.replace(connection, package, counted[1], horizon(connection, package))
                    return counted[0]
        with database.write() as connection:  # somebody is erased all the time: alone, then
            lock(connection, Locked.ROLLUPS)
            counted = _count_all(connection, package)
            _kept.replace(connection, package, counted[1], horizon(connection, package))
            return counted[0]
    finally:
        with database.beside() as connection:
            lock(connection, Locked.ROLLUPS)
            remember(connection, f"rebuilding:{package}", "0")


def horizon(connection: Connection, package: int) -> int:
    """Return the first day that the log can still tell in full; 0 while it tells all."""
    return int(recall(connection, f"horizon:{package}") or 0)


def newest(connection: Connection, package: int) -> int | None:
    """Return when the last upload that is counted came, in milliseconds."""
    found = recall(connection, f"newest:{package}")
    return None if found is None else int(found)


def _is_rebuilt(connection: Connection, package: int) -> bool:
    return int(recall(connection, f"rebuilding:{package}") or 0) > time.time()


def _state(connection: Connection, package: int) -> tuple[str, int]:
    """Return what is another one after any change of what is counted."""
    return _kept.revision(connection, package), horizon(connection, package)


def _count_all(connection: Connection, package: int) -> tuple[int, dict[Key, Cell]]:
    """Return how many uploads are counted, and what a rebuild must find counted."""
    since = horizon(connection, package)
    cells = Cells(names_of(connection, package), since=since)
    counted = lost = 0
    every = _EVERY.stream(connection, package=package)
    for _, rows in groupby(every, itemgetter(0, 1)):
        ranges = []
        for row in rows:
            cells.add(row, row[-1])
            ranges.append((row[2] - row[4], row[2]))
        counted += len(ranges)
        if len(ranges) > 1:
            lost += gaps(ranges)
    return counted, _with_lost(cells, 0 if since else lost)


def _with_lost(cells: Cells, lost: int) -> dict[Key, Cell]:
    found = cells.found()
    if lost:
        found[LOST] = Cell(lost)
    return found


def _fold(connection: Connection, package: int, limit: int) -> int:
    rows = tail(connection, package, limit)
    if not rows:
        return 0
    with connection.begin_nested():  # all of the package, or nothing of it
        numbers = _number(connection, package, {row[0] for row in rows if row[-1] is None})
        cells = Cells(names_of(connection, package))
        for row in rows:
            cells.add(row, row[-1] or numbers[row[0]])
        _kept.add(connection, package, _with_lost(cells, lost_by(connection, package, rows)))
        _DONE.run(connection, ({"package": package, **dict(zip(_PLACE, row))} for row in rows))  # noqa: B905 - a row says more
        last = max(row[5] for row in rows)
        if last > (newest(connection, package) or -1):
            remember(connection, f"newest:{package}", str(last))
    return len(rows)


def _by_run(rows: Iterable[Any]) -> Iterator[tuple[tuple[bytes, bytes], list[tuple[int, int]]]]:
    """Yield each (install, run) of *rows*, which stand together, and its ranges of numbers."""
    for run, its in groupby(rows, itemgetter(0, 1)):
        yield run, [(row[2] - row[4], row[2]) for row in its]


def _number(connection: Connection, package: int, fresh: set[bytes]) -> dict[bytes, int]:
    """Give each of the *fresh* installs the next number."""
    if not fresh:
        return {}
    last = select(func.max(members.c.number)).where(members.c.package == package)
    first = (connection.scalar(last) or 0) + 1
    found = {install: first + place for place, install in enumerate(sorted(fresh))}
    rows = [{"install": i, "package": package, "number": n} for i, n in found.items()]
    connection.execute(insert(members), rows)
    return found
