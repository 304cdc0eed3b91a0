"""Draw plots as inline SVG: lines, shares, columns and lying bars.

Every value also stands in the table beneath the plot; here it is a tip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._svg import (
    LEFT,
    SERIES,
    TOP,
    WIDTH,
    Markup,
    compact,
    dates,
    escape,
    frame,
    grid,
    grouped,
    legend,
    nice,
    shortened,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["bars", "columns", "lines", "shares"]

_PLOT = 170
_BASE = TOP + _PLOT
_AXIS = _BASE + 20

Series = tuple[str, "Sequence[int | None]"]


def _tall(series: Sequence[Series]) -> int:
    return nice(max((value or 0 for _, values in series for value in values), default=0))


def _tips(labels: Sequence[str], step: float, series: Sequence[Series]) -> list[str]:
    """Return one transparent column per label that tells what lies under it."""
    parts = []
    named = [(escape(name), values) for name, values in series]
    for i, label in enumerate(labels):
        told = ", ".join(
            [
                f"{name} {'not known' if values[i] is None else grouped(values[i] or 0)}"
                for name, values in named
            ]
        )
        left = max(LEFT, LEFT + (i - 0.5) * step)
        right = min(WIDTH, LEFT + (i + 0.5) * step)
        parts.append(
            f'<rect class="tip" x="{left:.1f}" y="{TOP}" width="{max(1.0, right - left):.1f}" '
            f'height="{_PLOT}"><title>{escape(label)}: {told}</title></rect>'
        )
    return parts


def lines(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    marks: Sequence[tuple[int, str]] = (),
) -> Markup:
    """Draw one line per series over shared labels.

    Args:
        title: What the plot is called.
        labels: One per position, such as dates.
        series: Names with one value per label; None leaves a gap.
        marks: Positions to mark by an upright line, such as releases.
    """
    top = _tall(series)
    step = (WIDTH - LEFT) / max(1, len(labels) - 1)
    parts = grid(top, _PLOT)
    parts += _marks(marks, step)
    for number, (_, values) in enumerate(series):
        for run in _runs(values):
            points = " ".join(
                f"{LEFT + i * step:.1f},{TOP + _PLOT * (1 - value / top):.1f}" for i, value in run
            )
            if len(run) == 1:
                x, y = points.split(",")
                parts.append(f'<circle class="s{number}" cx="{x}" cy="{y}" r="3"/>')
            else:
                parts.append(f'<polyline class="line s{number}" points="{points}"/>')
    parts += dates(labels, step, _AXIS)
    below, high = legend([name for name, _ in series], _AXIS + 12) if len(series) > 1 else ([], 0)
    parts += [*_tips(labels, step, series), *below]
    return frame(title, _AXIS + 14 + high, parts, upright=True)


def _runs(values: Sequence[int | None]) -> list[list[tuple[int, int]]]:
    """Cut *values* where one is not known."""
    found: list[list[tuple[int, int]]] = [[]]
    for i, value in enumerate(values):
        if value is None:
            found.append([])
        else:
            found[-1].append((i, value))
    return [run for run in found if run]


def _marks(marks: Sequence[tuple[int, str]], step: float) -> list[str]:
    parts, reached = [], -1.0
    for place, text in marks:
        x = LEFT + place * step
        parts.append(f'<line class="mark" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{_BASE}"/>')
        right = x + 4 + 6.5 * len(text)
        if x > reached and right <= WIDTH:  # names that would touch are left to the table
            parts.append(
                f'<text class="marked" x="{x + 3:.1f}" y="{TOP + 9}">{escape(text)}</text>'
            )
            reached = right
    return parts


def shares(title: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
    """Draw how a whole divides among *series*, one upright stack per label.

    More series than there are colours are added up as "others".
    """
    if len(series) > SERIES:
        rest = [sum(v[i] or 0 for _, v in series[SERIES - 1 :]) for i in range(len(labels))]
        series = [*series[: SERIES - 1], ("others", rest)]
    step = (WIDTH - LEFT) / max(1, len(labels))
    wide = f"{step * 0.94:.1f}"
    named = [(f"s{number}", escape(name), values) for number, (name, values) in enumerate(series)]
    parts = grid(100, _PLOT, unit="%")
    for i, label in enumerate(labels):
        whole = sum([values[i] or 0 for _, values in series])
        base = float(_BASE)
        left, told = f"{LEFT + i * step:.1f}", escape(label)
        for kind, name, values in named:
            value = values[i] or 0
            if not value:
                continue
            high = _PLOT * value / whole
            base -= high
            parts.append(
                f'<rect class="{kind}" x="{left}" y="{base:.1f}" width="{wide}" '
                f'height="{high:.1f}"><title>{told}: {name} {grouped(value)}, '
                f"{100 * value / whole:.0f} %</title></rect>"
            )
    parts += dates(labels, (WIDTH - LEFT) / max(1, len(labels) - 1), _AXIS)
    below, high = legend([name for name, _ in series], _AXIS + 12)
    return frame(title, _AXIS + 14 + high, parts + below, upright=True)


def columns(title: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
    """Draw upright columns, the series of one label side by side."""
    top = _tall(series)
    step = (WIDTH - LEFT) / max(1, len(labels))
    wide = step * 0.8 / max(1, len(series))
    named = [
        ("bar" if len(series) == 1 else f"s{number}", step * 0.1 + number * wide, escape(name), v)
        for number, (name, v) in enumerate(series)
    ]
    parts = grid(top, _PLOT)
    for i, label in enumerate(labels):
        left, told = LEFT + i * step, escape(label)
        for kind, beside, name, values in named:
            value = values[i]
            if value is None:
                continue
            high = _PLOT * value / top
            parts.append(
                f'<rect class="{kind}" x="{left + beside:.1f}" y="{_BASE - high:.1f}" '
                f'width="{wide:.1f}" height="{high:.1f}"><title>{told}: {name} {grouped(value)}'
                "</title></rect>"
            )
    parts += _under(labels, step)
    below, high = legend([name for name, _ in series], _AXIS + 12) if len(series) > 1 else ([], 0)
    return frame(title, _AXIS + 14 + high, parts + below, upright=True)


def _under(labels: Sequence[str], step: float) -> list[str]:
    """Write as many labels under their columns as there is room for."""
    widest = max((len(label) for label in labels), default=0)
    every = max(1, -(-int(widest * 8 + 10) // max(1, int(step))))
    parts = []
    for i in range(0, len(labels), every):
        x = LEFT + (i + 0.5) * step
        half = len(labels[i]) * 4
        x = min(max(x, half), WIDTH - half)
        parts.append(
            f'<text x="{x:.1f}" y="{_AXIS}" text-anchor="middle">{escape(labels[i])}</text>'
        )
    return parts


def bars(title: str, items: Sequence[tuple[str, int, str]], *, whole: int = 0) -> Markup:
    """Draw one lying bar per (name, value, what else to say about it), the name above it.

    Args:
        title: What the plot is called.
        items: What is drawn.
        whole: What a full bar stands for; the largest value by default.
    """
    row = 34
    top = max(whole, *(value for _, value, _ in items), 1)
    parts = []
    for i, (name, value, more) in enumerate(items):
        y = i * row
        wide = (WIDTH - 4) * value / top
        said = f"{compact(value)}{more}"
        shown = shortened(name, WIDTH - 20 - 7.5 * len(said))
        parts.append(
            f'<text class="name" x="2" y="{y + 14}">{escape(shown)}</text>'
            f'<text x="{WIDTH - 2}" y="{y + 14}" text-anchor="end">{escape(said)}</text>'
            f'<rect class="track" x="2" y="{y + 19}" width="{WIDTH - 4}" height="8" rx="4"/>'
            f'<rect class="bar" x="2" y="{y + 19}" width="{wide:.1f}" height="8" rx="4">'
            f"<title>{escape(name)}: {grouped(value)}{escape(more)}</title></rect>"
        )
    return frame(title, max(row, row * len(items)), parts)
