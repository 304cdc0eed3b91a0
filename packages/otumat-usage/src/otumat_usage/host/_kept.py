"""Keep what is counted, by day and by week: add to it, take away from it, read it back.

A week's cell is the union of its days' cells. It tells nothing that they do not; it is there
because a question about months would otherwise read hundreds of sets for each value.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Any

from otumat_usage.host._bitmaps import pack_set
from otumat_usage.host._cells import HEALTH, Cell, Key
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
from otumat_usage.host._prepared import Prepared
from otumat_usage.host._settings import recall, remember

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "BY_DAY",
    "BY_WEEK",
    "Shelf",
    "add",
    "bump",
    "clear",
    "replace",
    "revision",
    "subtract",
    "weekly",
]

#: Rows that one statement names at most.
_SLICE = 300
_VALUES = ("events", "users", "bits")


class Shelf:
    """The cells of one table.

    Args:
        table: `rollups`, or `weeks`, whose day is a Monday.
    """

    def __init__(self, table: Any) -> None:
        self.table = table
        self._key = (
            (table.c.package == bindparam("p"))
            & (table.c.dimension == bindparam("d"))
            & (table.c.day == bindparam("n"))
            & (table.c.value == bindparam("v"))
        )
        changed: dict[str, Any] = {
            name: bindparam(f"to_{name}") for name in ("events", "users", "bits")
        }
        self._change = Prepared(update(table).where(self._key).values(changed))
        self._drop = Prepared(delete(table).where(self._key))
        self._make = Prepared(insert(table).values({c.name: bindparam(c.name) for c in table.c}))
        self._cell = (table.c.value, table.c.day, table.c.events, table.c.users, table.c.bits)
        within = (
            (table.c.package == bindparam("package"))
            & (table.c.dimension == bindparam("dimension"))
            & table.c.day.between(bindparam("first"), bindparam("last"))
        )
        self._span = Prepared(select(*self._cell).where(within))
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

    def find(self, connection: Connection, package: int, keys: Iterable[Key]) -> dict[Key, Cell]:
        """Return the cells of *keys*, of those that there are."""
        wanted = set(keys)
        days: dict[str, set[int]] = defaultdict(set)
        values: dict[str, set[str]] = defaultdict(set)
        for dimension, value, day in wanted:
            days[dimension].add(day)
            values[dimension].add(value)
        found = {}
        for dimension, some in days.items():
            ours = (self.table.c.package == package) & (self.table.c.dimension == dimension)
            if len(values[dimension]) <= _SLICE:
                ours &= self.table.c.value.in_(sorted(values[dimension]))
            for part in _slices(sorted(some)):
                statement = select(*self._cell).where(ours & self.table.c.day.in_(part))
                for value, day, events, users, bits in connection.execute(statement):
                    if (dimension, value, day) in wanted:
                        found[dimension, value, day] = Cell(events, None, users, bits)
        return found

    def merge(
        self, connection: Connection, package: int, cells: dict[Key, Cell], sign: int
    ) -> None:
        """Add *cells* to what is kept, or take them away."""
        known = self.find(connection, package, cells)
        changed: list[Any] = []
        made: list[Any] = []
        gone: list[Any] = []
        for key, cell in cells.items():
            now = known.get(key)
            merged = _merged(now or Cell(), cell, sign)
            if merged.events or merged.size:
                (made if now is None else changed).append(_row(package, key, merged))
            elif now is not None:
                gone.append(_row(package, key, merged))
        self.make(connection, made)
        self._change_all(connection, changed)
        if gone:
            self._drop.many(connection, [_place(row) for row in gone])

    def make(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        """Keep new rows."""
        if rows:
            self._make.many(connection, rows)

    def clear(self, connection: Connection, package: int, number: int) -> None:
        """Take *number* out of every set."""
        ours = (self.table.c.package == package) & self.table.c.bits.is_not(None)
        changed = []
        for value, day, events, _, bits, dimension in connection.execute(
            select(*self._cell, self.table.c.dimension).where(ours)
        ):
            users = Cell(events, None, 0, bits).users
            if users is not None and number in users:
                users.discard(number)
                changed.append(_row(package, (dimension, value, day), Cell(events, users)))
        self._change_all(connection, changed)

    def _change_all(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        if rows:
            every = [_place(row) | {f"to_{name}": row[name] for name in _VALUES} for row in rows]
            self._change.many(connection, every)


BY_DAY, BY_WEEK = Shelf(rollups), Shelf(weeks)


def add(connection: Connection, package: int, cells: dict[Key, Cell]) -> None:
    """Add *cells* of days to what is kept."""
    _merge(connection, package, cells, 1)


def subtract(connection: Connection, package: int, cells: dict[Key, Cell]) -> None:
    """Take *cells* of days away from what is kept."""
    _merge(connection, package, cells, -1)


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
    BY_DAY.make(connection, [_row(package, key, cell) for key, cell in cells.items()])
    every = weekly({**stays, **cells})
    BY_WEEK.make(connection, [_row(package, key, cell) for key, cell in every.items()])
    bump(connection, package)


def clear(connection: Connection, package: int, number: int) -> None:
    """Take *number* out of every set: uploads that told its days may be gone from the log."""
    for shelf in (BY_DAY, BY_WEEK):
        shelf.clear(connection, package, number)
    bump(connection, package)


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


def _merge(connection: Connection, package: int, cells: dict[Key, Cell], sign: int) -> None:
    BY_DAY.merge(connection, package, cells, sign)
    BY_WEEK.merge(connection, package, weekly(cells), sign)
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


def _place(row: dict[str, Any]) -> dict[str, Any]:
    names = {"p": "package", "d": "dimension", "n": "day", "v": "value"}
    return {short: row[name] for short, name in names.items()}


def _slices(things: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(things), _SLICE):
        yield things[start : start + _SLICE]
