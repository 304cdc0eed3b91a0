"""Count UTC days since 1970, and cut spans of them into weeks, four weeks and months."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DAY",
    "FOUR",
    "Step",
    "block_of",
    "buckets",
    "day_number",
    "day_of",
    "iso",
    "monday",
]

#: Milliseconds of a day.
DAY = 86_400_000
#: Weeks that are told of together in a long span.
FOUR = 4
_EPOCH = date(1970, 1, 1)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Step = Literal["day", "week", "four weeks", "month"]


def day_of(milliseconds: int) -> int:
    """Return the UTC day of an instant."""
    return milliseconds // DAY


def day_number(text: str) -> int:
    """Return the number of the day that *text* writes as YYYY-MM-DD.

    Raises:
        ValueError: it does not, or the day is before 1970.
    """
    if not _ISO.fullmatch(text):
        raise ValueError(text)
    number = (date.fromisoformat(text) - _EPOCH).days
    if number < 0:
        raise ValueError(text)
    return number


def iso(day: int) -> str:
    """Return the date of a day's number."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def monday(day: int) -> int:
    """Return the Monday on or before *day*; 1970-01-01 was a Thursday."""
    return day - (day + 3) % 7


def block_of(day: int, weeks: int = FOUR) -> int:
    """Return the Monday with which the *weeks* begin in which *day* is."""
    start = monday(day)
    return start - start // 7 % weeks * 7


def buckets(first: int, last: int, step: Step) -> Iterator[tuple[int, int]]:
    """Yield (first day, last day) of every day, week, four weeks or month of a span.

    Weeks begin on Monday; which four belong together is the same for every span. The first and
    the last bucket end where the span does.
    """
    start = first
    while start <= last:
        end = min(last, _end(start, step))
        yield start, end
        start = end + 1


def _end(day: int, step: Step) -> int:
    if step == "day":
        return day
    if step == "week":
        return monday(day) + 6
    if step == "four weeks":
        return block_of(day) + 7 * FOUR - 1
    then = _EPOCH + timedelta(days=day)
    following = date(then.year + then.month // 12, then.month % 12 + 1, 1)
    return (following - _EPOCH).days - 1
