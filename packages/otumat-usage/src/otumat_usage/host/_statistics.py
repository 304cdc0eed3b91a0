"""Derive every answer from the log: how many users, how often, which features.

The terminal's report and the pages both come through `summarise`, so they cannot
disagree. Days are UTC days, numbered since 1970.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING

from otumat_usage.host._database import Connection, consents, func, installs, select
from otumat_usage.host._log import Entry, context_values, entries, type_names

if TYPE_CHECKING:
    from otumat_usage.host._packages import Package

__all__ = ["Feature", "Summary", "day_of", "iso", "summarise"]

_DAY = 86_400_000
#: Days a page looks back on.
WINDOW = 90


@dataclasses.dataclass(frozen=True, slots=True)
class Feature:
    """One event type in the last 28 days."""

    name: str
    users: int
    events: int


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """What a maintainer asks for.

    Attributes:
        installs: Consenting installs that are not revoked or erased.
        active: Installs with an event in the last 1, 7 and 28 days, today included.
        events: Events ever taken.
        per_active_day: Events per active install and day over 28 days, None without any.
        active_days: How many installs were active on 1, 2, ... 28 of the last 28 days.
        days: ``(day, active installs, events)`` for each of the last `WINDOW` days.
        features: Event types of the last 28 days, most users first.
        never_used: Declared event types nobody used, ever.
        dimensions: Active installs of 28 days by version, python and os.
        consents: Decisions ever taken on the consent page, by answer.
        health: Uploads, rejected, replayed and lost rows, dropped counts by reason.
    """

    package: str
    today: int
    installs: int
    active: dict[int, int]
    events: int
    per_active_day: float | None
    active_days: list[int]
    days: list[tuple[int, int, int]]
    features: list[Feature]
    never_used: list[str]
    dimensions: dict[str, list[tuple[str, int]]]
    consents: dict[str, int]
    health: dict[str, int]


def day_of(milliseconds: int) -> int:
    """Return the UTC day of an instant."""
    return milliseconds // _DAY


def iso(day: int) -> str:
    """Return the date of a day's number."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


class _Tally:
    """Collect what one pass over the log tells."""

    def __init__(self, today: int) -> None:
        self.today = today
        self.events = 0
        self.users_by_day: dict[int, set[bytes]] = defaultdict(set)
        self.events_by_day: Counter[int] = Counter()
        self.users_by_kind: dict[int, set[bytes]] = defaultdict(set)
        self.events_by_kind: Counter[int] = Counter()
        self.kinds_ever: set[int] = set()
        self.latest_context: dict[bytes, tuple[int, int]] = {}
        self.ranges: dict[tuple[bytes, str], list[tuple[int, int]]] = defaultdict(list)
        self.health: Counter[str] = Counter(uploads=0, rejected=0, replayed=0, lost=0)

    def add(self, entry: Entry) -> None:
        recent = self.today - 28
        for at, kind, count in zip(entry.times, entry.kinds, entry.counts, strict=True):
            day = day_of(at)
            self.events += count
            self.events_by_day[day] += count
            self.users_by_day[day].add(entry.install)
            self.kinds_ever.add(kind)
            if recent < day <= self.today:
                self.users_by_kind[kind].add(entry.install)
                self.events_by_kind[kind] += count
        seen = (max(entry.times, default=0), entry.context)
        self.latest_context[entry.install] = max(seen, self.latest_context.get(entry.install, seen))
        self._add_health(entry)

    def _add_health(self, entry: Entry) -> None:
        replayed = sum(item["reason"] == "replay" for item in entry.rejected)
        self.health["uploads"] += 1
        self.health["replayed"] += replayed
        self.health["rejected"] += len(entry.rejected) - replayed
        for reason, count in entry.dropped.items():
            self.health[f"dropped: {reason}"] += count
        self.ranges[entry.install, entry.run].append((entry.first, entry.last))

    def lost(self) -> int:
        """Count the sequence numbers that lie between two uploads of a run but never came."""
        missing = 0
        for ranges in self.ranges.values():
            ranges.sort()
            reached = ranges[0][1]
            for first, last in ranges[1:]:
                missing += max(0, first - reached - 1)
                reached = max(reached, last)
        return missing

    def active(self, days: int) -> set[bytes]:
        """Return the installs with an event in the last *days* days, today included."""
        window = range(self.today - days + 1, self.today + 1)
        return set().union(*(self.users_by_day.get(day, ()) for day in window))


def summarise(connection: Connection, package: Package, now: int) -> Summary:
    """Return everything about *package* as of *now* (milliseconds)."""
    tally = _Tally(day_of(now))
    for entry in entries(connection, package.id):
        tally.add(entry)
    names = type_names(connection, package.id)
    month = range(tally.today - 27, tally.today + 1)
    user_days = Counter(user for day in month for user in tally.users_by_day.get(day, ()))
    total = sum(tally.events_by_day[day] for day in month)
    window = range(tally.today - WINDOW + 1, tally.today + 1)
    ever = {names[kind] for kind in tally.kinds_ever}
    histogram = Counter(user_days.values())
    return Summary(
        package=package.name,
        today=tally.today,
        installs=_installs(connection, package.id),
        active={days: len(tally.active(days)) for days in (1, 7, 28)},
        events=tally.events,
        per_active_day=total / sum(user_days.values()) if user_days else None,
        active_days=[histogram[n] for n in range(1, 29)],
        days=[(d, len(tally.users_by_day.get(d, ())), tally.events_by_day[d]) for d in window],
        features=_features(tally, names, package),
        never_used=sorted(set(package.events or ()) - ever),
        dimensions=_dimensions(connection, package.id, tally),
        consents=_consents(connection, package.id),
        health={**tally.health, "lost": tally.lost()},
    )


def _features(tally: _Tally, names: dict[int, str], package: Package) -> list[Feature]:
    found = {
        names[kind]: Feature(names[kind], len(users), tally.events_by_kind[kind])
        for kind, users in tally.users_by_kind.items()
    }
    # Declared or used before, but not in these 28 days: least used of all.
    quiet = {names[kind] for kind in tally.kinds_ever} & set(package.events or names.values())
    for name in quiet - set(found):
        found[name] = Feature(name, 0, 0)
    return sorted(found.values(), key=lambda f: (-f.users, -f.events, f.name))


def _dimensions(
    connection: Connection, package: int, tally: _Tally
) -> dict[str, list[tuple[str, int]]]:
    values = context_values(connection, package)
    active = tally.active(28)
    result = {}
    for dimension in ("package_version", "python", "os"):
        counter: Counter[str] = Counter()
        for install in active:
            value = values[tally.latest_context[install][1]].get(dimension)
            counter[str(value) if value else "unknown"] += 1
        result[dimension] = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return result


def _installs(connection: Connection, package: int) -> int:
    ours = (installs.c.package == package) & (installs.c.state == "active")
    return connection.scalar(select(func.count()).select_from(installs).where(ours)) or 0


def _consents(connection: Connection, package: int) -> dict[str, int]:
    statement = (
        select(consents.c.decision, func.sum(consents.c.count).label("total"))
        .where(consents.c.package == package)
        .group_by(consents.c.decision)
    )
    return {"yes": 0, "no": 0} | {
        row.decision: int(row.total) for row in connection.execute(statement)
    }
