"""Make the series of every value of a dimension: of each day, week, or longer step."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from otumat_usage.host import _points
from otumat_usage.host._answered import Point
from otumat_usage.host._cells import ALL, FEATURE, Cell
from otumat_usage.host._filters import AllOf, Filter
from otumat_usage.host._kept import BY_DAY, BY_WEEK
from otumat_usage.host._parts import by_weeks, chosen_values, with_unknown
from otumat_usage.host._wholes import chosen_by_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otumat_usage.host._days import Step
    from otumat_usage.host._facts import Daily, Facts

__all__ = ["by_values", "chosen_by_values", "first_uses"]

#: Days between two spans up to which to read these, too, is sooner done than to ask again.
_NEAR = 14


def by_values(
    facts: Facts, dimension: str, spans: Sequence[tuple[int, int]], step: Step
) -> dict[str, list[Point]]:
    """Return the series of every value, in the order of their first use."""
    told = _told(facts, dimension, spans, step)
    for run in _runs(span for span in spans if span[0] not in told):
        for name in (dimension, ALL):  # its spans are within it, and read no more
            facts.gathered(name, *run)
    parts = [
        {value: _points.single(told[start][value], start, end) for value in sorted(told[start])}
        if start in told
        else _of_parts(facts, dimension, start, end)
        for start, end in spans
    ]
    none = [Point(*span, 0, 0) for span in spans]
    return {
        value: [part.get(value, zero) for part, zero in zip(parts, none, strict=True)]
        for value in dict.fromkeys(itertools.chain(*parts))
    }


def first_uses(
    facts: Facts, dimension: str, first: int, last: int, where: Filter | None
) -> dict[str, tuple[int, int]]:
    """Return on which day each value was first used, and its users, counted once on each day."""
    by_value: dict[str, dict[int, Cell]] = defaultdict(dict)
    if where is None:
        for day, cells in _days(facts, dimension, range(first, last + 1)).items():
            for value, cell in cells.items():
                by_value[value][day] = cell
    else:
        by_value.update(chosen_values(facts, dimension, first, last, where))
    found = {}
    for value, days in by_value.items():
        if used := {day: cell.size for day, cell in days.items() if cell.size}:
            found[value] = min(used), sum(used.values())
    return found


def _days(facts: Facts, dimension: str, days: Sequence[int]) -> Daily:
    """Return the cells of *days*, with sets only where the numbers do not tell all."""
    found = facts.counts(BY_DAY, dimension, days)
    for run in _runs((day, day) for day in days if day not in found):
        found.update(with_unknown(facts, dimension, *run, weekly=False))
        for day in range(run[0], run[1] + 1):
            found.setdefault(day, {})
    return found


def _runs(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield first and last day of those *spans* that follow on one another, or nearly so."""
    found: tuple[int, int] | None = None
    for first, last in spans:
        if found and found[1] + _NEAR < first:
            yield found
            found = None
        found = (found[0] if found else first, last)
    if found:
        yield found


def _told(facts: Facts, dimension: str, spans: Sequence[tuple[int, int]], step: Step) -> Daily:
    """Return the cells of those steps of which a number is kept, so that no set need be read."""
    if step == "day":
        return _days(facts, dimension, [start for start, _ in spans])
    if step == "week":
        whole = [start for start, end in spans if end == start + 6]
        return facts.counts(BY_WEEK, dimension, whole)
    if step == "four weeks" and dimension == FEATURE:
        return facts.blocks.numbers((spans[0][0], spans[-1][1]))
    return {}


def _of_parts(facts: Facts, dimension: str, first: int, last: int) -> dict[str, Point]:
    found: dict[str, dict[int, Cell]] = defaultdict(dict)
    for start, cells in with_unknown(facts, dimension, first, last, weekly=True).items():
        for value, cell in cells.items():
            found[value][start] = cell
    return {value: _points.point(starts, first, last, None) for value, starts in found.items()}


def chosen_by_values(
    facts: Facts, dimension: str, spans: Sequence[tuple[int, int]], step: Step, where: Filter
) -> dict[str, list[Point]]:
    """Return the series of every value of those who satisfied *where*."""
    first, last = spans[0][0], spans[-1][1]
    if step == "day":
        whole = chosen_values(facts, dimension, first, last, where).items()
        return {
            value: [_points.hidden(days.get(day), day) for day, _ in spans] for value, days in whole
        }
    if not by_weeks(where):
        hidden = AllOf((where,))  # a value's events under a filter are not known
        whole = chosen_values(facts, dimension, first, last, where).items()
        return {
            value: [_points.point(days, *span, hidden) for span in spans] for value, days in whole
        }
    facts.gathered(dimension, first, last)  # the spans are within it, and read no more
    sets = [chosen_by_value(facts, dimension, *span, where) for span in spans]
    return {
        value: [
            Point(*span, len(part.get(value, ())), None)
            for span, part in zip(spans, sets, strict=True)
        ]
        for value in dict.fromkeys(itertools.chain(*sets))
    }
