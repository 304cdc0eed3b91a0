"""Tell from who was active in which week who came, stayed, came back and went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._answered import Cohort, Lifecycle
from otumat_usage.host._bitmaps import BitMap

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["cohorts", "lifecycles"]


def cohorts(by_week: Mapping[int, BitMap]) -> list[Cohort]:
    """Return those first seen in each week, and how many of them came back later."""
    found, before = [], BitMap()
    starts = sorted(by_week)
    for place, start in enumerate(starts):
        new = by_week[start] - before
        before |= new
        back = [len(new & by_week[later]) for later in starts[place:]]
        found.append(Cohort(start, len(new), back))
    return found


def lifecycles(by_week: Mapping[int, BitMap]) -> list[Lifecycle]:
    """Return who was new, returned, came back or was missing in each week."""
    found, ever, last = [], BitMap(), BitMap()
    for start, users in sorted(by_week.items()):
        returning = users & last
        gone = last - users
        new = users - ever
        again = len(users) - len(returning) - len(new)
        found.append(Lifecycle(start, len(new), len(returning), again, len(gone)))
        ever |= users
        last = users
    return found
