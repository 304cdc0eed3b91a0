"""Print answers in a terminal: tables with sparklines, the same numbers as the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otumat_usage.host._exhibit import Cell, Exhibit

__all__ = ["as_text", "courses", "is_course", "spark"]

_SPARK = "▁▂▃▄▅▆▇█"
_ROWS = 30
_BAR = 20
_WIDEST = 40
_SERIES = ("Day", "Week")
#: A series of more columns than this is read as a table.
_COLUMNS = 8


def spark(values: Sequence[int | None]) -> str:
    """Return one character per value, as tall as it is; a dot where it is not known."""
    top = max((value or 0 for value in values), default=0)
    if not top:
        return "-"
    steps = len(_SPARK) - 1
    return "".join("·" if value is None else _SPARK[steps * value // top] for value in values)


def as_text(exhibit: Exhibit, *, rows: int = _ROWS) -> str:
    """Return *exhibit* as lines of text: at most so many rows, then how many are left."""
    lines = [exhibit.title]
    if not exhibit.rows:
        return "\n".join([*lines, f"  {exhibit.empty}"])
    if is_course(exhibit):
        lines += _sparks(exhibit)
    else:
        lines += _table(exhibit, rows)
    if exhibit.note:
        lines.append(f"  ({exhibit.note})")
    return "\n".join(lines)


def is_course(exhibit: Exhibit) -> bool:
    """Say whether *exhibit* is read as a course over time and not as a table."""
    return exhibit.heads[0].startswith(_SERIES) and len(exhibit.heads) <= _COLUMNS


def courses(exhibit: Exhibit) -> list[tuple[str, str, str]]:
    """Return the name, the last value and the course of each column of numbers."""
    oldest_first = list(exhibit.rows)[::-1]
    found = []
    for place, head in enumerate(exhibit.heads):
        cells = [row[place] for row in oldest_first]
        if place and not isinstance(cells[-1], str):
            numbers = [cell if isinstance(cell, int) else None for cell in cells]
            found.append((head, _written(cells[-1]), spark(_thinned(numbers, 60))))
    return found


def _sparks(exhibit: Exhibit) -> list[str]:
    """Return one line per column: its course, and its last value."""
    found = courses(exhibit)
    width = max(len(head) for head, _, _ in found)
    lines = [f"  {exhibit.rows[-1][0]} to {exhibit.rows[0][0]}"]
    lines += [f"  {head:<{width}}  {last:>8}  {course}" for head, last, course in found]
    return lines


def _thinned(values: list[int | None], most: int) -> list[int | None]:
    """Return at most *most* of *values*, evenly chosen, the last one included."""
    every = -(-len(values) // most)
    return values[::-1][::every][::-1]


def _table(exhibit: Exhibit, rows: int) -> list[str]:
    shown = list(exhibit.rows)[:rows]
    texts = [[_written(cell) for cell in row] for row in shown]
    heads = list(exhibit.heads)
    widths = [
        min(_WIDEST, max(len(head), *(len(row[place]) for row in texts)))
        for place, head in enumerate(heads)
    ]
    lines = [_line(heads, widths).rstrip()]
    for row, cells in zip(texts, shown, strict=True):
        lines.append(f"{_line(row, widths)}{_bar(cells, shown)}".rstrip())
    if len(exhibit.rows) > rows:
        lines.append(f"  … and {len(exhibit.rows) - rows} more (--csv has them)")
    return lines


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = cells[0] if len(cells[0]) <= _WIDEST else cells[0][: _WIDEST - 1] + "…"
    rest = "".join(f"  {cell:>{wide}}" for cell, wide in zip(cells[1:], widths[1:], strict=True))
    return f"  {first:<{widths[0]}}{rest}"


def _bar(row: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a bar for the first number of *row*, against the largest of *rows*."""
    if len(row) not in (2, 3, 4) or not isinstance(row[1], int):
        return ""
    top = max((each[1] for each in rows if isinstance(each[1], int)), default=0)
    return f"  {'█' * round(_BAR * row[1] / top)}" if top else ""


def _written(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)
