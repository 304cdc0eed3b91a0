"""Print answers in a terminal: tables with sparklines, the same numbers as the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from otumat_usage.host._exhibit import Cell, Exhibit

__all__ = ["as_text", "barred", "courses", "is_course", "spark"]

_SPARK = "▁▂▃▄▅▆▇█"
_ROWS = 30
_BAR = 20
_WIDEST = 40
#: A table of more columns than this has no bars.
_BARS = 4
_SERIES = ("Day ", "Week ")
#: What is counted from few to many, and not from the newest day back.
_COUNTED = "Days active"
#: A series of more columns than this is read as a table.
_COLUMNS = 8
#: The columns that bars may show, the first of them that there is.
_BARRED = ("Used nothing else", "Users", "Number")
#: A bar that would be shorter than this is left out.
_SHORTEST = 5


def spark(values: Sequence[int | None]) -> str:
    """Return one character per value, as tall as it is; a dot where it is not known."""
    top = max((value or 0 for value in values), default=0)
    if not top:
        return "-"
    steps = len(_SPARK) - 1
    return "".join("·" if value is None else _SPARK[steps * value // top] for value in values)


def as_text(exhibit: Exhibit, *, rows: int = _ROWS, width: int | None = None) -> str:
    """Return *exhibit* as lines of text.

    Args:
        exhibit: An answer.
        rows: How many rows at most; of others the number is told.
        width: Characters of a line at most, names and notes aside; what does not fit
            beside the rest of its table follows below it.
    """
    lines = [exhibit.title]
    if not exhibit.rows:
        return "\n".join([*lines, f"  {exhibit.empty}"])
    if is_course(exhibit):
        lines += _sparks(exhibit)
    else:
        lines += _table(exhibit, rows, width)
    if exhibit.note:
        lines.append(f"  ({exhibit.note})")
    return "\n".join(lines)


def is_course(exhibit: Exhibit) -> bool:
    """Say whether *exhibit* is read as one line per column and not as a table."""
    return exhibit.heads[0].startswith((*_SERIES, _COUNTED)) and len(exhibit.heads) <= _COLUMNS


def courses(exhibit: Exhibit) -> list[tuple[str, str, str]]:
    """Return the name, the last value (the sum of what is counted) and the course of each column.

    Time runs from the left to the right, and what is counted from few to many.
    """
    rows = _rising(exhibit)
    found = []
    for place, head in enumerate(exhibit.heads):
        cells = [row[place] for row in rows]
        if place and not _is_words(exhibit, place):
            numbers = [cell if isinstance(cell, int) else None for cell in cells]
            counted = exhibit.heads[0] == _COUNTED
            said = sum(number or 0 for number in numbers) if counted else cells[-1]
            found.append((head, _written(said), spark(_thinned(numbers, 60))))
    return found


def _rising(exhibit: Exhibit) -> Sequence[Sequence[Cell]]:
    return exhibit.rows if exhibit.heads[0] == _COUNTED else exhibit.rows[::-1]


def _sparks(exhibit: Exhibit) -> list[str]:
    """Return one line per column: its course, and its last value."""
    found = courses(exhibit)
    rows = _rising(exhibit)
    width = max(len(head) for head, _, _ in found)
    unit = " days" if exhibit.heads[0] == _COUNTED else ""
    lines = [f"  {rows[0][0]} to {rows[-1][0]}{unit}"]
    lines += [f"  {head:<{width}}  {last:>8}  {course}" for head, last, course in found]
    return lines + _told(exhibit, width)


def _told(exhibit: Exhibit, width: int) -> list[str]:
    """Return what columns of words say, and when: releases."""
    lines = []
    for place, head in enumerate(exhibit.heads):
        said = [f"{row[place]} ({row[0]})" for row in exhibit.rows[::-1] if row[place]]
        if place and _is_words(exhibit, place) and said:
            lines.append(f"  {head:<{width}}  {', '.join(said)}")
    return lines


def _thinned(values: list[int | None], most: int) -> list[int | None]:
    """Return at most *most* of *values*, evenly chosen, the last one included."""
    every = -(-len(values) // most)
    return values[::-1][::every][::-1]


def _table(exhibit: Exhibit, rows: int, width: int | None) -> list[str]:
    shown = list(exhibit.rows)[:rows]
    texts = [[_written(cell) for cell in row] for row in shown]
    words = {place for place in range(len(exhibit.heads)) if _is_words(exhibit, place)}
    widths = [max(map(len, column)) for column in zip(exhibit.heads, *texts, strict=True)]
    # Names come from clients; words beside them are ours.
    widths = [
        wide if place and place in words else min(_WIDEST, wide)
        for place, wide in enumerate(widths)
    ]
    blocks = _blocks(widths, width)
    room = _BAR if width is None else width - _across(widths) - 2
    bars = _bars(exhibit, shown, min(room, _BAR)) if len(blocks) == 1 else []
    lines = []
    for block in blocks:
        lines += [_line(row, widths, block, words) for row in (exhibit.heads, *texts)]
    for place, bar in enumerate(bars, 1):
        lines[place] = f"{lines[place]:<{_across(widths)}}  {bar}".rstrip()
    if len(exhibit.rows) > rows:
        lines.append(f"  … and {len(exhibit.rows) - rows} more (--csv has them)")
    return lines


def _across(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * len(widths)


def _is_words(exhibit: Exhibit, place: int) -> bool:
    return place == 0 or all(isinstance(row[place], str) for row in exhibit.rows)


def _blocks(widths: Sequence[int], width: int | None) -> list[list[int]]:
    """Return which columns stand beside each other: the first, and as many as there is room for."""
    blocks = [[0]]
    for place in range(1, len(widths)):
        used = [widths[each] for each in (*blocks[-1], place)]
        if width is not None and len(blocks[-1]) > 1 and _across(used) > width:
            blocks.append([0])
        blocks[-1].append(place)
    return blocks


def _line(
    cells: Sequence[str], widths: Sequence[int], block: Sequence[int], words: Container[int]
) -> str:
    parts = []
    for place in block:
        cell, wide = cells[place], widths[place]
        short = cell if len(cell) <= wide else cell[: wide - 1] + "…"
        parts.append(f"  {short:<{wide}}" if place in words else f"  {short:>{wide}}")
    return "".join(parts).rstrip()


def barred(exhibit: Exhibit) -> int:
    """Return the column that bars show, 0 for none: not in a matrix, nor beside words."""
    few = len(exhibit.heads) <= _BARS and exhibit.heads[0] not in _BARRED
    if not few or any(_is_words(exhibit, place) for place in range(1, len(exhibit.heads))):
        return 0
    return next((exhibit.heads.index(head) for head in _BARRED if head in exhibit.heads), 0)


def _bars(exhibit: Exhibit, shown: Sequence[Sequence[Cell]], longest: int) -> list[str]:
    """Return a bar for each row that is *shown*, against the largest of them."""
    place = barred(exhibit)
    if not place or longest < _SHORTEST:
        return []
    values = [cell if isinstance(cell := row[place], int) else 0 for row in shown]
    top = max(values)
    return ["█" * round(longest * value / top) for value in values] if top else []


def _written(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)
