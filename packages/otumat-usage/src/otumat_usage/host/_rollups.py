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

from otumat_usage.host._bitmaps import BitMap, pack_set, unpack_set
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
    rollups,
    select,
    update,
)
from otumat_usage.host._log import context_values, type_names
from otumat_usage.host._prepared import Prepared
from otumat_usage.host._settings import recall, remember

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "WAITS",
    "fold",
    "horizon",
    "lost_by",
    "names_of",
    "newest",
    "rebuild",
    "tail",
    "take_out",
]

#: Rows that one statement names at most.
_SLICE = 300
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
_ORDER = tuple(inbox.c[name] for name in _PLACE)
_WAITING = Prepared(
    select(*COUNTED, members.c.number)
    .select_from(inbox)
    .join(log, WAITS)
    .outerjoin(members, members.c.install == log.c.install)
    .where(inbox.c.package == bindparam("package"))
    .order_by(*_ORDER)
    .limit(bindparam("most"))
)
_COUNTED_BEFORE = Prepared(
    select(log.c.last, log.c.span)
    .outerjoin(inbox, WAITS)
    .where(
        (log.c.install == bindparam("install"))
        & (log.c.run == bindparam("run"))
        & inbox.c.package.is_(None)
    )
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
_DONE = Prepared(
    delete(inbox).where(
        (inbox.c.package == bindparam("package"))
        & (inbox.c.install == bindparam("install"))
        & (inbox.c.run == bindparam("run"))
        & (inbox.c.last == bindparam("last"))
        & (inbox.c.batch == bindparam("batch"))
    )
)
_KEY = (
    (rollups.c.package == bindparam("p"))
    & (rollups.c.dimension == bindparam("d"))
    & (rollups.c.day == bindparam("n"))
    & (rollups.c.value == bindparam("v"))
)
_MAKE = Prepared(insert(rollups).values({c.name: bindparam(c.name) for c in rollups.c}))
_CHANGE = Prepared(
    update(rollups)
    .where(_KEY)
    .values({name: bindparam(f"to_{name}") for name in ("events", "users", "bits")})
)
_DROP = Prepared(delete(rollups).where(_KEY))


def fold(connection: Connection, limit: int) -> int:
    """Count up to *limit* uploads of the inbox; return how many there were."""
    lock(connection, Locked.ROLLUPS)
    done = 0
    for package in connection.scalars(select(packages.c.id).order_by(packages.c.id)).all():
        if done < limit and not _is_rebuilt(connection, package):
            done += _fold(connection, package, limit - done)
    return done


def tail(connection: Connection, package: int, limit: int = _ALL) -> list[Any]:
    """Return the uploads that are not counted yet, as `COUNTED`, and each install's number."""
    return _WAITING.rows(connection, package=package, most=limit)


def names_of(connection: Connection, package: int) -> Names:
    """Return what the numbers in the log of *package* stand for."""
    return Names(type_names(connection, package), context_values(connection, package))


def lost_by(connection: Connection, rows: Sequence[Any]) -> int:
    """Return how many events more (or fewer) are known to be lost once *rows* are counted."""
    lost = 0
    for (install, run), ranges in _by_run(rows):
        counted = [
            (last - span, last)
            for last, span in _COUNTED_BEFORE.rows(connection, install=install, run=run)
        ]
        lost += gaps(counted + ranges) - (gaps(counted) if counted else 0)
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
        _apply(connection, package, cells.found(), lost=-lost, sign=-1)
        if horizon(connection, package):
            _clear(connection, package, number)
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
                    _replace(connection, package, counted[1])
                    return counted[0]
        with database.write() as connection:  # somebody is erased all the time: alone, then
            lock(connection, Locked.ROLLUPS)
            counted = _count_all(connection, package)
            _replace(connection, package, counted[1])
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


def _state(connection: Connection, package: int) -> tuple[str | None, int]:
    """Return what is another one after any change of what is counted."""
    return recall(connection, f"rollups:{package}"), horizon(connection, package)


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
    found = cells.found()
    if lost and not since:
        found[LOST] = Cell(lost)
    return counted, found


def _replace(connection: Connection, package: int, cells: dict[Key, Cell]) -> None:
    old = (rollups.c.package == package) & (rollups.c.day >= horizon(connection, package))
    connection.execute(delete(rollups).where(old))
    _MAKE.many(connection, (_row(package, key, cell) for key, cell in cells.items()))
    _bump(connection, package)


def _fold(connection: Connection, package: int, limit: int) -> int:
    rows = tail(connection, package, limit)
    if not rows:
        return 0
    numbers = _number(connection, package, {row[0] for row in rows if row[-1] is None})
    cells = Cells(names_of(connection, package))
    for row in rows:
        cells.add(row, row[-1] or numbers[row[0]])
    _apply(connection, package, cells.found(), lost=lost_by(connection, rows), sign=1)
    _DONE.many(connection, ({"package": package, **dict(zip(_PLACE, row))} for row in rows))  # noqa: B905 - a row says more
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


def _load(connection: Connection, package: int, keys: Iterable[Key]) -> dict[Key, Cell]:
    """Return what is counted so far for *keys*."""
    wanted = set(keys)
    days: dict[str, set[int]] = defaultdict(set)
    values: dict[str, set[str]] = defaultdict(set)
    for dimension, value, day in wanted:
        days[dimension].add(day)
        values[dimension].add(value)
    found = {}
    for dimension, some in days.items():
        ours = (rollups.c.package == package) & (rollups.c.dimension == dimension)
        if len(values[dimension]) <= _SLICE:
            ours &= rollups.c.value.in_(sorted(values[dimension]))
        for part in _slices(sorted(some)):
            statement = select(
                rollups.c.value, rollups.c.day, rollups.c.events, rollups.c.users, rollups.c.bits
            ).where(ours & rollups.c.day.in_(part))
            for value, day, events, known, bits in connection.execute(statement):
                if (dimension, value, day) in wanted:
                    users = None if bits is None else unpack_set(bits)
                    found[dimension, value, day] = Cell(events, users, known)
    return found


def _apply(
    connection: Connection, package: int, cells: dict[Key, Cell], *, lost: int, sign: int
) -> None:
    """Add *cells* to what is counted, or take them away."""
    if lost:
        cells = {**cells, LOST: Cell(lost * sign)}
    known = _load(connection, package, cells)
    changed: list[Any] = []
    made: list[Any] = []
    gone: list[Any] = []
    for key, cell in cells.items():
        now = known.get(key)
        merged = cell if now is None and sign > 0 else _merge(now or Cell(), cell, sign)
        if merged.events or merged.size:
            (made if now is None else changed).append(_row(package, key, merged))
        elif now is not None:
            gone.append(_row(package, key, merged))
    _write(connection, made, changed, gone)
    _bump(connection, package)


def _merge(now: Cell, more: Cell, sign: int) -> Cell:
    events = now.events + sign * more.events
    if now.users is None or more.users is None:
        return Cell(events, None, now.known)
    users = now.users | more.users if sign > 0 else now.users - more.users
    return Cell(events, users)


def _row(package: int, key: Key, cell: Cell) -> dict[str, Any]:
    dimension, value, day = key
    return {
        "package": package,
        "dimension": dimension,
        "day": day,
        "value": value,
        "events": cell.events,
        "users": cell.size,
        "bits": None if cell.users is None else pack_set(cell.users),
    }


def _write(connection: Connection, made: list[Any], changed: list[Any], gone: list[Any]) -> None:
    names = {"p": "package", "d": "dimension", "n": "day", "v": "value"}
    to = {f"to_{name}": name for name in ("events", "users", "bits")}
    if made:
        _MAKE.many(connection, made)
    if changed:
        _CHANGE.many(
            connection, [{k: row[n] for k, n in {**names, **to}.items()} for row in changed]
        )
    if gone:
        _DROP.many(connection, [{k: row[n] for k, n in names.items()} for row in gone])


def _clear(connection: Connection, package: int, number: int) -> None:
    """Take *number* out of every set: uploads that told its days may be gone from the log."""
    statement = select(rollups).where((rollups.c.package == package) & rollups.c.bits.is_not(None))
    changed = []
    for row in connection.execute(statement):
        users: BitMap = unpack_set(row.bits)
        if number in users:
            users.discard(number)
            changed.append(
                _row(package, (row.dimension, row.value, row.day), Cell(row.events, users))
            )
    _write(connection, [], changed, [])


def _bump(connection: Connection, package: int) -> None:
    """Note that answers about *package* may have changed."""
    name = f"rollups:{package}"
    remember(connection, name, str(int(recall(connection, name) or 0) + 1))


def _slices(things: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(things), _SLICE):
        yield things[start : start + _SLICE]
