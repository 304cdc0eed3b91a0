"""Put a span together by value, once for all who ask: who had it at all, who had nothing else."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._cells import FEATURE, Cell
from otumat_usage.host._filters import UNKNOWN, Filter, Not, alternatives
from otumat_usage.host._parts import (
    by_weeks,
    chosen_values,
    in_several,
    parts,
    steady,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.host._facts import Daily, Facts
    from otumat_usage.host._parts import Part, Sets

__all__ = ["Whole", "by_value", "chosen", "chosen_by_value", "lost_without", "users_of"]


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
class _Alone:
    """Who had which values on each day.

    Attributes:
        everybody: Who was active.
        sets: Who had which value, or none, as the only one of some day.
        several: Of each day: who had more than one, and which.
    """

    everybody: BitMap
    sets: Sets
    several: list[Sets]


def by_value(facts: Facts, dimension: str, first: int, last: int) -> dict[str, Whole]:
    """Return every value in the whole span; of those who named none, under `UNKNOWN`."""
    values = dict.fromkeys(chain(*facts.cut(_coarse, dimension, first, last).values()))
    if facts.unknown(dimension, first, last):
        values[UNKNOWN] = None
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
    return facts.coarse(dimension, first, last)


def _whole(facts: Facts, dimension: str, first: int, last: int, value: str) -> Whole:
    if value == UNKNOWN:
        found = list(facts.unknown(dimension, first, last).values())
    else:
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
    alone = facts.cut(_alone, dimension, first, last)
    others = [users for value, users in alone.sets.items() if value not in values]
    others += [
        union(sets.values()) - union(sets[value] for value in values if value in sets)
        for sets in alone.several
    ]
    return len(alone.everybody - union(others))


def users_of(days: Mapping[int, Cell]) -> BitMap:
    """Return who was active on any of *days* of which this is kept."""
    return union(users for cell in days.values() if (users := cell.users) is not None)


def _alone(facts: Facts, dimension: str, first: int, last: int, _: None) -> _Alone:
    sets: dict[str, list[BitMap]] = defaultdict(list)
    several: list[Sets] = []

    def note(day: Sets) -> None:
        double = in_several(day.values())
        if double:
            several.append(within(double, day))
        for value, users in day.items():
            sets[value].append(users - double if double else users)

    found: list[Part] = facts.cut(parts, dimension, first, last)
    for part in found:
        if facts.is_week(part.start, last):  # those who are not mixed had one value on every day
            for value, users in part.sets.items():
                sets[value].append(users - part.mixed if part.mixed else users)
        else:
            note(part.sets)
        for _day, _active, some in part.days:
            note(some)
    everybody = union(part.whole for part in found)
    return _Alone(everybody, {value: union(some) for value, some in sets.items()}, several)
