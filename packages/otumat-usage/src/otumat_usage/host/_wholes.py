"""Put a span together by value, once for all who ask: who had it at all, who had nothing else."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from otumat_usage.host._answered import by_version
from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._blocks import left_of
from otumat_usage.host._cells import FEATURE, Cell
from otumat_usage.host._filters import UNKNOWN, Filter, Not, alternatives
from otumat_usage.host._parts import (
    by_weeks,
    chosen_values,
    last_values,
    only,
    parts,
    steady,
    with_unknown,
    within,
)
from otumat_usage.host._values import exactly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.host._facts import Daily, Facts
    from otumat_usage.host._parts import Part, Sets

__all__ = [
    "Together",
    "Whole",
    "by_value",
    "chosen",
    "chosen_by_value",
    "latest",
    "lost_without",
    "together",
    "users_of",
]


@dataclasses.dataclass(frozen=True, slots=True)
class Whole:
    """One value in the whole span.

    Attributes:
        events: How many.
        users: Who, of the days of which this is kept.
        kept: Whether these are all days.
    """

    events: int
    users: BitMap
    kept: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Together:
    """Who had which values on one day.

    Attributes:
        everybody: Who was active.
        days: Who had exactly these values, and no others, on some day.
    """

    everybody: BitMap
    days: Mapping[tuple[str, ...], BitMap]


def by_value(facts: Facts, dimension: str, first: int, last: int) -> dict[str, Whole]:
    """Return every value in the whole span; of those who named none, under `UNKNOWN`."""
    values = dict.fromkeys(chain(*facts.cut(_coarse, dimension, first, last).values()))
    return {value: facts.cut(_whole, dimension, first, last, value) for value in values}


def chosen(facts: Facts, where: Filter | None, first: int, last: int) -> Whole | None:
    """Return who satisfied *where* in the whole span; None where it is no choice of values."""
    choice = None if where is None else alternatives(where)
    if choice is None or UNKNOWN in choice[1]:
        return None
    found = [facts.cut(_whole, choice[0], first, last, value) for value in choice[1]]
    events = sum(each.events for each in found)
    return Whole(events, union(each.users for each in found), all(each.kept for each in found))


def _coarse(facts: Facts, dimension: str, first: int, last: int, _: None) -> Daily:
    """Return the cells of the span in few parts, those of who named none among them."""
    known = facts.knows_weeks(dimension, first, last)
    held = {} if known else facts.blocks.cells(dimension, (first, last))
    found = {block[0]: cells for block, cells in held.items()}
    for span in left_of((first, last), held):
        found.update(with_unknown(facts, dimension, *span, weekly=True))
    return found


def _whole(facts: Facts, dimension: str, first: int, last: int, value: str) -> Whole:
    days = facts.cut(_coarse, dimension, first, last).values()
    found = [cells[value] for cells in days if value in cells]
    sets = [users for cell in found if (users := cell.users) is not None]
    return Whole(sum(cell.events for cell in found), union(sets), len(sets) == len(found))


def chosen_by_value(
    facts: Facts, dimension: str, first: int, last: int, where: Filter
) -> dict[str, BitMap]:
    """Return who had which value and satisfied *where* on one day."""
    if not by_weeks(where):
        cut = chosen_values(facts, dimension, first, last, where)
        return {value: users_of(days) for value, days in cut.items()}
    always, movers = steady(facts, where, first, last)
    wholes = by_value(facts, dimension, first, last).items()
    found = {value: users for value, each in wholes if (users := each.users & always)}
    if movers:
        moved = chosen_values(facts, dimension, first, last, where, of=movers)
        for value, days in moved.items():
            found[value] = users_of(days) | found.get(value, BitMap())
    return found


def lost_without(facts: Facts, where: Filter, first: int, last: int) -> int:
    """Return how many satisfied *where* on every day on which they were active."""
    choice = alternatives(where)
    if choice is None or choice[0] == FEATURE:
        everybody, rest = (users_of(facts.days(w, first, last)) for w in (None, Not(where)))
        return len(everybody - rest)
    dimension, values = choice
    found = facts.cut(together, dimension, first, last)
    others = (users for names, users in found.days.items() if values.isdisjoint(names))
    return len(found.everybody - union(others))


def latest(facts: Facts, dimension: str, first: int, last: int, where: Filter | None) -> Sets:
    """Return who had which value on their last day; of several the highest version.

    Args:
        facts: Where they come from.
        dimension: Whose values.
        first: First day.
        last: Last day, part of the span.
        where: Which days count.
    """
    if where is None or not by_weeks(where):
        whole: Sets = facts.cut(_latest, dimension, first, last, where)
        return whole
    always, movers = steady(facts, where, first, last)
    found = within(always, facts.cut(_latest, dimension, first, last))
    if movers:
        some = [only(part, movers) for part in facts.cut(parts, dimension, first, last, where)]
        for value, users in last_values(some, by_version).items():
            found[value] = found[value] | users if value in found else users
    return found


def _latest(facts: Facts, dimension: str, first: int, last: int, where: Filter | None) -> Sets:
    held = {} if where else facts.blocks.values(dimension, (first, last))
    found = [values.last(block[0]) for block, values in held.items()]
    for span in left_of((first, last), held):
        found += facts.cut(parts, dimension, *span, where)
    return last_values(sorted(found, key=lambda part: part.start, reverse=True), by_version)


def users_of(days: Mapping[int, Cell]) -> BitMap:
    """Return who was active on any of *days* of which this is kept."""
    return union(users for cell in days.values() if (users := cell.users) is not None)


def together(facts: Facts, dimension: str, first: int, last: int, _: None = None) -> Together:
    """Return who had exactly which values on some day of the span."""
    everybody: list[BitMap] = []
    days: dict[tuple[str, ...], list[BitMap]] = defaultdict(list)
    held = facts.blocks.values(dimension, (first, last))
    for names, users in chain.from_iterable(values.days.items() for values in held.values()):
        days[names].append(users)
        everybody.append(users)
    for span in left_of((first, last), held):
        found: list[Part] = facts.cut(parts, dimension, *span)
        for part in found:
            everybody.append(part.whole)
            sets = [some for *_, some in part.days]
            if facts.is_week(part.start, span[1]):  # who are not mixed had one value on every day
                for value, users in part.sets.items():
                    days[value,].append(users - part.mixed if part.mixed else users)
            else:
                sets.append(part.sets)
            for names, users in chain.from_iterable(map(exactly, sets)):
                days[names].append(users)
    united = {names: union(sets) for names, sets in days.items()}
    return Together(union(everybody), {names: users for names, users in united.items() if users})
