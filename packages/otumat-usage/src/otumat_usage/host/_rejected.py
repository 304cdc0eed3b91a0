"""Keep which rows of an upload were rejected in little room: it can be sent in next to none.

Ten thousand bad rows are a few hundred bytes as they come, and were half a megabyte each.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Item = dict[str, object]

__all__ = ["NAMED", "briefly", "rows_of", "total"]

#: Rows of one upload that are named, in answers and in what is kept.
NAMED = 100


def briefly(rejected: Sequence[Item]) -> list[Item]:
    """Return the first of *rejected* rows; of the others only how many, by their reasons."""
    more = Counter(str(item["reason"]) for item in rejected[NAMED:])
    return [*rejected[:NAMED], *({"reason": why, "rows": more[why]} for why in sorted(more))]


def rows_of(item: Item) -> int:
    """Return for how many rows an item of `briefly` stands."""
    return int(str(item.get("rows", 1)))


def total(rejected: Iterable[Item]) -> int:
    """Return how many rows *rejected* are."""
    return sum(map(rows_of, rejected))
