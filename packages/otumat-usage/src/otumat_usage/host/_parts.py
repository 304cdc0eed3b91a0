"""Cut a span into few parts in which it is plain who had which value on which day.

Most users have one value of a dimension all week: what a week's sets say of them is true of
each of their days. Only the others, who changed within the week, are looked up day by day.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING

from otumat_usage.host._answered import Matrix
from otumat_usage.host._bitmaps import BitMap, union, unpack_few
from otumat_usage.host._cells import FEATURE, VERSION, Cell
from otumat_usage.host._filters import UNKNOWN, Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from otumat_usage.host._facts import Facts

__all__ = [
    "Part",
    "Sets",
    "both_on_one_day",
    "in_several",
    "last_values",
    "parts",
    "rolled",
    "sets_of",
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
    found: list[Part] = facts.cut(_gathered, dimension, first, last)
    if not any(part.mixed for part in found):
        return found
    daily = _with_unknown(facts, dimension, first, last, weekly=False)
    active = facts.days(None, first, last)
    return [_looked_up(part, daily, active) if part.mixed else part for part in found]


def _gathered(facts: Facts, dimension: str, first: int, last: int, _: None) -> list[Part]:
    """Return the parts, latest first, without the days of those who changed."""
    named = facts.gathered(dimension, first, last)
    nobody = facts.unknown(dimension, first, last)
    found = []
    for start, cell in sorted(facts.parts(None, first, last).items(), reverse=True):
        if cell.users is not None:
            sets = sets_of(named.get(start, {}))
            if start in nobody:
                sets[UNKNOWN] = nobody[start].users or BitMap()
            mixed = in_several(sets.values()) if facts.is_week(start, last) else BitMap()
            found.append(Part(start, cell.users, sets, mixed, []))
    return found


def _looked_up(part: Part, daily: dict[int, dict[str, Cell]], active: dict[int, Cell]) -> Part:
    """Return *part* with the days of those who changed."""
    days = []
    for day in range(part.start + 6, part.start - 1, -1):
        some = within(part.mixed, sets_of(daily.get(day, {})))
        whole = active[day].users if day in active else None
        days.append((day, (whole or BitMap()) & part.mixed, some))
    return dataclasses.replace(part, days=days)


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
) -> Matrix:
    """Return how many users had a value of *rows* and one of *columns* on one day."""
    layers: list[tuple[Sets, Sets]] = []  # whoever is left and right had both on one day
    apart: list[Part] = []
    told: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    weekly = where is None and columns != FEATURE
    by_part = _with_unknown(facts, rows, *span, weekly=weekly)
    kept = facts.mixed(*span) if weekly and (rows, columns) == (FEATURE, VERSION) else {}
    for part in facts.cut(_gathered if weekly else parts, columns, *span, where):
        plain = {value: users - part.mixed for value, users in part.sets.items()}
        layers.append((sets_of(by_part.get(part.start, {})), plain if part.mixed else part.sets))
        if part.start in kept and kept[part.start].users == part.mixed:
            for pair, numbers in kept[part.start].pairs.items():
                told[pair].append(numbers)
        elif part.mixed:
            apart.append(part)
    layers += _days_of(facts, rows, columns, apart) if apart else ()
    return _counted(layers, {pair: unpack_few(b"".join(some)) for pair, some in told.items()})


def _days_of(
    facts: Facts, rows: str, columns: str, weeks: list[Part]
) -> Iterator[tuple[Sets, Sets]]:
    """Yield for each day of *weeks*, latest first, who of those who changed had which values."""
    span = weeks[-1].start, weeks[0].start + 6
    left, right = (_with_unknown(facts, name, *span, weekly=False) for name in (rows, columns))
    active = facts.days(None, *span)
    for week in weeks:
        for day, _, sets in _looked_up(week, right, active).days:
            yield within(week.mixed, sets_of(left.get(day, {}))), sets


def _counted(layers: list[tuple[Sets, Sets]], told: Mapping[tuple[str, str], BitMap]) -> Matrix:
    """Return how many are left and right in any of *layers*, or are *told*.

    Row by row, so that few sets are held at a time.
    """
    found = Matrix({}, {})
    for row in {row for left, _ in layers for row in left}:
        both: dict[str, list[BitMap]] = defaultdict(list)
        for left, right in layers:
            if users := left.get(row):
                for column, theirs in right.items():
                    if some := users & theirs:
                        both[column].append(some)
        for (one, column), users in told.items():
            if one == row:
                both[column].append(users)
        whole = {column: union(sets) for column, sets in both.items()}
        found.pairs.update({(row, column): len(users) for column, users in whole.items()})
        found.rows[row] = len(union(whole.values()))
    return found


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
            sets = sets_of(named.get(day, {}))
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
