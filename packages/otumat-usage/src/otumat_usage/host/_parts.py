"""Cut a span into few parts in which it is plain who had which value on which day.

Most users have one value of a dimension all week: what a week's sets say of them is true of
each of their days. Only the others, who changed within the week, are looked up day by day.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING

from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._cells import FEATURE, Cell
from otumat_usage.host._filters import UNKNOWN, Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otumat_usage.host._facts import Facts

__all__ = [
    "Part",
    "Sets",
    "both_on_one_day",
    "in_several",
    "last_values",
    "parts",
    "rolled",
    "within",
]

Sets = dict[str, BitMap]


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One day, or one week.

    Attributes:
        start: Its first day.
        whole: Who was active.
        sets: Who had which value, or none.
        mixed: Who may have had another value on another day of the part; nobody on a day.
        days: Of those: who was active on each day, and with which value; latest day first.
    """

    start: int
    whole: BitMap
    sets: Sets
    mixed: BitMap
    days: list[tuple[int, BitMap, Sets]]


def parts(
    facts: Facts, dimension: str, first: int, last: int, where: Filter | None = None
) -> list[Part]:
    """Return the span's parts, latest first; only those who satisfied *where*."""
    if where is not None or dimension == FEATURE:
        return _by_day(facts, dimension, first, last, where)
    named = facts.gathered(dimension, first, last)
    nobody = facts.unknown(dimension, first, last)
    found = []
    daily: dict[int, dict[str, Cell]] | None = None
    for start, cell in sorted(facts.parts(None, first, last).items(), reverse=True):
        if cell.users is not None:
            sets = _sets(named.get(start, {}))
            if start in nobody:
                sets[UNKNOWN] = nobody[start].users or BitMap()
            mixed = in_several(sets.values()) if facts.is_week(start, last) else BitMap()
            days: list[tuple[int, BitMap, Sets]] = []
            if mixed:
                daily = daily or _with_unknown(facts, dimension, first, last, weekly=False)
                active = facts.days(None, first, last)
                for day in range(start + 6, start - 1, -1):
                    some = within(mixed, _sets(daily.get(day, {})))
                    whole = active[day].users if day in active else None
                    days.append((day, (whole or BitMap()) & mixed, some))
            found.append(Part(start, cell.users, sets, mixed, days))
    return found


def last_values(found: Iterable[Part], order: Callable[[str], object]) -> dict[str, int]:
    """Return how many users had which value on their last day; of several the highest by *order*.

    Args:
        found: The parts, latest first.
        order: By which values are compared.
    """
    counts: dict[str, int] = defaultdict(int)
    seen = BitMap()
    every = list(found)
    values = {value for part in every for value in part.sets}
    ranks = {value: rank for rank, value in enumerate(sorted(values, key=order))}  # type: ignore[arg-type]
    for part in every:
        left = part.whole - seen
        seen |= left
        late = left & part.mixed if part.mixed else BitMap()
        _settle(counts, left - late if late else left, part.sets, ranks)
        for _, active, sets in part.days if late else ():
            _settle(counts, late & active, sets, ranks)
            late -= active
    return {value: count for value, count in counts.items() if count}


def _settle(counts: dict[str, int], left: BitMap, sets: Sets, ranks: Mapping[str, int]) -> None:
    for value in sorted(sets.keys() - {UNKNOWN}, key=ranks.__getitem__, reverse=True):
        if not left:
            return
        users = left & sets[value]
        counts[value] += len(users)
        left = left - users
    counts[UNKNOWN] += len(left)


def both_on_one_day(
    facts: Facts, rows: str, columns: str, span: tuple[int, int], where: Filter | None
) -> dict[tuple[str, str], int]:
    """Return how many users had a value of *rows* and one of *columns* on one day."""
    found: dict[tuple[str, str], list[BitMap]] = defaultdict(list)

    def note(left: Mapping[str, BitMap], right: Mapping[str, BitMap]) -> None:
        for one, users in left.items():
            for other, theirs in right.items():
                both = users & theirs
                if both:
                    found[one, other].append(both)

    weekly = where is None and columns != FEATURE
    by_part = _with_unknown(facts, rows, *span, weekly=weekly)
    by_day = _with_unknown(facts, rows, *span, weekly=False) if weekly else {}
    for part in facts.cut(parts, columns, *span, where):
        plain = {value: users - part.mixed for value, users in part.sets.items()}
        note(_sets(by_part.get(part.start, {})), plain if part.mixed else part.sets)
        for day, _, sets in part.days:
            cells = _sets(by_day.get(day, {}))
            note(within(part.mixed, cells), sets)
    return {pair: len(union(users)) for pair, users in found.items()}


def rolled(cells: list[Cell | None], window: int) -> list[int]:
    """Return how many users each *window* of successive days had.

    Blocks of *window* days are united from both ends: every window is the end of one block and
    the beginning of the next.
    """
    sets = [BitMap() if cell is None else cell.users or BitMap() for cell in cells]
    upto, since = list(sets), list(sets)
    for place in range(1, len(sets)):
        if place % window:
            upto[place] = upto[place - 1] | sets[place]
    for place in range(len(sets) - 2, -1, -1):
        if (place + 1) % window:
            since[place] = since[place + 1] | sets[place]
    return [
        since[end - window + 1].union_cardinality(upto[end]) for end in range(window - 1, len(sets))
    ]


def _by_day(
    facts: Facts, dimension: str, first: int, last: int, where: Filter | None
) -> list[Part]:
    named = _with_unknown(facts, dimension, first, last, weekly=False)
    found = []
    for day, cell in sorted(facts.days(where, first, last).items(), reverse=True):
        if cell.users is not None:
            sets = _sets(named.get(day, {}))
            if where is not None:
                sets = {value: users & cell.users for value, users in sets.items()}
            found.append(Part(day, cell.users, sets, BitMap(), []))
    return found


def _with_unknown(
    facts: Facts, dimension: str, first: int, last: int, *, weekly: bool
) -> dict[int, dict[str, Cell]]:
    named = (facts.gathered if weekly else facts.cells)(dimension, first, last)
    nobody = facts.unknown(dimension, first, last, daily=not weekly)
    if not nobody:
        return named
    return {
        day: {**named.get(day, {}), **({UNKNOWN: nobody[day]} if day in nobody else {})}
        for day in {*named, *nobody}
    }


def _sets(cells: Mapping[str, Cell]) -> Sets:
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
