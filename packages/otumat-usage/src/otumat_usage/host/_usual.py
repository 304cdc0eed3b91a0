"""Judge whether a day is far above usual, and how many uploads usually come in a time.

Usual is what the same weekday had in the eight weeks before: its median, and how far
days usually are from it (the median of the distances). Half of these days may be
anything, holidays or an earlier spike, and do not move either far.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from otumat_usage.host._days import DAY, day_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["AWAITED", "ENOUGH", "WEEKS", "awaited", "far_above", "samples", "share_of"]

#: Weeks looked back on, and of how many of them a weekday must be known.
WEEKS, ENOUGH = 8, 4
#: Silence is when so many uploads usually come and none does: with uploads that come by chance,
#: that happens by itself once in 22,000 such times.
AWAITED = 10
_TIMES = 3
_SPREADS = 8
_NORMAL = 1.4826  # what makes a median distance comparable with a standard deviation
_LONGEST = 7 * WEEKS


def samples(counts: Mapping[int, int], day: int, first: int) -> list[int]:
    """Return what the same weekday had in the weeks before *day*, none of them before *first*."""
    days = (day - 7 * weeks for weeks in range(1, WEEKS + 1))
    return [counts.get(each, 0) for each in days if each >= first]


def far_above(usual: Sequence[int], *, least: int) -> int | None:
    """Return the number from which on a day is far above *usual*; None while too little is known.

    That is three times the median, or eight spreads above it, whichever is more, and
    never fewer than *least*: so a tiny package does not cry.
    """
    if len(usual) < ENOUGH:
        return None
    middle = statistics.median(usual)
    spread = _NORMAL * statistics.median(abs(each - middle) for each in usual)
    return max(least, math.ceil(_TIMES * middle), math.ceil(middle + _SPREADS * spread))


def awaited(uploads: Mapping[int, int], last: int, now: int, first: int) -> float:
    """Return how many uploads usually come in the time from *last* to *now*.

    Args:
        uploads: How many came on each day.
        last: When the last one came, in milliseconds.
        now: The present, in milliseconds.
        first: The day of the first upload ever.
    """
    anchor = day_of(last)
    found = 0.0
    for day in range(anchor, min(day_of(now), anchor + _LONGEST) + 1):
        # The same weekday before the silence began: a long one does not become usual.
        usual = samples(uploads, day - 7 * ((day - anchor) // 7), first)
        if len(usual) >= ENOUGH:
            inside = min(now, (day + 1) * DAY) - max(last, day * DAY)
            found += statistics.median(usual) * max(0, inside) / DAY
    return found


def share_of(bad: int, good: int) -> float:
    """Return which share of everything *bad* is, 0 where there is nothing."""
    return bad / (bad + good) if bad else 0.0
