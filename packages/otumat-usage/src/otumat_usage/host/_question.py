"""Hold what is asked: about which days, of which users; the same for a page and a command."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from otumat_usage.host import _expression
from otumat_usage.host._answers import AllOf, AnyOf, Is
from otumat_usage.host._days import day_number, iso
from otumat_usage.host._errors import ServingError
from otumat_usage.host._filters import UNKNOWN, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.host._answers import Answers, Filter

__all__ = ["SPANS", "Question", "QuestionInvalid", "ask", "without_ci"]

#: Days that a page offers, and what it calls them.
SPANS = {7: "7 days", 28: "28 days", 90: "90 days", 365: "a year"}
_DEFAULT = 90
#: What need not be said in an address.
_DEFAULTS = {"days": _DEFAULT, "to": "", "where": "", "order": "users", "without": "", "ci": ""}
_LONGEST = 800
_DIGITS = 5
_ORDERS = ("users", "events", "name")


class QuestionInvalid(ServingError, ValueError):  # noqa: N818 - named for the state
    """Days or an order were asked for that there are not."""


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """What is asked of `Answers`.

    Attributes:
        first: The first day of the span.
        last: Its last day, today unless another was asked for.
        where: Which install-days; None for all.
        chosen: The same without what `ask` added to it.
        ci: "with" where what ran on CI is to be counted as well, else "".
        unseen: Says which value of the filter was never seen, "" for none.
        text: The filter as it was written.
        order: What lists are sorted by: users, events or name.
        without: The condition under which a version or a Python would be dropped.
        until: The last day as it was asked for; "" for today, whichever day that is.
    """

    first: int
    last: int
    where: Filter | None = None
    text: str = ""
    order: str = "users"
    without: str = ""
    until: str = ""
    ci: str = ""
    chosen: Filter | None = None
    unseen: str = ""

    @property
    def days(self) -> int:
        """The length of the span."""
        return self.last - self.first + 1

    @property
    def leaves_ci_out(self) -> bool:
        """Whether what ran on CI is not counted, without the filter saying so."""
        return self.where is not self.chosen

    def query(self, **changes: object) -> str:
        """Return the query string of this question with *changes*, defaults left out."""
        values: dict[str, object] = {
            "days": self.days,
            "to": self.until,
            "where": self.text,
            "order": self.order,
            "without": self.without,
            "ci": self.ci,
        } | changes
        # By hand, because a table has one in each of its rows.
        kept = [
            f"{name}={quote_plus(str(value))}"
            for name, value in values.items()
            if value != _DEFAULTS[name]
        ]
        return f"?{'&'.join(kept)}" if kept else ""


def ask(answers: Answers, given: Mapping[str, str]) -> Question:
    """Return the question in *given*.

    ``days`` (90 by default) end ``to`` a day, today by default, or begin ``from`` a day; days are
    written as dates. ``where``, ``order``, ``without`` and ``ci`` are what `Question` holds.

    What ran on CI is left out, unless ``ci`` is ``with`` or the filter itself speaks of it.

    Raises:
        QuestionInvalid: the days or the order are not among the possible ones.
        FilterInvalid: the filter cannot be read.
    """
    first, last, until = _span(answers.today, given)
    order = given.get("order") or "users"
    if order not in _ORDERS:
        raise QuestionInvalid(f"{order[:20]!r} is no order: {', '.join(_ORDERS)}")
    ci = given.get("ci") or ""
    if ci not in ("", "with"):
        raise QuestionInvalid(f"{ci[:20]!r} is no choice about CI; expected with, or nothing")
    text = (given.get("where") or "").strip()
    chosen = _expression.read(text, answers.values)
    spoken = bool(ci) or "ci" in {name for name, _ in values_of(chosen)}
    people = None if spoken else without_ci(answers)
    return Question(
        first=first,
        last=last,
        where=chosen if people is None else _both(people, chosen),
        ci=ci,
        chosen=chosen,
        text=text,
        order=order,
        without=(given.get("without") or "").strip(),
        until=until,
        unseen=_expression.unseen(chosen, answers.values),
    )


def without_ci(answers: Answers) -> Filter | None:
    """Return the filter that leaves out what ran on CI, None where nothing ever did."""
    if "yes" not in answers.values("ci"):
        return None
    return AnyOf((Is("ci", "no"), Is("ci", UNKNOWN)))


def _both(people: Filter, chosen: Filter | None) -> Filter:
    return people if chosen is None else AllOf((people, chosen))


def _span(today: int, given: Mapping[str, str]) -> tuple[int, int, str]:
    """Return the first and the last day asked for, and the last as it was written."""
    until = given.get("to") or ""
    last = _day(until) if until else today
    if last > today:
        raise QuestionInvalid(f"{until} has not come yet; the last day is {iso(today)}")
    if begin := given.get("from"):
        first = _day(begin)
        if first > last:
            raise QuestionInvalid(f"from {begin} comes after the last day, {iso(last)}")
        if last - first >= _LONGEST:
            raise QuestionInvalid(
                f"from {begin} to {iso(last)} are {last - first + 1} days; expected 1 to {_LONGEST}"
            )
        return first, last, until
    days = given.get("days") or str(_DEFAULT)
    # No more digits than such a number needs: reading very many is an error of its own.
    number = int(days) if days.isascii() and days.isdecimal() and len(days) <= _DIGITS else 0
    if not 1 <= number <= _LONGEST:
        raise QuestionInvalid(f"{days[:20]!r} days; expected a number from 1 to {_LONGEST}")
    return last - number + 1, last, until


def _day(text: str) -> int:
    try:
        return day_number(text)
    except ValueError:
        raise QuestionInvalid(f"{text[:20]!r} is no day; expected one such as 2026-01-31") from None
