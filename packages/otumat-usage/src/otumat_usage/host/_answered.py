"""Hold what `Answers` returns."""

from __future__ import annotations

import dataclasses
import functools
import re

__all__ = ["Cohort", "Lifecycle", "Matrix", "Point", "Slice", "by_version"]


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """A span of days; *users* or *events* is None where it is no longer, or not, known."""

    start: int
    end: int
    users: int | None
    events: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Slice:
    """One value of a dimension; *events* is None where a filter hides it."""

    value: str
    users: int
    events: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Matrix:
    """How many users had two values on one day, and how many had the first with any other."""

    pairs: dict[tuple[str, str], int]
    rows: dict[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Cohort:
    """Installs first seen in the week of *start*, and how many came back n weeks later."""

    start: int
    size: int
    back: list[int]


@dataclasses.dataclass(frozen=True, slots=True)
class Lifecycle:
    """One week: first seen; seen the week before; seen earlier; missing since the week before."""

    start: int
    new: int
    returning: int
    resurrected: int
    churned: int


# Room for some packages' contexts, of which each has 2,000 at most: sorting what is more than fits
# in finds nothing of it again.
@functools.lru_cache(maxsize=8192)
def by_version(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return what sorts 3.9 before 3.10; 1.0 and 1.00, too, have an order."""
    parts = re.split(r"(\d+)", text)
    numbers = ((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)
    return (*numbers, (0, 0, text))
