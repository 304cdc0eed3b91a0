"""Say what one upload adds to which statistic: the one place where uploads are counted.

A cell is a number of events and a set of installs for one value of one dimension on
one day. Rolling up, reading what is not rolled up yet, and erasing all add or take
away the same cells, so they cannot disagree.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from otumat_usage.host._bitmaps import BitMap
from otumat_usage.host._days import day_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otumat_usage.host._log import Entry

__all__ = ["ALL", "FEATURE", "HEALTH", "LOST", "Cell", "Cells", "Key", "Names", "gaps"]

#: Dimensions that are not named by the client's context.
ALL, FEATURE, HEALTH = "all", "feature", "health"
#: Where lost events are counted: they have no day.
LOST = (HEALTH, "lost", 0)

#: A reason that a client may give for what it dropped; it comes from a stranger.
_REASON = re.compile(r"[a-z][a-z0-9 _-]{0,39}")

#: Dimension, value, day.
Key = tuple[str, str, int]


@dataclasses.dataclass(slots=True)
class Cell:
    """Events, and who caused them; *users* is None where only their number is kept."""

    events: int = 0
    users: BitMap | None = dataclasses.field(default_factory=BitMap)
    known: int = 0

    @property
    def size(self) -> int:
        """How many installs."""
        return self.known if self.users is None else len(self.users)


@dataclasses.dataclass(frozen=True, slots=True)
class Names:
    """What the numbers in the log stand for, in one package."""

    features: Mapping[int, str]
    contexts: Mapping[int, Mapping[str, object]]


class Cells:
    """Cells of one package, filled upload by upload.

    Args:
        names: What the numbers in the log stand for.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._values = {
            number: [(name, _text(value)) for name, value in context.items() if _text(value)]
            for number, context in names.contexts.items()
        }
        self.found: dict[Key, Cell] = {}

    def add(self, entry: Entry, number: int, *, since: int = 0, before: int | None = None) -> None:
        """Count *entry* of the install with that *number*.

        Args:
            entry: The upload.
            number: The install's number in bitmaps.
            since: Leave out what belongs to an earlier day.
            before: Leave out what belongs to this day or a later one.
        """
        end = before if before is not None else 1 << 62
        days: dict[int, int] = {}
        for at, kind, count in zip(entry.times, entry.kinds, entry.counts, strict=True):
            day = day_of(at)
            if since <= day < end:
                days[day] = days.get(day, 0) + count
                self._count((FEATURE, self._names.features[kind], day), count, number)
        for day, count in days.items():
            self._count((ALL, "", day), count, number)
            for dimension, value in self._values.get(entry.context, ()):
                self._count((dimension, value, day), count, number)
        if since <= day_of(entry.received) < end:
            self._health(entry)

    def _health(self, entry: Entry) -> None:
        day = day_of(entry.received)
        replayed = sum(item["reason"] == "replay" for item in entry.rejected)
        counted = {
            "uploads": 1,
            "replayed": replayed,
            "rejected": len(entry.rejected) - replayed,
        }
        for reason, count in entry.dropped.items():
            what = f"dropped: {reason if _REASON.fullmatch(reason) else 'other'}"
            counted[what] = counted.get(what, 0) + count
        for what, count in counted.items():
            if count:
                self._count((HEALTH, what, day), count, None)

    def _count(self, key: Key, count: int, number: int | None) -> None:
        cell = self.found.get(key)
        if cell is None:
            cell = self.found[key] = Cell()
        cell.events += count
        if number is not None and cell.users is not None:
            cell.users.add(number)


def gaps(ranges: Iterable[tuple[int, int]]) -> int:
    """Count the numbers that lie between *ranges* of one run but in none of them."""
    missing, reached = 0, None
    for first, last in sorted(ranges):
        if reached is not None:
            missing += max(0, first - reached - 1)
        reached = last if reached is None else max(reached, last)
    return missing


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
