"""Give the handful of numbers that stand above everything else."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING

from otumat_usage.host import _usual
from otumat_usage.host._svg import grouped

if TYPE_CHECKING:
    from otumat_usage.host._answers import Answers
    from otumat_usage.host._question import Question

__all__ = ["Figures", "figures"]

_HOUR = 3_600_000


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """The header of a package.

    Attributes:
        month: Users of the last 28 days.
        before: Users of the 28 days before those.
        week: Users of the last 7 days.
        today: Users of today (UTC).
        installs: Consenting installs, whether active or not.
        often: Events per user and active day of the 28 days; None where not known.
        yes: Decisions for it on the consent page.
        asked: All decisions there.
        hours: Since the last upload; None before the first.
        came: Uploads of yesterday (UTC).
        usual: Uploads that such a weekday usually has; None in the first weeks.
    """

    month: int
    before: int
    week: int
    today: int
    installs: int
    often: float | None
    yes: int
    asked: int
    hours: int | None
    came: int
    usual: int | None

    @property
    def change(self) -> str:
        """How the month compares with the one before, in words."""
        if not self.before:
            return "none in the 28 days before" if self.month else ""
        share = round(100 * (self.month - self.before) / self.before)
        return f"{share:+d} % against the 28 days before"

    @property
    def decided(self) -> str:
        """How many of those who were asked said yes, in words."""
        if not self.asked:
            return "nobody was asked on the page yet"
        share = round(100 * self.yes / self.asked)
        return f"{grouped(self.yes)} of {grouped(self.asked)} said yes on the page ({share} %)"

    @property
    def freshness(self) -> str:
        """When the last upload came, in words."""
        if self.hours is None:
            return "no upload yet"
        if self.hours < 1:
            return "last upload within the hour"
        unit, number = ("hour", self.hours) if self.hours < 48 else ("day", self.hours // 24)  # noqa: PLR2004
        return f"last upload {number} {unit}{'' if number == 1 else 's'} ago"

    @property
    def arrivals(self) -> str:
        """How many uploads came in the last whole day, and how many usually do, in words."""
        if self.hours is None:
            return ""
        usual = "" if self.usual is None else f" (usually about {self.usual})"
        return f"{self.came} upload{'' if self.came == 1 else 's'} yesterday{usual}"


def figures(answers: Answers, asked: Question, now: int) -> Figures:
    """Return the header's numbers for those whom *asked* is about."""
    today, where = answers.today, asked.where

    def users(first: int, last: int) -> int:
        return answers.total(first, last, where=where).users or 0

    month = answers.total(today - 27, today, where=where)
    days = sum(
        n * count for n, count in enumerate(answers.frequency(today - 27, today, where=where), 1)
    )
    known = month.events is not None and days
    decided = answers.consents()
    uploads = answers.uploads(today - 1 - 7 * _usual.WEEKS, today - 1)
    usual = _usual.samples(uploads, today - 1, min(uploads, default=today))
    newest = answers.newest()
    return Figures(
        month=month.users or 0,
        before=users(today - 55, today - 28),
        week=users(today - 6, today),
        today=users(today, today),
        installs=answers.installs(),
        often=(month.events or 0) / days if known else None,
        yes=decided["yes"],
        asked=sum(decided.values()),
        hours=None if newest is None else max(0, now - newest) // _HOUR,
        came=uploads.get(today - 1, 0),
        usual=round(statistics.median(usual)) if len(usual) >= _usual.ENOUGH else None,
    )
