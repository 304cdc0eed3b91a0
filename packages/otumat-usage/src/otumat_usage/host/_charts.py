"""Draw plots as inline SVG: text and shapes only, coloured by the style sheet.

Every value also stands in the table beneath the plot; here it is a tip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["bars", "columns", "line"]

_WIDTH = 480
_LEFT = 40
_TOP = 10


def _nice(top: float) -> int:
    """Return the smallest of 1, 2, 5 x 10^n (at least 4) that is not below *top*."""
    scale = 1
    while True:
        for step in (1, 2, 4, 5, 8):
            if step * scale >= top and step * scale >= 4:  # noqa: PLR2004
                return step * scale
        scale *= 10


def _frame(title: str, height: int, body: Sequence[str]) -> Markup:
    head = (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>'
    )
    return Markup(head + "".join(body) + "</svg>")  # noqa: S704 - every text above is escaped


def _grid(top: int, plot: int) -> list[str]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = _TOP + plot * (1 - share)
        parts.append(
            f'<line class="axis" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * share:g}</text>'
        )
    return parts


def line(title: str, points: Sequence[tuple[str, int]]) -> Markup:
    """Draw values over labelled positions as a line on an area."""
    plot, height = 170, 210
    top = _nice(max((value for _, value in points), default=0))
    step = (_WIDTH - _LEFT) / max(1, len(points) - 1)
    places = [
        (_LEFT + i * step, _TOP + plot * (1 - value / top)) for i, (_, value) in enumerate(points)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    base = _TOP + plot
    parts = _grid(top, plot)
    parts.append(f'<polygon class="area" points="{_LEFT},{base} {path} {_WIDTH},{base}"/>')
    parts.append(f'<polyline class="line" points="{path}"/>')
    for i, (label, value) in enumerate(points):
        x = _LEFT + (i - 0.5) * step
        parts.append(
            f'<rect x="{max(x, _LEFT):.1f}" y="{_TOP}" width="{step:.1f}" height="{plot}" '
            f'fill="transparent"><title>{escape(label)}: {value}</title></rect>'
        )
    parts += _dates(points, step, height)
    return _frame(title, height, parts)


def _dates(points: Sequence[tuple[str, int]], step: float, height: int) -> list[str]:
    if not points:
        return []
    chosen = {0: "start", len(points) // 2: "middle", len(points) - 1: "end"}
    return [
        f'<text x="{_LEFT + i * step:.1f}" y="{height - 8}" text-anchor="{anchor}">'
        f"{escape(points[i][0])}</text>"
        for i, anchor in chosen.items()
    ]


def columns(title: str, points: Sequence[tuple[str, int]]) -> Markup:
    """Draw one upright column per labelled value."""
    plot, height = 170, 210
    top = _nice(max((value for _, value in points), default=0))
    step = (_WIDTH - _LEFT) / max(1, len(points))
    parts = _grid(top, plot)
    for i, (label, value) in enumerate(points):
        tall = plot * value / top
        x = _LEFT + i * step + step * 0.12
        parts.append(
            f'<rect class="bar" x="{x:.1f}" y="{_TOP + plot - tall:.1f}" '
            f'width="{step * 0.76:.1f}" height="{tall:.1f}" rx="2">'
            f"<title>{escape(label)}: {value}</title></rect>"
        )
        if i % 7 in (0, 6) or len(points) < 12:  # noqa: PLR2004
            middle = _LEFT + (i + 0.5) * step
            parts.append(
                f'<text x="{middle:.1f}" y="{height - 8}" text-anchor="middle">'
                f"{escape(label)}</text>"
            )
    return _frame(title, height, parts)


def bars(title: str, items: Sequence[tuple[str, int]]) -> Markup:
    """Draw one lying bar per named value, the name above it."""
    row = 34
    top = max((value for _, value in items), default=0) or 1
    parts = []
    for i, (name, value) in enumerate(items):
        y = i * row
        wide = (_WIDTH - 4) * value / top
        shown = name if len(name) <= 48 else name[:47] + "…"  # noqa: PLR2004
        parts.append(
            f'<text class="name" x="2" y="{y + 14}">{escape(shown)}</text>'
            f'<text x="{_WIDTH - 2}" y="{y + 14}" text-anchor="end">{value}</text>'
            f'<rect class="track" x="2" y="{y + 19}" width="{_WIDTH - 4}" height="8" rx="4"/>'
            f'<rect class="bar" x="2" y="{y + 19}" width="{wide:.1f}" height="8" rx="4">'
            f"<title>{escape(name)}: {value}</title></rect>"
        )
    return _frame(title, max(row, row * len(items)), parts)
