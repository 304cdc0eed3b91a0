"""Read what is known day by day: the roll-ups and, on top, the uploads not rolled up yet."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._cells import ALL, FEATURE, HEALTH, Cell
from otumat_usage.host._chosen import Daily, chosen, in_all, picked, together
from otumat_usage.host._database import (
    Connection,
    bindparam,
    func,
    installs,
    members,
    rollups,
    select,
    weeks,
)
from otumat_usage.host._days import monday
from otumat_usage.host._filters import (
    UNKNOWN,
    AllOf,
    Filter,
    Is,
    alternatives,
    values_of,
)
from otumat_usage.host._fresh import count
from otumat_usage.host._held_blocks import HeldBlocks
from otumat_usage.host._kept import BY_DAY, BY_WEEK, Shelf, weekly
from otumat_usage.host._mixed import Mixed, between
from otumat_usage.host._prepared import Prepared
from otumat_usage.host._rollups import newest, tail

__all__ = ["Cut", "Daily", "Facts"]

#: Values of a filter that are read one by one.
_FEW = 4

_VALUES = Prepared(
    select(weeks.c.dimension, weeks.c.value)
    .where(weeks.c.package == bindparam("package"))
    .distinct()
)
_FIRST_DAY = Prepared(
    select(func.min(rollups.c.day)).where(
        (rollups.c.package == bindparam("package")) & (rollups.c.dimension == ALL)
    )
)
#: What is made of a span: of a dimension, from one day to another, of those of a filter or a value.
Cut = Callable[["Facts", str, int, int, Any], Any]


class Facts:
    """The cells of one package as one transaction sees them.

    Args:
        connection: A connection inside that transaction.
        package: The package's number.
        counted: Leave out what waits to be counted.
    """

    def __init__(self, connection: Connection, package: int, *, counted: bool = False) -> None:
        self._connection = connection
        self._package = package
        self._known: dict[tuple[Shelf, str, int, int, frozenset[str] | None], Daily] = {}
        self._gathered: dict[tuple[str, int, int], Daily] = {}
        self._chosen: dict[tuple[Filter | None, int, int], dict[int, Cell]] = {}
        self._values: dict[str, set[str]] | None = None
        self._cuts: dict[Any, Any] = {}
        self._apart: set[int] = set()
        found = [] if counted else tail(connection, package)
        self.waiting = len(found)
        self._newest = max((row[5] for row in found), default=-1)
        self._fresh, self._fresh_numbers = count(connection, package, found)
        self._fresh_weeks = weekly(self._fresh)
        weeks_of_fresh = {week for _, _, week in self._fresh_weeks}
        #: What is held of its blocks.
        self.blocks = HeldBlocks(connection, package, weeks_of_fresh)

    def cells(self, dimension: str, first: int, last: int) -> Daily:
        """Return what happened on each day of the span, by value of *dimension*."""
        return self._read(BY_DAY, dimension, first, last)

    def gathered(self, dimension: str, first: int, last: int) -> Daily:
        """Return the same in fewer parts: whole weeks by their Monday, the other days by day."""
        span = (dimension, first, last)
        if span not in self._gathered:
            start, end = monday(first + 6), monday(last + 1)
            if start >= end:
                return self.cells(dimension, first, last)
            found = dict(self._read(BY_WEEK, dimension, start, end - 1))
            found.update(self.cells(dimension, first, start - 1) if first < start else {})
            found.update(self.cells(dimension, end, last) if end <= last else {})
            # Of a week whose first days are only numbers by now, the others are still sets.
            for week in [day for day, cells in found.items() if not _kept(cells)]:
                if start <= week < end:
                    del found[week]
                    self._apart.add(week)
                    found.update(self.cells(dimension, week, week + 6))
            self._gathered[span] = found
        return self._gathered[span]

    def counts(self, shelf: Shelf, dimension: str, starts: Sequence[int]) -> Daily:
        """Return the cells of the days, or weeks, of which the numbers alone tell all there is.

        Of others, something waits to be counted, or somebody named no value; or the sets of some of
        a week's days are no longer kept.

        Args:
            shelf: By day, or by week.
            dimension: Whose values.
            starts: The days, or the Mondays, in their order.
        """
        if not starts:
            return {}
        named, let_go = self._counted(shelf, dimension, starts[0], starts[-1])
        whole, _ = self._counted(shelf, ALL, starts[0], starts[-1])
        fresh = {day for _, _, day in (self._fresh if shelf is BY_DAY else self._fresh_weeks)}
        found: Daily = {}
        for start in starts:
            cells = named.get(start, {})
            events = sum(cell.events for cell in cells.values())
            every = events == sum(cell.events for cell in whole.get(start, {}).values())
            late = shelf is BY_WEEK and start in let_go
            if start not in fresh and not late and (every or dimension == FEATURE):
                found[start] = cells
        return found

    def _counted(
        self, shelf: Shelf, dimension: str, first: int, last: int
    ) -> tuple[Daily, set[int]]:
        known = self._covering(shelf, dimension, first, last)
        if known is None:
            return shelf.counts(self._connection, self._package, dimension, first, last)
        return known, {day for day, cells in known.items() if not _kept(cells)}

    def days(self, where: Filter | None, first: int, last: int) -> dict[int, Cell]:
        """Return who satisfied *where* on each day, and their events where these are known."""
        span = (where, first, last)
        for (known, start, end), found in self._chosen.items():
            if known == where and start <= first and last <= end and span not in self._chosen:
                self._chosen[span] = {d: found[d] for d in range(first, last + 1) if d in found}
                break
        if span not in self._chosen:
            whole = {day: cells[""] for day, cells in self.cells(ALL, first, last).items()}
            choice = None if where is None else alternatives(where)
            if isinstance(where, AllOf) and choice is None:  # of its parts some are known already
                parts = [self.days(part, first, last) for part in where.parts]
                whole = {day: in_all(cell, [p[day] for p in parts]) for day, cell in whole.items()}
            elif where is not None:
                by = self._needed(where, first, last)
                if choice is None or UNKNOWN in choice[1]:
                    whole = {day: chosen(where, day, cell, by) for day, cell in whole.items()}
                else:
                    values, named = choice[1], by[choice[0]]
                    whole = {d: picked(c, named.get(d, {}), values) for d, c in whole.items()}
            self._chosen[span] = whole
        return self._chosen[span]

    def _needed(self, where: Filter, first: int, last: int) -> dict[str, Daily]:
        """Return the cells of the values that *where* names; of all where it names no value."""
        named: dict[str, set[str]] = defaultdict(set)
        for dimension, value in values_of(where):
            named[dimension].add(value)
        found = {}
        for dimension, values in named.items():
            known = self._covering(BY_DAY, dimension, first, last) is not None
            if UNKNOWN in values or known or len(values) > _FEW:
                found[dimension] = self.cells(dimension, first, last)
            else:
                found[dimension] = self._read(BY_DAY, dimension, first, last, frozenset(values))
        return found

    def parts(self, where: Filter | None, first: int, last: int) -> dict[int, Cell]:
        """Return the same in fewer parts, where their union is all that is asked for."""
        if where is None:
            return {day: cells[""] for day, cells in self.gathered(ALL, first, last).items()}
        choice = alternatives(where)
        if choice is None:
            return self.days(where, first, last)
        dimension, values = choice
        nobody: dict[int, Cell] = {}
        if UNKNOWN in values and dimension != FEATURE:
            nobody = self.unknown(dimension, first, last)
            values = values - {UNKNOWN}
        found: dict[int, list[Cell]] = defaultdict(list)
        for day, cells in self.gathered(dimension, first, last).items():
            found[day] += [cells[value] for value in values if value in cells]
        for day, cell in nobody.items():
            found[day].append(cell)
        return {day: together(cells) for day, cells in found.items()}

    def unknown(
        self, dimension: str, first: int, last: int, *, daily: bool = False
    ) -> dict[int, Cell]:
        """Return who named no value of *dimension* on a day: in parts as `gathered`, or *daily*."""
        if dimension == FEATURE:
            return {}
        named = (self.cells if daily else self.gathered)(dimension, first, last)
        found = {}
        for day, whole in (self.days if daily else self.parts)(None, first, last).items():
            # Every event has one value at most: where all are named, nobody is unknown.
            events = whole.events - sum(cell.events for cell in named.get(day, {}).values())
            if events:
                until = day + 6 if not daily and self.is_week(day, last) else day
                single = self.days(Is(dimension, UNKNOWN), day, until)
                users = union(cell.users for cell in single.values() if cell.users is not None)
                known = sum(cell.size for cell in single.values()) if until == day else 0
                found[day] = Cell(events, users if whole.kept else None, known)
        return found

    def is_week(self, start: int, last: int) -> bool:
        """Say whether the part that begins at *start* in a span up to *last* is a whole week."""
        return start not in self._apart and start == monday(start) <= last - 6

    def mixed(self, first: int, last: int) -> dict[int, Mixed]:
        """Return what is kept of the span's weeks in which nothing waits to be counted."""
        fresh = {week for _, _, week in self._fresh_weeks}
        found = between(self._connection, self._package, first, last)
        return {week: each for week, each in found.items() if week not in fresh}

    def knows_weeks(self, dimension: str, first: int, last: int) -> bool:
        """Say whether the weeks of the span have been read already."""
        return self._covering(BY_WEEK, dimension, first, last) is not None

    def cut(self, how: Cut, dimension: str, first: int, last: int, where: Any = None) -> Any:
        """Return what *how* makes of the span, once."""
        span = (how, dimension, first, last, where)
        if span not in self._cuts:
            self._cuts[span] = how(self, dimension, first, last, where)
        return self._cuts[span]

    def values(self, dimension: str) -> set[str]:
        """Return every value that was ever seen."""
        if self._values is None:  # who asks of one asks of others, too
            self._values = defaultdict(set)
            counted = _VALUES.rows(self._connection, package=self._package)
            for name, value in (*counted, *((name, value) for name, value, _ in self._fresh)):
                self._values[name].add(value)
        return self._values.get(dimension, set())

    def first_day(self) -> int | None:
        """Return the first day with an event."""
        ((kept,),) = _FIRST_DAY.rows(self._connection, package=self._package)
        days = [day for name, _, day in self._fresh if name == ALL]
        return min([*days, *([] if kept is None else [kept])], default=None)

    def health(self) -> dict[str, int]:
        """Return the sum of everything that was counted about uploads."""
        ours = (rollups.c.package == self._package) & (rollups.c.dimension == HEALTH)
        statement = select(rollups.c.value, func.sum(rollups.c.events).label("total"))
        rows = self._connection.execute(statement.where(ours).group_by(rollups.c.value))
        found: dict[str, int] = defaultdict(int, {row.value: int(row.total) for row in rows})
        for (name, value, _), cell in self._fresh.items():
            if name == HEALTH:
                found[value] += cell.events
        return dict(found)

    def surveyed(self) -> dict[tuple[str, str], BitMap]:
        """Return who gave which answer to the survey, by question and option.

        Whoever has sent nothing yet is in no set of any day, and not here either.
        """
        by_text: dict[str, BitMap] = defaultdict(BitMap)
        numbered = installs.outerjoin(members, members.c.install == installs.c.id)
        statement = (
            select(installs.c.survey, members.c.number, installs.c.id)
            .select_from(numbered)
            .where((installs.c.package == self._package) & installs.c.survey.is_not(None))
        )
        for text, known, install in self._connection.execute(statement):
            number = self._fresh_numbers.get(install) if known is None else known
            if number is not None:
                by_text[text].add(number)
        found: dict[tuple[str, str], BitMap] = defaultdict(BitMap)
        for text, users in by_text.items():  # few texts, however many users
            for pair in json.loads(text).items():
                found[pair] |= users
        return found

    def _read(
        self,
        shelf: Shelf,
        dimension: str,
        first: int,
        last: int,
        values: frozenset[str] | None = None,
    ) -> Daily:
        span = (shelf, dimension, first, last, values)
        if span in self._known:
            return self._known[span]
        if wider := self._covering(shelf, dimension, first, last):
            self._known[span] = {day: wider[day] for day in range(first, last + 1) if day in wider}
        else:
            found = shelf.span(self._connection, self._package, dimension, first, last, values)
            fresh = self._fresh if shelf is BY_DAY else self._fresh_weeks
            for (name, value, day), cell in fresh.items():
                asked = name == dimension and first <= day <= last
                if asked and (values is None or value in values):
                    now = found[day].get(value)
                    found[day][value] = cell if now is None else _sum(now, cell)
            self._known[span] = dict(found)
        return self._known[span]

    def _covering(self, shelf: Shelf, dimension: str, first: int, last: int) -> Daily | None:
        """Return what was read already of every value in a span that holds this one."""
        for (known, name, start, end, values), found in self._known.items():
            ours = known is shelf and name == dimension and values is None
            if ours and start <= first and last <= end:
                return found
        return None

    def newest(self) -> int | None:
        """Return when the last upload came, in milliseconds."""
        last = max(self._newest, newest(self._connection, self._package) or -1)
        return last if last >= 0 else None


def _kept(cells: dict[str, Cell]) -> bool:
    return all(cell.kept for cell in cells.values())


def _sum(one: Cell, other: Cell) -> Cell:
    known = one.kept and other.kept
    users = union((one.users or BitMap(), other.users or BitMap())) if known else None
    return Cell(one.events + other.events, users, one.size)
