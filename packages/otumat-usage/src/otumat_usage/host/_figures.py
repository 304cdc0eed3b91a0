"""Give the handful of numbers that stand above everything else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

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

    @property
    def change(self) -> str:
        """How the month compares with the one before, in words."""
        if not self.before:
            return "none in the 28 days before" if self.month else ""
        share = round(100 * (self.month - self.before) / self.before)
        return f"{share:+d} % against the 28 days before"

    @property
    def freshness(self) -> str:
        """When the last upload came, in words."""
        if self.hours is None:
            return "no upload yet"
        if self.hours < 1:
            return "last upload within the hour"
        unit, number = ("hour", self.hours) if self.hours < 48 else ("day", self.hours // 24)  # noqa: PLR2004
        return f"last upload {number} {unit}{'' if number == 1 else 's'} ago"


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
    )
