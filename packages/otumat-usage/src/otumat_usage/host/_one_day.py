"""Cross two dimensions: who had a value of the one and a value of the other on one day."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from otumat_usage.host._answered import Matrix
from otumat_usage.host._bitmaps import BitMap, union, unpack_few, unpack_set
from otumat_usage.host._blocks import left_of
from otumat_usage.host._cells import FEATURE, VERSION
from otumat_usage.host._parts import (
    by_weeks,
    gathered,
    looked_up,
    only,
    parts,
    sets_of,
    steady,
    with_unknown,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otumat_usage.host._facts import Facts
    from otumat_usage.host._filters import Filter
    from otumat_usage.host._parts import Part, Sets

__all__ = ["both_on_one_day", "crossed"]


def both_on_one_day(
    facts: Facts, rows: str, columns: str, span: tuple[int, int], where: Filter | None
) -> Matrix:
    """Return how many users had a value of *rows* and one of *columns* on one day."""
    found = Matrix({}, {})
    moved: dict[str, Sets] = {}
    always: BitMap | None = None
    if where is None or columns == FEATURE or not by_weeks(where):
        every = crossed(facts, rows, columns, span, where)
    else:
        always, movers = steady(facts, where, *span)
        every = crossed(facts, rows, columns, span, None)
        moved = dict(crossed(facts, rows, columns, span, where, movers)) if movers else {}
    for row, sets in every:
        both = sets
        if always is not None:
            both, more = within(always, sets), moved.get(row, {})
            both.update({c: both.get(c, BitMap()) | users for c, users in more.items()})
        found.pairs.update({(row, column): len(users) for column, users in both.items()})
        if both:  # else nobody is left of whom an event was
            found.rows[row] = len(union(both.values()))
    return found


def crossed(  # noqa: PLR0913, PLR0917 - two dimensions of a span, and of whom
    facts: Facts,
    rows: str,
    columns: str,
    span: tuple[int, int],
    where: Filter | None = None,
    of: BitMap | None = None,
) -> Iterator[tuple[str, Sets]]:
    """Yield for each value of *rows* who had it and which of *columns* on one day, *of* some."""
    crossing = (rows, columns) == (FEATURE, VERSION)
    held = facts.blocks.pairs(span) if crossing and where is None and of is None else {}
    blocks: dict[str, list[tuple[str, memoryview]]] = defaultdict(list)
    for (row, column), bits in chain.from_iterable(held.values()):
        blocks[row].append((column, bits))
    found = _Crossing([], defaultdict(list), blocks)
    for each in left_of(span, held):
        _look_up(found, facts, rows, columns, each, where, of)
    yield from _joined(found)


@dataclasses.dataclass(frozen=True, slots=True)
class _Crossing:
    """What tells who had which values on one day.

    Attributes:
        layers: Whoever is in a set of the left and in one of the right had both on one day.
        told: Who had a pair of values on one day, by `pack_few`.
        blocks: By row: in which column, and who, by `pack_set`, of a block at a time.
    """

    layers: list[tuple[Sets, Sets]]
    told: dict[tuple[str, str], list[bytes]]
    blocks: Mapping[str, list[tuple[str, memoryview]]]


def _look_up(  # noqa: PLR0913, PLR0917 - two dimensions of a span, of whom, and where to
    found: _Crossing,
    facts: Facts,
    rows: str,
    columns: str,
    span: tuple[int, int],
    where: Filter | None,
    of: BitMap | None,
) -> None:
    """Add to *found* what parts and days of *span* tell."""
    apart: list[Part] = []
    weekly = columns != FEATURE and by_weeks(where)
    by_part = with_unknown(facts, rows, *span, weekly=weekly)
    kept = facts.mixed(*span) if weekly and (rows, columns) == (FEATURE, VERSION) else {}
    for each in facts.cut(gathered if weekly else parts, columns, *span, where):
        part = each if of is None else only(each, of)
        plain = {value: users - part.mixed for value, users in part.sets.items()}
        left = sets_of(by_part.get(part.start, {}))
        found.layers.append((left, plain if part.mixed else part.sets))
        unclear = part.mixed
        if part.start in kept:
            always = part.whole - part.partly
            if kept[part.start].users & always == unclear - part.partly:
                for pair, numbers in kept[part.start].only(always):
                    found.told[pair].append(numbers)
                unclear = part.partly
        if unclear:
            apart.append(dataclasses.replace(part, mixed=unclear))
    if apart:
        found.layers.extend(_days_of(facts, rows, columns, apart, where))


def _days_of(
    facts: Facts, rows: str, columns: str, weeks: list[Part], where: Filter | None
) -> Iterator[tuple[Sets, Sets]]:
    """Yield for each day of *weeks*, latest first, who of those who changed had which values."""
    span = weeks[-1].start, weeks[0].start + 6
    left, right = (with_unknown(facts, name, *span, weekly=False) for name in (rows, columns))
    active = facts.days(where, *span)
    for week in weeks:
        for day, _, sets in looked_up(week, right, active).days:
            yield within(week.mixed, sets_of(left.get(day, {}))), sets


def _joined(found: _Crossing) -> Iterator[tuple[str, Sets]]:
    """Yield for each row who had which column; row by row, so that few sets are held at a time."""
    told = {pair: unpack_few(b"".join(some)) for pair, some in found.told.items()}
    rows = {row for left, _ in found.layers for row in left}
    for row in rows.union(found.blocks):
        both: dict[str, list[BitMap]] = defaultdict(list)
        for column, bits in found.blocks.get(row, ()):
            both[column].append(unpack_set(bits))
        for left, right in found.layers:
            if users := left.get(row):
                for column, theirs in right.items():
                    if some := users & theirs:
                        both[column].append(some)
        for (one, column), users in told.items():
            if one == row:
                both[column].append(users)
        yield row, {column: union(sets) for column, sets in both.items()}
