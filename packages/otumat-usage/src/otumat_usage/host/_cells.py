"""Say what one upload adds to which statistic: the one place where uploads are counted.

A cell is a number of events and a set of installs for one value of one dimension on
one day. Rolling up, reading what is not rolled up yet, and erasing all add or take
away the same cells, so they cannot disagree.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections import Counter, defaultdict
from itertools import accumulate, repeat
from typing import TYPE_CHECKING, Any

from otumat_usage.host._bitmaps import BitMap, unpack_set
from otumat_usage.host._body import columns_of, refused_of
from otumat_usage.host._days import DAY
from otumat_usage.host._dropped import MOST, named
from otumat_usage.host._rejected import rows_of
from otumat_usage.host._schema import log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ALL",
    "CLOCK",
    "CONTEXT",
    "COUNTED",
    "FEATURE",
    "HEALTH",
    "LOST",
    "VERSION",
    "Cell",
    "Cells",
    "Key",
    "Names",
    "gaps",
    "in_words",
]

#: What of an upload is needed to count it, in this order.
COUNTED = (
    log.c.install,
    log.c.run,
    log.c.last,
    log.c.batch,
    log.c.span,
    log.c.received,
    log.c.context,
    log.c.body,
    log.c.refused,
)
#: Installs of one value and day that are noted one by one before they are put into the set.
_LOOSE = 1024
#: Events of an upload up to which they are counted one by one.
_FEW = 16

#: Dimensions that are not named by the client's context.
ALL, FEATURE, HEALTH = "all", "feature", "health"
#: One that is: of its values users have several in one week more often than of any other.
VERSION = "package_version"
#: Those of it that are asked for.
CONTEXT = (VERSION, "python", "os", "ci", "container")
#: Where lost events are counted: they have no day.
LOST = (HEALTH, "lost", 0)
#: Which of the rejected events were of a time that cannot be: some client's clock is wrong.
CLOCK = "rejected: clock"

#: What a context counts for that says nothing.
_NO_CONTEXT = [(ALL, "")]

#: Nobody: the set of every cell without installs; never changed.
_NOBODY = BitMap()

#: Dimension, value, day.
Key = tuple[str, str, int]


class Cell:
    """Events, and who caused them.

    Args:
        events: How many.
        users: The installs; None where only their number is kept, or where *bits* tell them.
        known: How many installs.
        bits: The installs, packed; they are unpacked when somebody asks.
    """

    __slots__ = ("_bits", "_known", "_users", "events")

    def __init__(
        self,
        events: int = 0,
        users: BitMap | None = _NOBODY,
        known: int = 0,
        bits: bytes | memoryview | None = None,
    ) -> None:
        self.events = events
        self._users = users
        self._known = known
        self._bits = bits

    @property
    def users(self) -> BitMap | None:
        """The installs, None where only their number is kept; not to be changed."""
        if self._users is None and self._bits is not None:
            self._users = unpack_set(self._bits)
            self._bits = None
        return self._users

    @property
    def kept(self) -> bool:
        """Whether it is known who they were."""
        return self._users is not None or self._bits is not None

    @property
    def size(self) -> int:
        """How many installs."""
        return self._known if self._users is None else len(self._users)


@dataclasses.dataclass(frozen=True, slots=True)
class Names:
    """What the numbers in the log stand for, in one package."""

    features: Mapping[int, str]
    contexts: Mapping[int, Mapping[str, object]]


class _Slot:
    """Events and installs of one value on one day, while they are being counted."""

    __slots__ = ("events", "numbers", "users")

    def __init__(self) -> None:
        self.events = 0
        self.numbers: list[int] = []
        self.users = BitMap()

    def add(self, events: int, number: int) -> None:
        self.events += events
        numbers = self.numbers
        if not numbers or numbers[-1] != number:
            numbers.append(number)
            if len(numbers) >= _LOOSE:
                self.all()

    def all(self) -> BitMap:
        """Return the installs."""
        if self.numbers:
            self.users |= BitMap(array("I", self.numbers))
            self.numbers.clear()
        return self.users


class _Day:
    """What was counted of one day: by event type, by context, and of the uploads themselves."""

    __slots__ = ("contexts", "features", "health")

    def __init__(self) -> None:
        self.features: dict[int, _Slot] = defaultdict(_Slot)
        self.contexts: dict[int, _Slot] = defaultdict(_Slot)
        self.health: dict[str, int] = defaultdict(int)


class Cells:
    """Cells of one package, filled upload by upload.

    Events are counted by type and by context only: what a context says is the same for all its
    events, so it is spread over the dimensions once, at the end, and not for each upload.

    Args:
        names: What the numbers in the log stand for.
        since: Leave out what belongs to an earlier day.
    """

    def __init__(self, names: Names, *, since: int = 0) -> None:
        self._names = names
        self._since = since
        self._days: dict[int, _Day] = defaultdict(_Day)

    def add(self, row: Any, number: int) -> None:
        """Count one row of the log (see `COUNTED`), of the install with that *number*."""
        received, context, body, refused = row[5:9]
        columns = columns_of(body)
        kinds, counts = columns.kinds, columns.counts
        times = list(accumulate(columns.steps, initial=received))
        del times[0]
        if times:
            day = min(times) // DAY
            if day == max(times) // DAY:
                self._one_day(day, kinds, counts, context, number)
            else:
                self._several(times, kinds, counts, context, number)
        day = received // DAY
        if day >= self._since:
            health = self._days[day].health
            health["uploads"] += 1
            if refused:
                _refused(health, refused)

    def _one_day(
        self, day: int, kinds: list[int], counts: list[int] | None, context: int, number: int
    ) -> None:
        if day < self._since:
            return
        found = self._days[day]
        features = found.features
        if counts is not None:
            for kind, count in zip(kinds, counts, strict=True):
                features[kind].add(count, number)
        elif len(kinds) < _FEW:
            for kind in kinds:
                features[kind].add(1, number)
        else:
            for kind, count in Counter(kinds).items():
                features[kind].add(count, number)
        found.contexts[context].add(len(kinds) if counts is None else sum(counts), number)

    def _several(
        self,
        times: list[int],
        kinds: list[int],
        counts: list[int] | None,
        context: int,
        number: int,
    ) -> None:
        days: dict[int, tuple[list[int], list[int]]] = {}
        for at, kind, count in zip(times, kinds, counts or repeat(1), strict=False):
            day = at // DAY
            if day not in days:
                days[day] = [], []
            days[day][0].append(kind)
            days[day][1].append(count)
        for day, (some, each) in days.items():
            self._one_day(day, some, each if counts else None, context, number)

    def found(self) -> dict[Key, Cell]:
        """Return the cells."""
        found: dict[Key, Cell] = {}
        values = {number: _values(context) for number, context in self._names.contexts.items()}
        for day, counted in self._days.items():
            for kind, slot in counted.features.items():
                found[FEATURE, self._names.features[kind], day] = Cell(slot.events, slot.all())
            for context, slot in counted.contexts.items():
                users = slot.all()
                for dimension, value in values.get(context, _NO_CONTEXT):
                    cell = found.get((dimension, value, day))
                    if cell is None:
                        found[dimension, value, day] = Cell(slot.events, users)
                    else:
                        both = (cell.users or BitMap()) | users
                        found[dimension, value, day] = Cell(cell.events + slot.events, both)
            for what, count in counted.health.items():
                if count:
                    found[HEALTH, what, day] = Cell(count)
        return found


def _refused(health: dict[str, int], refused: str) -> None:
    """Count what was not taken, and what the client had dropped before."""
    rejected, dropped = refused_of(refused)
    for item in rejected:
        reason, count = item["reason"], rows_of(item)
        health["replayed" if reason == "replay" else "rejected"] += count
        if reason == "event_date_range":
            health[CLOCK] += count
    for reason, count in named(dropped).items():
        health[f"dropped: {reason}"] += count


def _values(context: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return every dimension and value that events of *context* count for."""
    told = [(name, in_words(value)) for name, value in context.items()]
    return [(ALL, ""), *(each for each in told if each[1])]


def gaps(ranges: Iterable[tuple[int, int]]) -> int:
    """Count the numbers that lie between *ranges* of one run but in none of them, up to `MOST`."""
    missing, reached = 0, None
    for first, last in sorted(ranges):
        if reached is not None:
            missing += max(0, first - reached - 1)
        reached = last if reached is None else max(reached, last)
    return min(missing, MOST)


def in_words(value: object) -> str:
    """Return a value of a context as it is counted, "" for none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
