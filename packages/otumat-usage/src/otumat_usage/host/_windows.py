"""Count the users of windows of days that overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _points
from otumat_usage.host._answered import Point
from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._filters import alternatives

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otumat_usage.host._cells import Cell
    from otumat_usage.host._facts import Facts
    from otumat_usage.host._filters import Filter

__all__ = ["rolled", "windows"]


def windows(  # noqa: PLR0913, PLR0917 - a span, its windows, and of whom
    facts: Facts, first: int, last: int, window: int, every: int, where: Filter | None
) -> list[Point]:
    """Return the points of the *window* days that end on each *every*-th day of a span."""
    days = facts.days(where, first - window + 1, last)
    spans = [(end - window + 1, end) for end in range(first, last + 1, every)]
    if window % every or not all(cell.kept for cell in days.values()):
        return [_points.point(days, *span, where) for span in spans]
    starts = range(spans[0][0], spans[-1][1] + 1, every)
    sizes = rolled([_users(days, start, every) for start in starts], window // every)
    told = where is None or alternatives(where) is not None
    found = []
    for (start, end), users in zip(spans, sizes, strict=True):
        spent = sum(days[day].events for day in range(start, end + 1) if day in days)
        found.append(Point(start, end, users, spent if told else None))
    return found


def rolled(sets: Sequence[BitMap], window: int) -> list[int]:
    """Return how many users each *window* of successive sets has.

    Blocks of *window* sets are united from both ends: every window is the end of one block and
    the beginning of the next.
    """
    upto, since = list(sets), list(sets)
    for place in range(1, len(sets)):
        if place % window:
            upto[place] = upto[place - 1] | sets[place]
    for place in range(len(sets) - 2, -1, -1):
        if (place + 1) % window:
            since[place] = since[place + 1] | sets[place]
    return [
        since[end - window + 1].union_cardinality(upto[end]) for end in range(window - 1, len(sets))
    ]


def _users(days: Mapping[int, Cell], start: int, length: int) -> BitMap:
    """Return who was active on any of *length* days; not to be changed."""
    sets = [days[day].users or BitMap() for day in range(start, start + length) if day in days]
    return sets[0] if len(sets) == 1 else union(sets)
