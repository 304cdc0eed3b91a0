"""Cross two dimensions into one heat map and its table."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from otumat_usage.host._heat import heat

if TYPE_CHECKING:
    from otumat_usage.host._answers import Answers
    from otumat_usage.host._exhibit import Exhibit
    from otumat_usage.host._question import Question

__all__ = ["crossed"]

_ROWS = 16
_HEADS = 8


def crossed(answers: Answers, asked: Question, axes: tuple[str, str], empty: Exhibit) -> Exhibit:
    """Return *empty* filled with the users of both values on one day.

    Args:
        answers: Where they come from.
        asked: Which days, whose.
        axes: The dimension of the rows, and that of the columns.
        empty: Name, title, and what the first column is called.
    """
    found = answers.matrix(*axes, asked.first, asked.last, where=asked.where)
    pairs, users = found.pairs, found.rows
    heads = _ordered(answers, axes[1], {head for _, head in pairs})
    if axes[0] == "feature":
        rows = sorted({row for row, _ in pairs}, key=lambda row: (-users[row], row))
    else:
        rows = _ordered(answers, axes[0], {row for row, _ in pairs})[::-1]
    shown, named = rows[:_ROWS], heads[-_HEADS:]
    cells = {
        (i, j): pairs[row, head]
        for i, row in enumerate(shown)
        for j, head in enumerate(named)
        if (row, head) in pairs
    }
    cut = len(rows) > _ROWS or len(heads) > _HEADS
    return dataclasses.replace(
        empty,
        heads=(empty.heads[0], *heads),
        rows=[(row, *(pairs.get((row, head), 0) for head in heads)) for row in rows],
        plot=lambda: heat(empty.title, shown, named, cells, unit=" users"),
        note="The table has all of them." if cut else "",
        dimension=axes[0],
    )


def _ordered(answers: Answers, dimension: str, values: set[str]) -> list[str]:
    order = {value: place for place, value in enumerate(answers.values(dimension))}
    return sorted(values, key=lambda value: (order.get(value, -1), value))
