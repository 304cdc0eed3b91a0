"""Answer a maintainer's questions: how many, how often, which, with any filter.

Every page, the terminal's report and every export ask here, so they cannot disagree.
Users are exact for any filter and any span, because what is kept for a day is the set
of installs and not their number. Days are UTC days, numbered since 1970; a span's
first and last day are both part of it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from otumat_usage.host import _points
from otumat_usage.host._answered import Cohort, Lifecycle, Matrix, Point, Slice, by_version
from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._cells import CLOCK, CONTEXT, FEATURE, HEALTH
from otumat_usage.host._database import Connection, consents, func, installs, select
from otumat_usage.host._days import Step, buckets, day_of, monday
from otumat_usage.host._facts import Facts
from otumat_usage.host._filters import AllOf, AnyOf, Filter, Is, Not
from otumat_usage.host._kept import revision
from otumat_usage.host._one_day import both_on_one_day
from otumat_usage.host._remembered import remembered
from otumat_usage.host._replies import Replies, Used, replies, used
from otumat_usage.host._series import by_values, chosen_by_values, first_uses
from otumat_usage.host._weeks import cohorts, lifecycles
from otumat_usage.host._wholes import (
    by_value,
    chosen,
    chosen_by_value,
    latest,
    lost_without,
)
from otumat_usage.host._windows import windows

if TYPE_CHECKING:
    from otumat_usage.host._packages import Package

__all__ = [
    "DIMENSIONS",
    "AllOf",
    "Answers",
    "AnyOf",
    "Cohort",
    "Filter",
    "Is",
    "Lifecycle",
    "Matrix",
    "Not",
    "Point",
    "Slice",
]

#: What can be asked for and filtered by.
DIMENSIONS = (FEATURE, *CONTEXT)


class Answers:
    """The answers about one package as one transaction sees them.

    Args:
        connection: A connection inside that transaction.
        package: The package.
        now: The present, in milliseconds.
    """

    def __init__(self, connection: Connection, package: Package, now: int) -> None:
        self.connection = connection
        self._package = package
        self.questions = package.survey
        self._facts = Facts(connection, package.id)
        self.today = day_of(now)
        #: What the answers are made from, None while uploads wait that are not counted yet.
        self.revision: tuple[object, ...] | None = None
        if not self._facts.waiting:
            self.revision = (package.id, revision(connection, package.id), self.today)

    @remembered
    def series(
        self, first: int, last: int, *, step: Step = "day", where: Filter | None = None
    ) -> list[Point]:
        """Return users and events of every step; empty ones included."""
        if step == "day":
            days = self._facts.days(where, first, last)
            return [_points.point(days, *bucket, where) for bucket in buckets(first, last, step)]
        self._facts.parts(where, first, last)  # the buckets are within it, and read no more
        return [self.total(*bucket, where=where) for bucket in buckets(first, last, step)]

    @remembered
    def rolling(
        self, first: int, last: int, *, window: int, every: int = 1, where: Filter | None = None
    ) -> list[Point]:
        """Return the users of the *window* days that end on each *every*-th day of the span."""
        return windows(self._facts, first, last, window, every, where)

    @remembered
    def total(self, first: int, last: int, *, where: Filter | None = None) -> Point:
        """Return the users and events of the whole span."""
        found = chosen(self._facts, where, first, last)
        if found is not None and found.kept:
            return Point(first, last, len(found.users), found.events)
        return _points.point(self._facts.parts(where, first, last), first, last, where)

    @remembered
    def breakdown(
        self, dimension: str, first: int, last: int, *, where: Filter | None = None
    ) -> list[Slice]:
        """Return every value of *dimension*, most users first; a user of two counts in both."""
        if where is None:
            wholes = by_value(self._facts, dimension, first, last).items()
            found = [Slice(value, len(each.users), each.events) for value, each in wholes]
        else:
            cut = chosen_by_value(self._facts, dimension, first, last, where).items()
            found = [Slice(value, len(users), None) for value, users in cut]
        return sorted(found, key=_most_used)

    @remembered
    def breakdown_series(
        self,
        dimension: str,
        first: int,
        last: int,
        *,
        step: Step = "week",
        where: Filter | None = None,
    ) -> dict[str, list[Point]]:
        """Return the series of every value of *dimension*."""
        spans = list(buckets(first, last, step))
        if where is None:
            return by_values(self._facts, dimension, spans, step)
        return chosen_by_values(self._facts, dimension, spans, step, where)

    @remembered
    def first_uses(
        self, dimension: str, first: int, last: int, *, where: Filter | None = None
    ) -> dict[str, tuple[int, int]]:
        """Return on which day each value was first used, and its users, counted once a day."""
        return first_uses(self._facts, dimension, first, last, where)

    @remembered
    def latest(
        self, dimension: str, first: int, last: int, *, where: Filter | None = None
    ) -> list[Slice]:
        """Return every user once, by the value on its last day in the span.

        Of several values on that day the highest version counts.
        """
        found = latest(self._facts, dimension, first, last, where).items()
        return sorted((Slice(v, len(users), None) for v, users in found), key=_most_used)

    @remembered
    def matrix(
        self, rows: str, columns: str, first: int, last: int, *, where: Filter | None = None
    ) -> Matrix:
        """Return how many users had both values on one day."""
        return both_on_one_day(self._facts, rows, columns, (first, last), where)

    def values(self, dimension: str) -> list[str]:
        """Return every value ever seen, versions in their order."""
        return sorted(self._facts.values(dimension), key=by_version)

    def features(self, first: int, last: int, *, where: Filter | None = None) -> list[Slice]:
        """Return every feature, most used first: those without a user in the span too."""
        found = self.breakdown(FEATURE, first, last, where=where)
        declared = set(self._package.events or ()) or self._facts.values(FEATURE)
        quiet = declared - {each.value for each in found}
        none = 0 if where is None else None
        return found + [Slice(value, 0, none) for value in sorted(quiet)]

    def never_used(self) -> list[str]:
        """Return the declared features that nobody ever used."""
        return sorted(set(self._package.events or ()) - self._facts.values(FEATURE))

    @remembered
    def frequency(self, first: int, last: int, *, where: Filter | None = None) -> list[int]:
        """Return how many users were active on 1, 2, ... days of the span."""
        at_least = [BitMap() for _ in range(last - first + 2)]
        for cell in self._facts.days(where, first, last).values():
            users = cell.users or BitMap()
            for count in range(len(at_least) - 1, 0, -1):
                at_least[count] |= at_least[count - 1] & users if count > 1 else users
        sizes = [len(users) for users in at_least[1:]] + [0]
        return [more - most for more, most in itertools.pairwise(sizes)]

    @remembered
    def retention(self, weeks: int, *, where: Filter | None = None) -> list[Cohort]:
        """Return the cohorts of the last *weeks* weeks, this one included."""
        return cohorts(self._weeks(where))[-weeks:]

    @remembered
    def lifecycle(self, weeks: int, *, where: Filter | None = None) -> list[Lifecycle]:
        """Return who came, stayed, came back and went in each of the last *weeks* weeks."""
        return lifecycles(self._weeks(where))[-weeks:]

    @remembered
    def lost_without(self, where: Filter, first: int, last: int) -> int:
        """Return how many users satisfied *where* on every day on which they were active."""
        return lost_without(self._facts, where, first, last)

    # An install's reply counts from its first upload on: counting that changes the revision.
    @remembered
    def replies(self, first: int, last: int, *, where: Filter | None = None) -> Replies:
        """Return what those who were active in the span replied to the survey."""
        return replies(self._facts, first, last, where)

    @remembered
    def used_by_reply(
        self, question: str, first: int, last: int, *, where: Filter | None = None
    ) -> Used:
        """Return which features those used who replied what to *question*."""
        if where is None:
            wholes = by_value(self._facts, FEATURE, first, last).items()
            features = {value: each.users for value, each in wholes}
        else:
            features = chosen_by_value(self._facts, FEATURE, first, last, where)
        return used(self._facts, question, (first, last), where, features)

    def health(self) -> dict[str, int]:
        """Return uploads, rejected, replayed and lost events, and what clients dropped and why."""
        found = dict.fromkeys(("uploads", "rejected", CLOCK, "replayed", "lost"), 0)
        return found | self._facts.health()

    def uploads(self, first: int, last: int) -> dict[int, int]:
        """Return how many uploads came on each day of the span, without those with none."""
        found = self._facts.cells(HEALTH, first, last).items()
        return {day: cells["uploads"].events for day, cells in found if "uploads" in cells}

    def installs(self) -> int:
        """Return how many consenting installs there are, revoked and erased ones not counted."""
        return self._count_installs(installs.c.state == "active")

    def legacy(self) -> int | None:
        """Return how many of them agreed through otumat 0.3, None where none may."""
        if not self._package.legacy:  # to look at each install takes a while
            return None
        ours = (installs.c.state == "active") & installs.c.consent_how.like("%-0.3")
        return self._count_installs(ours)

    def _count_installs(self, which: Any) -> int:
        ours = select(func.count()).select_from(installs)
        found = ours.where((installs.c.package == self._package.id) & which)
        return self.connection.scalar(found) or 0

    def consents(self) -> dict[str, int]:
        """Return the decisions ever taken on the consent page."""
        statement = (
            select(consents.c.decision, func.sum(consents.c.count).label("total"))
            .where(consents.c.package == self._package.id)
            .group_by(consents.c.decision)
        )
        rows = self.connection.execute(statement)
        return {"yes": 0, "no": 0} | {row.decision: int(row.total) for row in rows}

    def first_day(self) -> int | None:
        """Return the first day with an event, None before there is any."""
        return self._facts.first_day()

    def newest(self) -> int | None:
        """Return when the last upload came, in milliseconds; None before there is any."""
        return self._facts.newest()

    def version(self) -> str:
        """Return a text that is another one whenever any answer may be."""
        folded = revision(self.connection, self._package.id)
        asked = "-".join(str(count) for count in self.consents().values())
        return f"{self.today}-{folded}-{self._facts.waiting}-{self.installs()}-{asked}"

    def _weeks(self, where: Filter | None) -> dict[int, BitMap]:
        first = self._facts.first_day()
        if first is None:
            return {}
        sets: dict[int, list[BitMap]] = {}
        for start in range(monday(first), self.today + 1, 7):
            sets[start] = []
        for day, cell in self._facts.parts(where, monday(first), self.today).items():
            sets[monday(day)].append(cell.users or BitMap())
        return {start: some[0] if len(some) == 1 else union(some) for start, some in sets.items()}


def _most_used(each: Slice) -> tuple[int, int, str]:
    return -each.users, -(each.events or 0), each.value
