"""Make the series of every value of a dimension: of each day, week, or longer step."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from otumat_usage.host import _points
from otumat_usage.host._answered import Point
from otumat_usage.host._cells import ALL, FEATURE, Cell
from otumat_usage.host._filters import UNKNOWN, AllOf, Filter
from otumat_usage.host._kept import BY_DAY, BY_WEEK
from otumat_usage.host._parts import by_weeks, chosen_values
from otumat_usage.host._wholes import chosen_by_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otumat_usage.host._days import Step
    from otumat_usage.host._facts import Daily, Facts

__all__ = ["by_values", "chosen_by_values"]


def by_values(
    facts: Facts, dimension: str, spans: Sequence[tuple[int, int]], step: Step
) -> dict[str, list[Point]]:
    """Return the series of every value, in the order of their first use."""
    told = _told(facts, dimension, spans, step)
    ahead = facts.cells if step == "day" else facts.gathered
    for run in _runs(span for span in spans if span[0] not in told):
        for name in (dimension, ALL):  # its spans are within it, and read no more
            ahead(name, *run)
    parts = [
        {value: _points.single(told[start][value], start, end) for value in sorted(told[start])}
        if start in told
        else _of_cells(facts, dimension, start, end, daily=step == "day")
        for start, end in spans
    ]
    none = [Point(*span, 0, 0) for span in spans]
    return {
        value: [part.get(value, zero) for part, zero in zip(parts, none, strict=True)]
        for value in dict.fromkeys(itertools.chain(*parts))
    }


def _runs(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield first and last day of those *spans* that follow on one another."""
    found: tuple[int, int] | None = None
    for first, last in spans:
        if found and found[1] + 1 < first:
            yield found
            found = None
        found = (found[0] if found else first, last)
    if found:
        yield found


def _told(facts: Facts, dimension: str, spans: Sequence[tuple[int, int]], step: Step) -> Daily:
    """Return the cells of those steps of which a number is kept, so that no set need be read."""
    if step == "four weeks" and dimension == FEATURE:
        return facts.blocks.numbers((spans[0][0], spans[-1][1]))
    if step in ("four weeks", "month"):
        return {}
    shelf, length = (BY_DAY, 1) if step == "day" else (BY_WEEK, 7)
    whole = [start for start, end in spans if end - start + 1 == length]
    return facts.counts(shelf, dimension, whole)


def _of_cells(
    facts: Facts, dimension: str, first: int, last: int, *, daily: bool
) -> dict[str, Point]:
    found: dict[str, dict[int, Cell]] = defaultdict(dict)
    named = (facts.cells if daily else facts.gathered)(dimension, first, last)
    for day, cells in named.items():
        for value, cell in cells.items():
            found[value][day] = cell
    for day, cell in facts.unknown(dimension, first, last, daily=daily).items():
        if cell.events or cell.size:
            found[UNKNOWN][day] = cell
    if daily:
        return {value: _points.single(days[first], first, first) for value, days in found.items()}
    return {value: _points.point(days, first, last, None) for value, days in found.items()}


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
