"""Cut a span into few parts in which it is plain who had which value on which day.

Most users have one value of a dimension all week: what a week's sets say of them is true of
each of their days. Only the others, who changed within the week, are looked up day by day.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._cells import FEATURE, Cell
from otumat_usage.host._filters import UNKNOWN, Filter, alternatives

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otumat_usage.host._facts import Facts

__all__ = [
    "Part",
    "Sets",
    "by_weeks",
    "chosen_values",
    "gathered",
    "in_several",
    "last_values",
    "looked_up",
    "only",
    "parts",
    "sets_of",
    "steady",
    "with_unknown",
    "within",
]

Sets = dict[str, BitMap]

#: Who satisfied a filter on a day of which nothing is known; never changed.
_NOBODY = BitMap(), BitMap()


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One day, or one week.

    Attributes:
        start: Its first day.
        whole: Who was active.
        sets: Who had which value, or none.
        mixed: Who may have had another value on another day of the part, or not have satisfied the
            filter on it; nobody on a day.
        partly: Of those: who satisfied the filter on some of their days only. They are in no set.
        days: Of the mixed: who was active on each day, and with which value; latest day first.
    """

    start: int
    whole: BitMap
    sets: Sets
    mixed: BitMap
    partly: BitMap
    days: list[tuple[int, BitMap, Sets]]


def parts(
    facts: Facts, dimension: str, first: int, last: int, where: Filter | None = None
) -> list[Part]:
    """Return the span's parts, latest first; only those who satisfied *where*."""
    if dimension == FEATURE or not by_weeks(where):
        return _by_day(facts, dimension, first, last, where)
    found: list[Part] = facts.cut(gathered, dimension, first, last, where)
    if not any(part.mixed for part in found):
        return found
    daily = with_unknown(facts, dimension, first, last, weekly=False)
    active = facts.days(where, first, last)
    return [looked_up(part, daily, active) if part.mixed else part for part in found]


def by_weeks(where: Filter | None) -> bool:
    """Say whether a week's sets tell of almost everybody whether they satisfied *where*.

    So they do of a choice of values of which an event has one at most: who had none but these in
    the week satisfied it on all of their days.
    """
    choice = None if where is None else alternatives(where)
    return where is None or (choice is not None and choice[0] != FEATURE)


def gathered(
    facts: Facts, dimension: str, first: int, last: int, where: Filter | None
) -> list[Part]:
    """Return the parts, latest first, without the days of those who changed."""
    named = facts.gathered(dimension, first, last)
    nobody = facts.unknown(dimension, first, last)
    chosen = {} if where is None else _satisfied(facts, where, first, last)
    found = []
    for start, cell in sorted(facts.parts(None, first, last).items(), reverse=True):
        if cell.users is not None:
            sets = sets_of(named.get(start, {}))
            if start in nobody:
                sets[UNKNOWN] = nobody[start].users or BitMap()
            whole, partly = cell.users, BitMap()
            if where is not None:
                always, partly = chosen[start]
                whole, sets = always | partly, within(always, sets)
            mixed = in_several(sets.values()) if facts.is_week(start, last) else BitMap()
            found.append(Part(start, whole, sets, mixed | partly, partly, []))
    return found


def _satisfied(
    facts: Facts, where: Filter, first: int, last: int, *, weekly: bool = True
) -> dict[int, tuple[BitMap, BitMap]]:
    """Return for each part who satisfied *where* on all of their days, and who on some only."""
    choice = alternatives(where) if weekly else None
    if choice is None:
        days = facts.days(where, first, last).items()
        return {day: (cell.users or BitMap(), BitMap()) for day, cell in days}
    dimension, values = choice
    found = {}
    for part in facts.cut(gathered, dimension, first, last):
        inside = union(part.sets[value] for value in values if value in part.sets)
        partly = part.mixed & inside
        if partly:
            partly &= union(users for value, users in part.sets.items() if value not in values)
        found[part.start] = inside - partly, partly
    return found


def steady(facts: Facts, where: Filter, first: int, last: int) -> tuple[BitMap, BitMap]:
    """Return who satisfied *where* on all of their days of the span, and who on some only."""
    chosen = _satisfied(facts, where, first, last)
    whole = facts.parts(None, first, last)
    inside = union(chain.from_iterable(chosen.values()))
    outside = union((whole[day].users or BitMap()) - users for day, (users, _) in chosen.items())
    return inside - outside, inside & outside


