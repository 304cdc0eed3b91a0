"""Sum up a package on one page: how many users, how often, which features.

The terminal's report and the pages both come through `summarise`, so they cannot
disagree. Days are UTC days, numbered since 1970.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from otumat_usage.host._answers import Answers
from otumat_usage.host._days import day_of, iso
from otumat_usage.host._question import without_ci

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection
    from otumat_usage.host._packages import Package

__all__ = ["Feature", "Summary", "day_of", "iso", "summarise"]

#: Days a page looks back on.
WINDOW = 90


@dataclasses.dataclass(frozen=True, slots=True)
class Feature:
    """One event type in the last 28 days; *events* is None where CI cannot be told apart."""

    name: str
    users: int
    events: int | None


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


def summarise(connection: Connection, package: Package, now: int) -> Summary:
    """Return everything about *package* as of *now* (milliseconds), without what ran on CI."""
    answers = Answers(connection, package, now)
    today, where = answers.today, without_ci(answers)
    month = (today - 27, today)
    days = answers.series(today - WINDOW + 1, today, where=where)
    histogram = answers.frequency(*month, where=where)
    user_days = sum(count * users for count, users in enumerate(histogram, 1))
    whole = answers.total(answers.first_day() or today, today + 1, where=where)
    never = answers.never_used()
    recent = answers.total(*month, where=where)
    return Summary(
        package=package.name,
        today=today,
        installs=answers.installs(),
        active={
            span: answers.total(today - span + 1, today, where=where).users or 0
            for span in (1, 7, 28)
        },
        events=whole.events or 0,
        per_active_day=(recent.events or 0) / user_days if user_days else None,
        active_days=histogram,
        days=[(day.start, day.users or 0, day.events or 0) for day in days],
        features=[
            Feature(each.value, each.users, each.events)
            for each in answers.features(*month, where=where)
            if each.value not in never
        ],
        never_used=never,
        dimensions={
            name: [(each.value, each.users) for each in answers.latest(name, *month, where=where)]
            for name in ("package_version", "python", "os")
        },
        consents=answers.consents(),
        health=answers.health(),
    )
