"""Name why clients gave events up: the words come from strangers, so only known ones are kept."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MOST", "REASONS", "named"]

#: What our own clients say; whatever else is said counts as "other".
REASONS = frozenset(("age", "disk", "overflow", "torn", "undeclared"))
#: What one batch, or one run, can at most tell to be missing: sums must stay within 64 bits.
MOST = 1_000_000_000


def named(dropped: Mapping[str, int]) -> dict[str, int]:
    """Return how many events are missing, by known reasons."""
    found: dict[str, int] = defaultdict(int)
    for reason, count in dropped.items():
        found[reason if reason in REASONS else "other"] += count
    return {reason: min(count, MOST) for reason, count in found.items()}
