"""Make points of a series of the cells of its days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._answered import Point
from otumat_usage.host._filters import Is, alternatives
from otumat_usage.host._wholes import users_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.host._cells import Cell
    from otumat_usage.host._filters import Filter

__all__ = ["hidden", "point", "single"]


def point(days: Mapping[int, Cell], start: int, end: int, where: Filter | None) -> Point:
    """Return the point of the days from *start* to *end* of those who satisfied *where*."""
    cells = {day: days[day] for day in range(start, end + 1) if day in days}
    told = where is None or alternatives(where) is not None
    users: int | None
    if all(cell.kept for cell in cells.values()):
        one = next(iter(cells.values())) if len(cells) == 1 else None
        users = len(users_of(cells)) if one is None else one.size
    else:
        one_day = start == end and (where is None or isinstance(where, Is))
        users = cells[start].size if one_day else None
    return Point(start, end, users, _sum(cells) if told else None)


def single(cell: Cell, start: int, end: int) -> Point:
    """Return the point of the days from *start* to *end*, of all of which *cell* tells."""
    return Point(start, end, cell.size, cell.events)


def hidden(cell: Cell | None, day: int) -> Point:
    """Return the point of one value on one day under a filter, which hides its events."""
    users = 0 if cell is None else cell.size if cell.kept else None
    return Point(day, day, users, None)


def _sum(days: Mapping[int, Cell]) -> int:
    return sum(cell.events for cell in days.values())
