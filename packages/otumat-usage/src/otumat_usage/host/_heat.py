"""Draw a table of numbers as a heat map: one row and one column per value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._svg import WIDTH, Markup, compact, escape, frame, grouped, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["heat"]

_NAMES = 116
_HEAD = 24
_ROW = 26
_DIGIT = 7.4
_SMALL = 6.4
#: Around a number in its cell, and between two cells.
_AIR = 4
# The darkest cell still carries the page's text colour with a contrast of 4.5.
_FAINT, _FULL = 0.05, 0.5


def heat(  # noqa: PLR0913 - three of them by keyword
    title: str,
    rows: Sequence[str],
    heads: Sequence[str],
    cells: Mapping[tuple[int, int], int],
    *,
    unit: str = "",
    whole: int | None = None,
    each: bool = False,
) -> Markup:
    """Draw *cells*, by row and column number; where there is none, the ground shows.

    Args:
        title: What the plot is called.
        rows: What stands at the left of each row.
        heads: What stands above each column.
        cells: The numbers.
        unit: Written behind each number in its tip.
        whole: What full colour stands for; the largest number by default.
        each: Name every column, shortened, instead of some of them in full: for heads
            without an order, between which nobody can count.
    """
    top = whole or max(cells.values(), default=0) or 1
    wide = (WIDTH - _NAMES) / max(1, len(heads))
    parts = _named(heads, wide, each=each)
    # What every row repeats is written once.
    places = [_NAMES + column * wide for column in range(len(heads))]
    columns = [
        (escape(head), f"{x + 1:.1f}", f"{x + wide / 2:.1f}")
        for head, x in zip(heads, places, strict=True)
    ]
    size = f'width="{wide - 2:.1f}" height="{_ROW - 2}" rx="3"'
    unit = escape(unit)
    for row, name in enumerate(rows):
        y = _HEAD + row * _ROW
        shown, said = escape(shortened(name, _NAMES - 6)), escape(name)
        parts.append(f'<text class="name" x="2" y="{y + 17}">{shown}</text>')
        for column, (head, left, middle) in enumerate(columns):
            value = cells.get((row, column))
            if value is None:
                continue
            opacity = _FAINT + (_FULL - _FAINT) * min(1.0, value / top)
            parts.append(
                f'<rect class="heat" x="{left}" y="{y}" {size} fill-opacity="{opacity:.2f}">'
                f"<title>{said}, {head}: {grouped(value)}{unit}</title></rect>"
                f"{_number(compact(value), middle, y + 17, wide)}"
            )
    return frame(title, max(_HEAD + _ROW * len(rows), _HEAD + _ROW), parts)


def _named(heads: Sequence[str], wide: float, *, each: bool) -> list[str]:
    """Return the names of columns that are *wide*, as many as fit, or *each* of them shortened."""
    parts = []
    widest = max((len(head) for head in heads), default=0)
    every = 1 if each else max(1, -(-int(widest * _DIGIT + 4) // max(1, int(wide))))
    reached = 0.0
    for column in range(0, len(heads), every):
        head = shortened(heads[column], wide * every)
        half = len(head) * _DIGIT / 2
        x = min(_NAMES + (column + 0.5) * wide, WIDTH - half)
        if x - half >= reached or each:  # the last one is moved into the frame, onto another
            parts.append(f'<text x="{x:.1f}" y="14" text-anchor="middle">{escape(head)}</text>')
            reached = x + half
    return parts


def _number(text: str, x: str, y: int, wide: float) -> str:
    """Write *text* into a cell of that width: small where it is tight, or not: the tip tells it."""
    for kind, digit in (("cell", _DIGIT), ("tight", _SMALL)):
        if len(text) * digit <= wide - _AIR:
            return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="middle">{text}</text>'
    return ""
