"""Tell who had which values of a dimension together on one day, and which on their last one."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from otumat_usage.host._bitmaps import BitMap, union, unpack_set
from otumat_usage.host._cells import Cell
from otumat_usage.host._parts import Part, Sets, in_several, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["MOST", "Values", "exactly", "pack", "unpack"]

#: Sets that one block holds of a dimension at most: of more, weeks are read as soon.
MOST = 1000

#: Combinations up to which users are told apart as sets; strangers may send any number of versions.
_PARTS = 100

_EVENTS, _DAY, _LAST = "events", "day", "last"


@dataclasses.dataclass(frozen=True, slots=True)
class Values:
    """The values of one dimension in a block of weeks; `UNKNOWN` is one, of whoever named none.

    Attributes:
        events: How many events had each value.
        days: Who had exactly these values, and no others, on some day.
        moved: Of those who had more than one: who had which value on their last day.
    """

    events: Mapping[str, int]
    days: Mapping[tuple[str, ...], BitMap]
    moved: Sets

    def cells(self) -> dict[str, Cell]:
        """Return the cell of each value."""
        found: dict[str, list[BitMap]] = {value: [] for value in self.events}
        for names, users in self.days.items():
            for value in names:
                found[value].append(users)
        return {value: Cell(self.events[value], union(sets)) for value, sets in found.items()}

    def last(self, start: int) -> Part:
        """Return the block that begins on *start* as if everybody had had their last value only."""
        sets = {names[0]: users for names, users in self.days.items() if len(names) == 1}
        if self.moved:
            moved = union(self.moved.values())
            sets = {value: users - moved for value, users in sets.items()}
            for value, users in self.moved.items():
                sets[value] = sets[value] | users if value in sets else users
        return Part(start, union(sets.values()), sets, BitMap(), BitMap(), [])


def exactly(day: Sets) -> Iterator[tuple[tuple[str, ...], BitMap]]:
    """Yield who had exactly which values, of those who had each of them on one *day*."""
    double = in_several(day.values())
    for value, users in day.items():
        if single := users - double if double else users:
            yield (value,), single
    if double:
        yield from _apart(double, within(double, day))


def _apart(double: BitMap, sets: Sets) -> Iterable[tuple[tuple[str, ...], BitMap]]:
    """Return the users in *double* by the sets in which they are."""
    apart: dict[tuple[str, ...], BitMap] = {(): double}
    for value, users in sorted(sets.items()):
        parted: dict[tuple[str, ...], BitMap] = {}
        for names, some in apart.items():
            both = some & users
            parted[names], parted[(*names, value)] = some - both, both
        apart = {names: some for names, some in parted.items() if some}
        if len(apart) > _PARTS:
            return _one_by_one(sets)
    return apart.items()


def _one_by_one(sets: Sets) -> Iterable[tuple[tuple[str, ...], BitMap]]:
    had: dict[int, list[str]] = defaultdict(list)
    for value, users in sorted(sets.items()):
        for user in users:
            had[user].append(value)
    found: dict[tuple[str, ...], BitMap] = defaultdict(BitMap)
    for user, names in had.items():
        found[tuple(names)].add(user)
    return found.items()


def pack(values: Values) -> Iterator[tuple[list[Any], BitMap]]:
    """Yield sets, and what is to be told of each, that `unpack` makes the same values of."""
    yield from (([_EVENTS, value, n], BitMap()) for value, n in sorted(values.events.items()))
    yield from (([_DAY, *names], users) for names, users in sorted(values.days.items()))
    yield from (([_LAST, value], users) for value, users in sorted(values.moved.items()))


def unpack(sets: Iterable[tuple[list[Any], memoryview]]) -> Values:
    """Undo `pack`."""
    found: dict[str, dict[Any, Any]] = defaultdict(dict)
    for (kind, *told), bits in sets:
        if kind == _EVENTS:
            found[kind][told[0]] = told[1]
        else:
            found[kind][tuple(told) if kind == _DAY else told[0]] = unpack_set(bits)
    return Values(found[_EVENTS], found[_DAY], found[_LAST])
