"""Write the parts that every plot shares: frame, axes, legend, and a version for a file."""

from __future__ import annotations

import functools
import html
import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "LEFT",
    "SERIES",
    "TOP",
    "WIDTH",
    "Markup",
    "compact",
    "dates",
    "escape",
    "frame",
    "grid",
    "grouped",
    "legend",
    "nice",
    "shortened",
    "standalone",
]

WIDTH = 480
LEFT = 44
TOP = 12
#: How many colours there are; what comes after shares the last one, which is grey.
SERIES = 8
_LEGEND_ROW = 20
#: One number stands in a plot, in its tip and in the table beneath. 1.0 is written unlike 1.
_known = functools.lru_cache(maxsize=4096, typed=True)
_COMPACT = 10_000

#: What the style sheet says, for a file that has none. Light, because it lands in documents.
_PALETTE = (
    "#0072b2",
    "#c2500a",
    "#00805c",
    "#b0558a",
    "#7d6300",
    "#3d8fc4",
    "#6b4fa0",
    "#767676",
)
_ATTRIBUTES = {
    "plot": 'font-family="system-ui, sans-serif" font-size="12" fill="#57606a"',
    "axis": 'stroke="#dfe2e6" stroke-width="1"',
    "track": 'fill="#eceff1"',
    "bar": 'fill="#2b8cb8"',
    "heat": 'fill="#2b8cb8"',
    "mark": 'stroke="#8a4b00" stroke-width="1" stroke-dasharray="3 3"',
    "marked": 'fill="#8a4b00" font-size="11"',
    "name": 'fill="#1d2126" font-size="13"',
    "cell": 'fill="#1d2126"',
    "tight": 'fill="#1d2126" font-size="10"',
    "tip": 'fill="transparent"',
}
_ATTRIBUTES["plot upright"] = _ATTRIBUTES["plot"]
_ATTRIBUTES |= {f"s{n}": f'fill="{colour}"' for n, colour in enumerate(_PALETTE)}
_ATTRIBUTES |= {
    f"line s{n}": f'fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"'
    for n, colour in enumerate(_PALETTE)
}
_CLASS = re.compile(r'class="([a-z0-9 ]+)"')
_SIZE = re.compile(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"')
#: The white around a file of its own: at the sides and below, and above for its title.
_SIDE, _ABOVE = 16, 40
_TITLE = 'font-size="15" font-weight="600" fill="#1d2126"'


def nice(top: float) -> int:
    """Return the smallest of 1, 2, 4, 5, 8 x 10^n (at least 4) that is not below *top*."""
    scale = 1
    while True:
        for step in (1, 2, 4, 5, 8):
            if step * scale >= top and step * scale >= 4:  # noqa: PLR2004
                return step * scale
        scale *= 10


@_known
def grouped(value: float) -> str:
    """Return *value* with narrow spaces between its thousands."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


@_known
def compact(value: float) -> str:
    """Return *value* in at most five characters or so: 950, 4500, 12k, 3.5M."""
    if abs(value) < _COMPACT:
        return f"{value:g}"
    for scale, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1000, "k")):
        if abs(value) >= scale:
            return f"{value / scale:.3g}{unit}"
    raise AssertionError  # pragma: no cover - ten thousand is above the smallest scale


def shortened(text: str, room: float) -> str:
    """Return *text* cut to what *room* units of width hold, a dot dot dot at its end."""
    most = max(4, int(room / 7))
    return text if len(text) <= most else text[: most - 1] + "…"


def frame(title: str, height: float, parts: Iterable[str], *, upright: bool = False) -> Markup:
    """Return the plot of these *parts*; all texts in them are escaped already.

    *upright* says that it is read column by column, which a crosshair can do.
    """
    head = (
        f'<svg class="plot{" upright" * upright}" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>'
    )
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 - every text above is escaped


def grid(top: int, plot: float, *, unit: str = "") -> list[str]:
    """Return three lines across, with what they stand for at their left."""
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = TOP + plot * (1 - share)
        parts.append(
            f'<line class="axis" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
            f"{compact(top * share)}{unit}</text>"
        )
    return parts


def dates(labels: Sequence[str], step: float, y: float) -> list[str]:
    """Return the first, the middle and the last of *labels*, *step* apart."""
    if not labels:
        return []
    chosen = {0: "start", len(labels) // 2: "middle", len(labels) - 1: "end"}
    if len(labels) == 1:
        chosen = {0: "start"}
    return [
        f'<text x="{LEFT + i * step:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(labels[i])}</text>"
        for i, anchor in chosen.items()
    ]


def legend(names: Sequence[str], y: float) -> tuple[list[str], float]:
    """Return a row or more of coloured squares with names from *y* on, and their height."""
    parts, x, row = [], float(LEFT), 0
    for number, name in enumerate(names):
        shown = shortened(name, 160)
        wide = 28 + 8 * len(shown)
        if x + wide > WIDTH and x > LEFT:
            x, row = float(LEFT), row + 1
        top = y + row * _LEGEND_ROW
        parts.append(
            f'<rect class="s{min(number, SERIES - 1)}" x="{x:.1f}" y="{top:.1f}" width="10" '
            f'height="10" rx="2"/><text x="{x + 15:.1f}" y="{top + 9.5:.1f}">{escape(shown)}</text>'
        )
        x += wide
    return parts, (row + 1) * _LEGEND_ROW if names else 0


def standalone(svg: str) -> str:
    """Return *svg* as a file of its own: with its name space, and colours instead of classes.

    Its title is written above it, and there is white around it.
    """

    def coloured(match: re.Match[str]) -> str:
        return _ATTRIBUTES.get(match[1], "")

    # A plain text: marked-up text would escape what it is asked to look for.
    head, _, body = str(svg).partition(">")
    opened = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    opened = _SIZE.sub(_widened, opened, count=1)
    ground = f'<rect x="{-_SIDE}" y="{-_ABOVE}" width="100%" height="100%" fill="#ffffff"/>'
    title, end, rest = body.partition("</title>")
    said = shortened(html.unescape(title.removeprefix("<title>")), WIDTH)
    above = f'<text x="0" y="-14" {_TITLE}>{escape(said)}</text>'
    return _CLASS.sub(coloured, f"{opened}>{title}{end}{ground}{above}{rest}")


def _widened(size: re.Match[str]) -> str:
    wide, high = (float(number) for number in size.groups())
    return f'viewBox="{-_SIDE} {-_ABOVE} {wide + 2 * _SIDE:g} {high + _ABOVE + _SIDE:g}"'
