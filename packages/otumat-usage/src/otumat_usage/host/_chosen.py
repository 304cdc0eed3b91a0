"""Tell from the cells of a day who satisfied a filter on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._cells import FEATURE, Cell
from otumat_usage.host._filters import UNKNOWN, AnyOf, Filter, Is, Not, alternatives

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Daily", "chosen", "in_all", "picked", "together"]

#: Cells of one dimension by day and value.
Daily = dict[int, dict[str, Cell]]


def together(cells: list[Cell]) -> Cell:
    """Return what *cells* hold in sum."""
    if len(cells) == 1:
        return cells[0]
    users = union(cell.users for cell in cells if cell.users is not None)
    return Cell(sum(cell.events for cell in cells), users if all(c.kept for c in cells) else None)


def in_all(whole: Cell, parts: list[Cell]) -> Cell:
    """Return who of *whole* is in each of *parts*; how many events they had is not known."""
    if whole.users is None:
        return Cell(0, None)
    found = BitMap(whole.users)
    for part in parts:
        found &= part.users or BitMap()
    return Cell(0, found)


def picked(whole: Cell, cells: dict[str, Cell], values: set[str]) -> Cell:
    """Return who of *whole* had any of *values*: their cells hold them already."""
    found = [cells[value] for value in values if value in cells]
    if whole.kept:
        return together(found)
    return Cell(sum(cell.events for cell in found), None, found[0].size if len(found) == 1 else 0)


def chosen(where: Filter, day: int, whole: Cell, by: Mapping[str, Daily]) -> Cell:
    """Return who of *whole*, the cell of a day, satisfied *where*, and with how many events.

    Args:
        where: The filter.
        day: The day.
        whole: Who was active on it.
        by: The cells of each dimension that the filter names.
    """
    known = 0
    if isinstance(where, Is) and (cell := by[where.dimension].get(day, {}).get(where.value)):
        known = cell.size
    return Cell(_events(where, day, whole, by), _who(where, day, whole, by), known)


def _who(where: Filter, day: int, whole: Cell, by: Mapping[str, Daily]) -> BitMap | None:
    """Return who satisfied *where*, None when the day's sets are no longer kept."""
    if whole.users is None:
        return None
    if isinstance(where, Is):
        cells = by[where.dimension].get(day, {})
        if where.value != UNKNOWN or where.dimension == FEATURE:
            return cells[where.value].users if where.value in cells else BitMap()
        return whole.users - union(cell.users or BitMap() for cell in cells.values())
    if isinstance(where, Not):
        return whole.users - (_who(where.part, day, whole, by) or BitMap())
    parts = [_who(part, day, whole, by) or BitMap() for part in where.parts]
    if isinstance(where, AnyOf):
        return union(parts)
    found = BitMap(whole.users)
    for part in parts:
        found &= part
    return found


def _events(where: Filter, day: int, whole: Cell, by: Mapping[str, Daily]) -> int:
    choice = alternatives(where)
    if choice is None:
        return 0
    dimension, values = choice
    cells = by[dimension].get(day, {})
    found = sum(cell.events for value, cell in cells.items() if value in values)
    if UNKNOWN in values and dimension != FEATURE:
        found += whole.events - sum(cell.events for cell in cells.values())
    return found
