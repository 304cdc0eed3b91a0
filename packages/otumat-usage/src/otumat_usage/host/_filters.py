"""Say which install-days a question is about: values joined by and, or, not.

A filter selects installs day by day: an install counts on a day on which it
satisfies the filter. It "satisfies" a value when one of its events of that day has
it, so ``Not`` means: it was active and no event of that day has it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["UNKNOWN", "AllOf", "AnyOf", "Filter", "Is", "Not", "alternatives", "values_of"]

#: The value of an install-day on which no event names one.
UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True)
class Is:
    """One value of one dimension."""

    dimension: str
    value: str


@dataclasses.dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of some filters."""

    parts: tuple[Filter, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of some filters."""

    parts: tuple[Filter, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Not:
    """Active, and not this."""

    part: Filter


Filter = Is | AllOf | AnyOf | Not


def values_of(where: Filter | None) -> Iterator[tuple[str, str]]:
    """Yield every dimension that *where* names, with each value."""
    if isinstance(where, Is):
        yield where.dimension, where.value
    elif isinstance(where, Not):
        yield from values_of(where.part)
    elif where is not None:
        for part in where.parts:
            yield from values_of(part)


def alternatives(where: Filter) -> tuple[str, set[str]] | None:
    """Return *where* as values of one dimension, None when it is no such choice.

    Only then events can be counted: each event has one value of a dimension, so the
    events of several values add up, but a set of installs does not tell their events.
    """
    if isinstance(where, Is):
        return where.dimension, {where.value}
    if not isinstance(where, AnyOf) or not all(isinstance(part, Is) for part in where.parts):
        return None
    named = {dimension for dimension, _ in values_of(where)}
    values = {part.value for part in where.parts if isinstance(part, Is)}
    return (named.pop(), values) if len(named) == 1 else None