def chosen_values(  # noqa: PLR0913 - a span of a dimension, and of whom
    facts: Facts,
    dimension: str,
    first: int,
    last: int,
    where: Filter,
    *,
    of: BitMap | None = None,
) -> dict[str, dict[int, Cell]]:
    """Return each value's cells of those who satisfied *where*: each day's, or *of* some in parts.

    In parts only where the filter is one `by_weeks`.
    """
    weekly = of is not None
    chosen = _satisfied(facts, where, first, last, weekly=weekly)
    if of is not None:
        chosen = {start: (users & of, partly & of) for start, (users, partly) in chosen.items()}
    found: dict[str, dict[int, list[BitMap]]] = defaultdict(lambda: defaultdict(list))
    for start, cells in with_unknown(facts, dimension, first, last, weekly=weekly).items():
        for value, users in within(chosen.get(start, _NOBODY)[0], sets_of(cells)).items():
            found[value][start].append(users)
    weeks = [Part(start, some, {}, some, some, []) for start, (_, some) in chosen.items() if some]
    if weeks:
        by_day = with_unknown(facts, dimension, first, last, weekly=False)
        active = facts.days(where, first, last)
        for week in weeks:
            for *_, sets in looked_up(week, by_day, active).days:
                for value, users in sets.items():
                    found[value][week.start].append(users)
    return {
        value: {start: Cell(0, s[0] if len(s) == 1 else union(s)) for start, s in by_start.items()}
        for value, by_start in found.items()
    }


def looked_up(part: Part, daily: dict[int, dict[str, Cell]], active: dict[int, Cell]) -> Part:
    """Return *part* with the days of those who changed."""
    days = []
    for day in range(part.start + 6, part.start - 1, -1):
        users = active[day].users if day in active else None
        some = part.mixed & (users or BitMap())
        days.append((day, some, within(some, sets_of(daily.get(day, {})))))
    return dataclasses.replace(part, days=days)


def only(part: Part, some: BitMap) -> Part:
    """Return *part* of nobody but *some*; of its days the mixed users tell who counts."""
    return dataclasses.replace(
        part,
        whole=part.whole & some,
        sets=within(some, part.sets),
        mixed=part.mixed & some,
        partly=part.partly & some,
    )


def last_values(found: Iterable[Part], order: Callable[[str], object]) -> Sets:
    """Return who had which value on their last day; of several the highest by *order*.

    Args:
        found: The parts, latest first.
        order: By which values are compared.
    """
    settled: dict[str, list[BitMap]] = defaultdict(list)
    seen = BitMap()
    every = list(found)
    layers = chain.from_iterable((part.sets, *(sets for *_, sets in part.days)) for part in every)
    values = set(chain.from_iterable(layers))
    ranks = {value: rank for rank, value in enumerate(sorted(values, key=order))}  # type: ignore[arg-type]
    for part in every:
        left = part.whole - seen
        seen |= left
        late = left & part.mixed if part.mixed else BitMap()
        _settle(settled, left - late if late else left, part.sets, ranks)
        for _, active, sets in part.days if late else ():
            _settle(settled, late & active, sets, ranks)
            late -= active
    return {value: union(sets) for value, sets in settled.items()}


def _settle(
    settled: dict[str, list[BitMap]], left: BitMap, sets: Sets, ranks: Mapping[str, int]
) -> None:
    for value in sorted(sets.keys() - {UNKNOWN}, key=ranks.__getitem__, reverse=True):
        if not left:
            return
        if users := left & sets[value]:
            settled[value].append(users)
            left = left - users
    if left:
        settled[UNKNOWN].append(left)


def _by_day(
    facts: Facts, dimension: str, first: int, last: int, where: Filter | None
) -> list[Part]:
    named = with_unknown(facts, dimension, first, last, weekly=False)
    found = []
    for day, cell in sorted(facts.days(where, first, last).items(), reverse=True):
        if cell.users is not None:
            sets = sets_of(named.get(day, {}))
            if where is not None:
                sets = {value: users & cell.users for value, users in sets.items()}
            found.append(Part(day, cell.users, sets, BitMap(), BitMap(), []))
    return found


def with_unknown(
    facts: Facts, dimension: str, first: int, last: int, *, weekly: bool
) -> dict[int, dict[str, Cell]]:
    """Return each value's cells, in parts or each day's, and those of who named none."""
    named = (facts.gathered if weekly else facts.cells)(dimension, first, last)
    nobody = facts.unknown(dimension, first, last, daily=not weekly)
    if not nobody:
        return named
    return {
        day: {**named.get(day, {}), **({UNKNOWN: nobody[day]} if day in nobody else {})}
        for day in {*named, *nobody}
    }


def sets_of(cells: Mapping[str, Cell]) -> Sets:
    """Return who had which value, of the values of which this is kept."""
    return {value: cell.users for value, cell in cells.items() if cell.users is not None}


def within(users: BitMap, sets: Sets) -> Sets:
    """Return which of *users* are in which of *sets*, without those in which none is."""
    return {value: both for value, theirs in sets.items() if (both := theirs & users)}


def in_several(sets: Iterable[BitMap]) -> BitMap:
    """Return who is in more than one of *sets*."""
    seen, twice = BitMap(), BitMap()
    for users in sets:
        twice |= seen & users
        seen |= users
    return twice
