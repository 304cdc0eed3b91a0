"""Keep the statistics that are derived from the log: fold uploads in, take erased ones out.

An upload enters the inbox in the transaction that puts it into the log, and leaves it
in the one that counts it here. So the roll-ups and the uploads in the inbox together
are always the whole truth, whoever folds and whenever he is killed.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from otumat_usage.host._bitmaps import pack_set, unpack_set
from otumat_usage.host._cells import LOST, Cell, Cells, Key, Names, gaps
from otumat_usage.host._database import (
    Connection,
    Locked,
    bindparam,
    delete,
    func,
    inbox,
    insert,
    literal,
    lock,
    log,
    members,
    rollups,
    select,
    update,
)
from otumat_usage.host._log import Entry, context_values, entry_of, type_names
from otumat_usage.host._settings import recall, remember

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["fold", "horizon", "load", "lost_by", "names_of", "rebuild", "tail", "take_out"]

#: Rows that one statement names at most.
_SLICE = 300

_MINE = (inbox.c.install == log.c.install) & (inbox.c.batch == log.c.batch)
_KEY = (
    (rollups.c.package == bindparam("p"))
    & (rollups.c.dimension == bindparam("d"))
    & (rollups.c.day == bindparam("n"))
    & (rollups.c.value == bindparam("v"))
)


def fold(connection: Connection, limit: int) -> int:
    """Count up to *limit* uploads of the inbox; return how many there were."""
    lock(connection, Locked.ROLLUPS)
    waiting = connection.execute(select(inbox.c.package, func.count()).group_by(inbox.c.package))
    done = 0
    for package, _ in waiting.all():
        if done < limit:
            done += _fold(connection, package, limit - done)
    return done


def tail(connection: Connection, package: int, limit: int | None = None) -> list[tuple[Entry, int]]:
    """Return uploads that are not counted yet, each with the day since when it is not."""
    statement = select(log, inbox.c.since).join(inbox, _MINE).where(inbox.c.package == package)
    if limit is not None:
        statement = statement.limit(limit)
    return [(entry_of(row), row.since) for row in connection.execute(statement)]


def names_of(connection: Connection, package: int) -> Names:
    """Return what the numbers in the log of *package* stand for."""
    return Names(type_names(connection, package), context_values(connection, package))


def lost_by(connection: Connection, package: int, found: Sequence[tuple[Entry, int]]) -> int:
    """Return how many events more (or fewer) are known to be lost once *found* is counted."""
    fresh: dict[tuple[bytes, str], list[tuple[int, int]]] = defaultdict(list)
    for entry, since in found:
        if not since:
            fresh[entry.install, entry.run].append((entry.first, entry.last))
    counted = _counted_ranges(connection, package, set(fresh))
    return sum(gaps([*counted[run], *ranges]) - gaps(counted[run]) for run, ranges in fresh.items())


def load(connection: Connection, package: int, keys: Iterable[tuple[str, int]]) -> dict[Key, Cell]:
    """Return what is counted so far for every value of some (dimension, day)."""
    days = defaultdict(set)
    for dimension, day in keys:
        days[dimension].add(day)
    found = {}
    for dimension, some in days.items():
        for part in _slices(sorted(some)):
            statement = select(rollups).where(
                (rollups.c.package == package)
                & (rollups.c.dimension == dimension)
                & rollups.c.day.in_(part)
            )
            for row in connection.execute(statement):
                users = None if row.bits is None else unpack_set(row.bits)
                found[dimension, row.value, row.day] = Cell(row.events, users, row.users)
    return found


def take_out(connection: Connection, package: int, install: bytes) -> None:
    """Uncount everything of *install*, whose uploads are still in the log."""
    lock(connection, Locked.ROLLUPS)
    known = select(members.c.number).where(members.c.install == install)
    number = connection.scalar(known)
    if number is not None:
        cells = Cells(names_of(connection, package))
        ranges: dict[str, list[tuple[int, int]]] = defaultdict(list)
        statement = (
            select(log, inbox.c.since).outerjoin(inbox, _MINE).where(log.c.install == install)
        )
        for row in connection.execute(statement):
            entry = entry_of(row)
            cells.add(entry, number, before=row.since)
            if row.since != 0:
                ranges[entry.run].append((entry.first, entry.last))
        lost = sum(gaps(each) for each in ranges.values())
        _apply(connection, package, cells.found, lost=-lost, sign=-1)
        if horizon(connection, package):
            _clear(connection, package, number)
    for table in (inbox, members):
        connection.execute(delete(table).where(table.c.install == install))


def rebuild(connection: Connection, package: int) -> int:
    """Drop every statistic that the log can tell again; `fold` then counts it anew.

    Returns:
        How many uploads wait to be counted now.
    """
    lock(connection, Locked.ROLLUPS)
    while _fold(connection, package, 1000):
        pass  # what never was counted must not be taken for counted before the horizon
    since = horizon(connection, package)
    old = (rollups.c.package == package) & (rollups.c.day >= since)
    connection.execute(delete(rollups).where(old))
    every = select(log.c.install, log.c.batch, log.c.package, literal(since))
    connection.execute(
        insert(inbox).from_select(
            ["install", "batch", "package", "since"], every.where(log.c.package == package)
        )
    )
    _bump(connection, package)
    waiting = select(func.count()).where(inbox.c.package == package)
    return int(connection.scalar(waiting) or 0)


def horizon(connection: Connection, package: int) -> int:
    """Return the first day that the log can still tell in full; 0 while it tells all."""
    return int(recall(connection, f"horizon:{package}") or 0)


def _fold(connection: Connection, package: int, limit: int) -> int:
    found = tail(connection, package, limit)
    if not found:
        return 0
    numbers = _numbers(connection, package, {entry.install for entry, _ in found})
    cells = Cells(names_of(connection, package))
    for entry, since in found:
        cells.add(entry, numbers[entry.install], since=since)
    _apply(connection, package, cells.found, lost=lost_by(connection, package, found), sign=1)
    done = delete(inbox).where(
        (inbox.c.install == bindparam("i")) & (inbox.c.batch == bindparam("b"))
    )
    connection.execute(done, [{"i": entry.install, "b": entry.batch} for entry, _ in found])
    return len(found)


def _numbers(connection: Connection, package: int, installs: set[bytes]) -> dict[bytes, int]:
    """Return the number of each install, giving the next ones to those without."""
    found: dict[bytes, int] = {}
    for part in _slices(sorted(installs)):
        known = select(members.c.install, members.c.number).where(members.c.install.in_(part))
        found.update((row.install, row.number) for row in connection.execute(known))
    fresh = sorted(installs - set(found))
    if fresh:
        last = select(func.max(members.c.number)).where(members.c.package == package)
        first = (connection.scalar(last) or 0) + 1
        rows = [
            {"install": install, "package": package, "number": first + place}
            for place, install in enumerate(fresh)
        ]
        connection.execute(insert(members), rows)
        found.update(zip(fresh, range(first, first + len(fresh)), strict=True))
    return found


def _counted_ranges(
    connection: Connection, package: int, runs: set[tuple[bytes, str]]
) -> dict[tuple[bytes, str], list[tuple[int, int]]]:
    """Return the ranges of *runs* that are counted already."""
    found: dict[tuple[bytes, str], list[tuple[int, int]]] = defaultdict(list)
    for part in _slices(sorted(runs)):
        statement = (
            select(log.c.install, log.c.run, log.c.first, log.c.last)
            .outerjoin(inbox, _MINE)
            .where(log.c.install.in_({install for install, _ in part}))
            .where(log.c.run.in_({run for _, run in part}) & (log.c.package == package))
            .where(inbox.c.since.is_(None) | (inbox.c.since > 0))
        )
        for row in connection.execute(statement):
            found[row.install, row.run].append((row.first, row.last))
    return found


def _apply(
    connection: Connection, package: int, cells: dict[Key, Cell], *, lost: int, sign: int
) -> None:
    """Add *cells* to what is counted, or take them away."""
    if lost:
        cells = {**cells, LOST: Cell(lost * sign)}
    known = load(connection, package, {(dimension, day) for dimension, _, day in cells})
    changed: list[Any] = []
    made: list[Any] = []
    gone: list[Any] = []
    for key, cell in cells.items():
        now = known.get(key)
        merged = _merge(now or Cell(), cell, sign)
        place = dict(zip(("d", "v", "n"), key, strict=True), p=package)
        if not merged.events and not merged.size:
            gone += [place] if now is not None else []
        else:
            bits = None if merged.users is None else pack_set(merged.users)
            row = {"events": merged.events, "users": merged.size, "bits": bits}
            (made if now is None else changed).append((place, row))
    _write(connection, made, changed, gone)
    _bump(connection, package)


def _merge(now: Cell, more: Cell, sign: int) -> Cell:
    events = now.events + sign * more.events
    if now.users is None or more.users is None:
        return Cell(events, None, now.known)
    users = now.users | more.users if sign > 0 else now.users - more.users
    return Cell(events, users)


def _write(connection: Connection, made: list[Any], changed: list[Any], gone: list[Any]) -> None:
    if made:
        rows = [
            {"package": at["p"], "dimension": at["d"], "value": at["v"], "day": at["n"], **row}
            for at, row in made
        ]
        connection.execute(insert(rollups), rows)
    if changed:
        values: dict[str, Any] = {
            name: bindparam(f"to_{name}") for name in ("events", "users", "bits")
        }
        rows = [at | {f"to_{name}": value for name, value in row.items()} for at, row in changed]
        connection.execute(update(rollups).where(_KEY).values(values), rows)
    if gone:
        connection.execute(delete(rollups).where(_KEY), gone)


def _clear(connection: Connection, package: int, number: int) -> None:
    """Take *number* out of every set: uploads that told its days may be gone from the log."""
    statement = select(rollups).where((rollups.c.package == package) & rollups.c.bits.is_not(None))
    changed = []
    for row in connection.execute(statement):
        users = unpack_set(row.bits)
        if number in users:
            users.discard(number)
            place = {"p": package, "d": row.dimension, "v": row.value, "n": row.day}
            values = {"events": row.events, "users": len(users), "bits": pack_set(users)}
            changed.append((place, values))
    _write(connection, [], changed, [])


def _bump(connection: Connection, package: int) -> None:
    """Note that answers about *package* may have changed."""
    name = f"rollups:{package}"
    remember(connection, name, str(int(recall(connection, name) or 0) + 1))


def _slices(things: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(things), _SLICE):
        yield things[start : start + _SLICE]
