"""Read off a package's numbers whether something is wrong: silence, too much, errors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from otumat_usage.host import _usual
from otumat_usage.host._cells import ALL, HEALTH, LOST
from otumat_usage.host._database import Connection, func, installs, select
from otumat_usage.host._days import DAY, day_of, iso
from otumat_usage.host._facts import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.host._cells import Cell
    from otumat_usage.host._packages import Package

__all__ = ["KINDS", "Losses", "Numbers", "Sign", "judge", "read"]

#: What is judged, and what it is called.
KINDS = {
    "silence": "no uploads",
    "events": "far more events than usual",
    "installs": "far more new installs than usual",
    "errors": "many events are refused or lost",
}
_BACK = 7 * (_usual.WEEKS + 1)
_LEAST = {"events": 100, "installs": 10}
_UNITS = {"events": "event", "installs": "new install"}
#: Of how many bad events on a day, and from which share of all, an alert is made.
_BAD, _SHARE = 20, 0.05
_WEEKDAYS = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
_HOUR = 3_600_000


@dataclasses.dataclass(frozen=True, slots=True)
class Losses:
    """Lost events, which have no day: the total when *day* began, and those of the day before."""

    day: int
    base: int
    before: int = 0

    def at(self, day: int, total: int) -> Losses:
        """Return the same once *day* is today and *total* is what is known to be lost."""
        if day == self.day:
            return self
        return Losses(day, total, max(0, total - self.base) if day == self.day + 1 else 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Numbers:
    """What is judged.

    Attributes:
        now: The present, in milliseconds.
        first: The day of the first upload, of those that are looked back on.
        last: When the last upload came, None before the first.
        closed: Whether clients are told to stop.
        uploads: Uploads that came on each day.
        events: Events that happened on each day, by what has come so far.
        installs: Installs that were made on each day.
        bad: Events that came on each of the last two days and were refused or dropped.
        lost: Lost events in all.
    """

    now: int
    first: int
    last: int | None
    closed: bool
    uploads: Mapping[int, int]
    events: Mapping[int, int]
    installs: Mapping[int, int]
    bad: Mapping[int, int]
    lost: int


@dataclasses.dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was judged: whether it is wrong, and the numbers that say so."""

    kind: str
    wrong: bool
    text: str


def read(connection: Connection, package: Package, now: int) -> Numbers:
    """Return the numbers of *package*."""
    today, facts = day_of(now), Facts(connection, package.id)
    last = facts.newest()
    since = (today if last is None else min(today, day_of(last))) - _BACK
    health = facts.cells(HEALTH, since, today)
    uploads = {day: cells["uploads"].events for day, cells in health.items() if "uploads" in cells}
    lost = facts.cells(HEALTH, LOST[2], LOST[2]).get(LOST[2], {}).get(LOST[1])
    return Numbers(
        now=now,
        first=min(uploads, default=today),
        last=last,
        closed=package.closed,
        uploads=uploads,
        events={day: cells[""].events for day, cells in facts.cells(ALL, since, today).items()},
        installs=_made(connection, package.id, since),
        bad={day: _bad(health.get(day, {})) for day in (today - 1, today)},
        lost=0 if lost is None else lost.events,
    )


def judge(numbers: Numbers, losses: Losses) -> list[Sign]:
    """Return what each of `KINDS` looks like; *losses* as of today."""
    today = day_of(numbers.now)
    lost = {today - 1: losses.before, today: max(0, numbers.lost - losses.base)}
    bad = {day: numbers.bad.get(day, 0) + lost[day] for day in lost}
    return [
        _silence(numbers),
        _spike("events", numbers.events, numbers),
        _spike("installs", numbers.installs, numbers),
        _errors(bad, numbers),
    ]


def _silence(numbers: Numbers) -> Sign:
    if numbers.last is None:
        return Sign("silence", wrong=False, text="no upload has come yet")
    usual = _usual.awaited(numbers.uploads, numbers.last, numbers.now, numbers.first)
    hours = max(0, numbers.now - numbers.last) // _HOUR
    quiet = hours >= 24 and usual >= _usual.AWAITED and not numbers.closed  # noqa: PLR2004 - a day
    ago = _counted(hours, "hour")
    text = f"the last upload came {ago} ago; in such a time about {usual:.0f} usually come"
    return Sign("silence", quiet, text)


def _spike(kind: str, counts: Mapping[int, int], numbers: Numbers) -> Sign:
    """Judge today as far as it has come, and yesterday: the one that stands out more is told."""
    today = day_of(numbers.now)
    found = []
    for day in (today, today - 1):
        usual = _usual.samples(counts, day, numbers.first)
        bound = _usual.far_above(usual, least=_LEAST[kind])
        count = counts.get(day, 0)
        said = _counted(count, _UNITS[kind])
        if bound is None:
            text = f"{said} on {iso(day)}; what is usual is not known in the first weeks"
            found.append((0.0, Sign(kind, wrong=False, text=text)))
            continue
        text = f"{said} on {iso(day)}; {bound} on a {_WEEKDAYS[day % 7]} would be far above usual"
        found.append((count / bound, Sign(kind, count >= bound, text)))
    return max(found, key=lambda each: each[0])[1]


def _errors(bad: Mapping[int, int], numbers: Numbers) -> Sign:
    """Judge today and yesterday; of one day with one bad event the other one must not be hidden."""
    found = []
    for day, n in bad.items():
        good = numbers.events.get(day, 0)
        share = _usual.share_of(n, good)
        text = (
            f"{_counted(n, 'event')} refused, dropped or lost on {iso(day)}, "
            f"beside {good} that were counted ({share:.0%} of all)"
        )
        wrong = n >= _BAD and share >= _SHARE
        found.append(((wrong, share, day), Sign("errors", wrong, text)))
    return max(found, key=lambda each: each[0])[1]


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _bad(cells: Mapping[str, Cell]) -> int:
    return sum(
        cell.events
        for what, cell in cells.items()
        if what == "rejected" or what.startswith("dropped")
    )


def _made(connection: Connection, package: int, since: int) -> dict[int, int]:
    day = (installs.c.created // DAY).label("day")
    ours = (installs.c.package == package) & (installs.c.created >= since * DAY)
    rows = connection.execute(select(day, func.count().label("n")).where(ours).group_by(day))
    return {int(row.day): int(row.n) for row in rows}
