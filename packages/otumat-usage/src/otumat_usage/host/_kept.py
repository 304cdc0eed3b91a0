"""Keep what is counted, by day and by week: add to it, take away from it, read it back.

A week's cell is the union of its days' cells. It tells nothing that they do not; it is there
because a question about months would otherwise read hundreds of sets for each value.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Any

from otumat_usage.host import _blocks, _mixed
from otumat_usage.host._bitmaps import BitMap, pack_set, union, unpack_set
from otumat_usage.host._cells import ALL, HEALTH, Cell, Key
from otumat_usage.host._database import (
    Connection,
    bindparam,
    delete,
    insert,
    rollups,
    select,
    update,
    weeks,
)
from otumat_usage.host._days import monday
from otumat_usage.host._prepared import Each, Prepared
from otumat_usage.host._settings import recall, remember
from otumat_usage.host._sql import and_

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "BY_DAY",
    "BY_WEEK",
    "Shelf",
    "add",
    "bump",
    "catch_up",
    "clear",
    "replace",
    "revision",
    "subtract",
    "weekly",
]

_VALUES = ("events", "users", "bits")
#: What is remembered once `catch_up` has seen every week; until then, the last week that it saw.
_EVERY = "kept"


class Shelf:
    """The cells of one table.

    Args:
        table: `rollups`, or `weeks`, whose day is a Monday.
    """

    def __init__(self, table: Any) -> None:
        self.table = table
        self._cell = (table.c.value, table.c.day, table.c.events, table.c.users, table.c.bits)
        key = tuple(table.primary_key)
        of_a_day = (table.c.package, table.c.dimension, table.c.day)

        def named(row: Mapping[str, Any], columns: tuple[Any, ...] = key) -> Any:
            return and_(*(column == row[column.name] for column in columns))

        def of_day(row: Mapping[str, Any]) -> Any:
            kept = table.c.bits.is_not(None)
            return select(table.c.dimension, *self._cell).where(named(row, of_a_day) & kept)

        def changed(row: Mapping[str, Any]) -> Any:
            return update(table).where(named(row)).values({name: row[name] for name in _VALUES})

        def made(row: Mapping[str, Any]) -> Any:
            names = [column.name for column in table.c]
            return insert(table).from_select(names, select(*(row[name] for name in names)))

        self._find = Each(lambda r: select(table.c.dimension, *self._cell).where(named(r)), *key)
        self._of_day = Each(of_day, *of_a_day)
        self._change = Each(changed, *table.c)
        self._drop = Each(lambda row: delete(table).where(named(row)), *key)
        self._make = Each(made, *table.c)
        within = (
            (table.c.package == bindparam("package"))
            & (table.c.dimension == bindparam("dimension"))
            & table.c.day.between(bindparam("first"), bindparam("last"))
        )
        self._span = Prepared(select(*self._cell).where(within))
        kept = table.c.bits.is_not(None)
        self._counts = Prepared(select(*self._cell[:-1], kept).where(within))
        one = table.c.value == bindparam("value")
        self._span_of_one = Prepared(select(*self._cell).where(within & one))

    def span(  # noqa: PLR0913, PLR0917 - the key, and a span of it
        self,
        connection: Connection,
        package: int,
        dimension: str,
        first: int,
        last: int,
        values: Iterable[str] | None = None,
    ) -> dict[int, dict[str, Cell]]:
        """Return the cells of *dimension*, or of some *values*, in a span, by day and value."""
        found: dict[int, dict[str, Cell]] = defaultdict(dict)
        asked: dict[str, Any] = {"package": package, "dimension": dimension}
        asked |= {"first": first, "last": last}
        if values is None:
            rows = self._span.rows(connection, **asked)
        else:
            each = (self._span_of_one.rows(connection, **asked, value=v) for v in values)
            rows = list(chain.from_iterable(each))
        for value, day, events, users, bits in rows:
            found[day][value] = Cell(events, None, users, bits)
        return found

    def counts(
        self, connection: Connection, package: int, dimension: str, first: int, last: int
    ) -> tuple[dict[int, dict[str, Cell]], set[int]]:
        """Return the same without the sets, and the days of which some are no longer kept."""
        found: dict[int, dict[str, Cell]] = defaultdict(dict)
        let_go = set()
        asked = {"package": package, "dimension": dimension, "first": first, "last": last}
        for value, day, events, users, kept in self._counts.rows(connection, **asked):
            found[day][value] = Cell(events, None, users)
            if not kept:
                let_go.add(day)
        return found, let_go

    def find(self, connection: Connection, package: int, keys: Iterable[Key]) -> dict[Key, Cell]:
        """Return the cells of *keys*, of those that there are."""
        rows = self._find.rows(connection, (_place(package, key) for key in keys))
        return {
            (dimension, value, day): Cell(events, None, users, bits)
            for dimension, value, day, events, users, bits in rows
        }

    def merge(
        self, connection: Connection, package: int, cells: dict[Key, Cell], sign: int
    ) -> None:
        """Add *cells* to what is kept, or take them away."""
        known = self.find(connection, package, cells)
        changed: list[Key] = []
        made: list[Key] = []
        gone: list[Key] = []
        merged: dict[Key, Cell] = {}
        for key, cell in cells.items():
            now = known.get(key)
            merged[key] = _merged(now or Cell(), cell, sign)
            if merged[key].events or merged[key].size:
                (made if now is None else changed).append(key)
            elif now is not None:
                gone.append(key)
        self.make(connection, (_row(package, key, merged[key]) for key in made))
        self._change.run(connection, (_row(package, key, merged[key]) for key in changed))
        self._drop.run(connection, (_place(package, key) for key in gone))

    def make(self, connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
        """Keep new rows."""
        self._make.run(connection, rows)

    def clear(self, connection: Connection, package: int, number: int, until: int) -> None:
        """Take *number* out of every set up to day *until*."""
        active = [
            day
            for day, cells in self.span(connection, package, ALL, 0, until).items()
            if number in (cells[""].users or ())  # else in no other set of that day
        ]
        ours = self.table.c.package == package
        dimensions = connection.scalars(select(self.table.c.dimension).where(ours).distinct()).all()
        asked = [
            {"package": package, "dimension": dimension, "day": day}
            for dimension in dimensions
            for day in active
        ]
        changed = []
        for dimension, value, day, events, _, bits in self._of_day.rows(connection, asked):
            users = unpack_set(bits)
            if number in users:
                users.discard(number)
                changed.append(_row(package, (dimension, value, day), Cell(events, users)))
        self._change.run(connection, changed)


BY_DAY, BY_WEEK = Shelf(rollups), Shelf(weeks)


def add(connection: Connection, package: int, cells: dict[Key, Cell]) -> None:
    """Add *cells* of days to what is kept."""
    _merge(connection, package, cells, 1)
    counted: dict[int, list[BitMap]] = defaultdict(list)
    for (dimension, _, day), cell in cells.items():
        if dimension == ALL:
            counted[monday(day)].append(cell.users or BitMap())
    _keep_mixed(connection, package, {week: union(users) for week, users in counted.items()})


def subtract(connection: Connection, package: int, cells: dict[Key, Cell]) -> None:
    """Take *cells* of days, all there is of their installs, away from what is kept."""
    _merge(connection, package, cells, -1)
    _mixed.clear(connection, package, union(c.users or BitMap() for c in cells.values()))


def replace(connection: Connection, package: int, cells: dict[Key, Cell], since: int) -> None:
    """Put *cells* in the place of all that is kept from day *since* on."""
    for shelf, first in ((BY_DAY, since), (BY_WEEK, monday(since))):
        old = (shelf.table.c.package == package) & (shelf.table.c.day >= first)
        connection.execute(delete(shelf.table).where(old))
    stays: dict[Key, Cell] = {}
    first_days = (rollups.c.package == package) & rollups.c.day.between(monday(since), since - 1)
    told = select(rollups.c.dimension).where(first_days).distinct()
    for dimension in connection.scalars(told).all():
        earlier = BY_DAY.span(connection, package, dimension, monday(since), since - 1)
        stays.update(
            (((dimension, v, day), c) for day, of in earlier.items() for v, c in of.items())
        )
    BY_DAY.make(connection, (_row(package, key, cell) for key, cell in cells.items()))
    every = weekly({**stays, **cells})
    BY_WEEK.make(connection, (_row(package, key, cell) for key, cell in every.items()))
    _blocks.drop_since(connection, package, since)
    _mixed.drop_since(connection, package, monday(since))
    starts = {week for dimension, _, week in every if dimension == ALL}
    _keep_mixed(connection, package, dict.fromkeys(starts))
    bump(connection, package)


def clear(connection: Connection, package: int, number: int, until: int) -> None:
    """Take *number* out of every set up to day *until*: the uploads that told it may be gone."""
    for shelf in (BY_DAY, BY_WEEK):
        shelf.clear(connection, package, number, until)
    _blocks.drop_before(connection, package, until + 1)
    _mixed.clear(connection, package, BitMap((number,)))
    bump(connection, package)


def catch_up(connection: Connection, limit: int) -> bool:
    """Keep what stores from before schema 8 lack, of *limit* weeks; say if there may be more.

    Answers are right all the while: whoever changed version in a week of which nothing is kept is
    looked up by day, and a week to which something is counted is kept as a whole.
    """
    place = recall(connection, "mixed") or "0:0"
    if place == _EVERY:
        return False
    package, day = map(int, place.split(":"))
    later = (weeks.c.package > package) | ((weeks.c.package == package) & (weeks.c.day > day))
    place_of = weeks.c.package, weeks.c.day
    ahead = select(*place_of).where((weeks.c.dimension == ALL) & later).order_by(*place_of)
    found = connection.execute(ahead.limit(limit)).all()
    for package, day in found:
        _keep_mixed(connection, package, {day: None})
        place = f"{package}:{day}"
    left = len(found) == limit
    remember(connection, "mixed", place if left else _EVERY)
    return left


def weekly(cells: dict[Key, Cell]) -> dict[Key, Cell]:
    """Return the cells of the weeks in which *cells* are; nobody asks for health by week."""
    found: dict[Key, Cell] = {}
    for (dimension, value, day), cell in cells.items():
        if dimension != HEALTH:
            key = (dimension, value, monday(day))
            now = found.get(key)
            found[key] = cell if now is None else _merged(now, cell, 1)
    return found


def revision(connection: Connection, package: int) -> str:
    """Return what is another text after any change of what is kept."""
    return recall(connection, f"rollups:{package}") or "0"


def _keep_mixed(connection: Connection, package: int, counted: Mapping[int, BitMap | None]) -> None:
    """Keep anew who changed version in which week, of the weeks in which some were *counted*."""
    read = functools.partial(BY_DAY.span, connection, package)
    for week, users in counted.items():
        _mixed.keep(connection, package, week, read, users)


def _merge(connection: Connection, package: int, cells: dict[Key, Cell], sign: int) -> None:
    BY_DAY.merge(connection, package, cells, sign)
    by_week = weekly(cells)
    BY_WEEK.merge(connection, package, by_week, sign)
    _blocks.drop(connection, package, (week for _, _, week in by_week))
    bump(connection, package)


def bump(connection: Connection, package: int) -> None:
    """Note that answers about *package* may have changed."""
    remember(connection, f"rollups:{package}", str(int(revision(connection, package)) + 1))


def _merged(now: Cell, more: Cell, sign: int) -> Cell:
    events = now.events + sign * more.events
    if now.users is None or more.users is None:
        return Cell(events, None, now.size)
    users = now.users | more.users if sign > 0 else now.users - more.users
    return Cell(events, users)


def _row(package: int, key: Key, cell: Cell) -> dict[str, Any]:
    return {
        **_place(package, key),
        "events": cell.events,
        "users": cell.size,
        "bits": None if cell.users is None else pack_set(cell.users),
    }


def _place(package: int, key: Key) -> dict[str, Any]:
    dimension, value, day = key
    return {"package": package, "dimension": dimension, "day": day, "value": value}
