"""Draw badges, and say them in the words of shields.io; all numbers come through the gate."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from otumat_usage.host._gate import LEAST, rounded
from otumat_usage.host._question import without_ci
from otumat_usage.host._svg import compact, escape

if TYPE_CHECKING:
    from otumat_usage.host._answers import Answers

__all__ = ["METRICS", "Badge", "as_shields", "as_svg", "badge", "users"]

_COLOUR = "#0b6489"
_DIGIT = 7.0
#: Seconds for which others may keep a badge.
KEPT = 3600
METRICS = {"users": 28, "weekly-users": 7, "yearly-users": 365}


@dataclasses.dataclass(frozen=True, slots=True)
class Badge:
    """A label and what it says."""

    label: str
    message: str


def users(metric: str, answers: Answers) -> int | None:
    """Return the users of the days of one of `METRICS`, rounded; None for too few to tell."""
    first = answers.today - METRICS[metric] + 1
    return rounded(answers.total(first, answers.today, where=without_ci(answers)).users)


def badge(metric: str, users: int | None) -> Badge:
    """Return the badge of one of `METRICS` that tells *users*."""
    known = rounded(users)  # they are, unless a version with another gate kept them
    label = {7: "users per week", 28: "users per month", 365: "users per year"}[METRICS[metric]]
    return Badge(label, f"fewer than {LEAST}" if known is None else f"{compact(known)}+")


def as_shields(shown: Badge) -> dict[str, object]:
    """Return the answer that shields.io's endpoint badge asks for (its schema 1)."""
    return {
        "schemaVersion": 1,
        "label": shown.label,
        "message": shown.message,
        "color": _COLOUR.removeprefix("#"),
        "cacheSeconds": KEPT,
    }


def as_svg(shown: Badge) -> str:
    """Return the badge as an SVG file."""
    left, right = (12 + _DIGIT * len(text) for text in (shown.label, shown.message))
    text = escape(f"{shown.label}: {shown.message}")
    wide = left + right
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:g}" height="20" role="img" '
        f'aria-label="{text}"><title>{text}</title>'
        f'<rect width="{wide:g}" height="20" rx="3" fill="#444c56"/>'
        f'<path fill="{_COLOUR}" d="M{left:g} 0h{right - 3:g}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3'
        f'h-{right - 3:g}z"/>'
        '<g fill="#fff" font-family="Verdana, DejaVu Sans, sans-serif" font-size="11" '
        'text-anchor="middle">'
        f'<text x="{left / 2:g}" y="14" textLength="{left - 12:g}">{escape(shown.label)}</text>'
        f'<text x="{left + right / 2:g}" y="14" textLength="{right - 12:g}">'
        f"{escape(shown.message)}</text></g></svg>"
    )
