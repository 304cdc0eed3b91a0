"""Read the blocks of weeks that one transaction sees, each once; none in which something waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._blocks import LENGTHS, NUMBERS, PAIRS, Sets, Span, left_of, read
from otumat_usage.host._cells import FEATURE, Cell
from otumat_usage.host._days import FOUR
from otumat_usage.host._values import Values, unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otumat_usage.host._database import Connection

__all__ = ["HeldBlocks"]


class HeldBlocks:
    """What is held of the blocks of one package.

    Args:
        connection: A connection inside the transaction.
        package: The package's number.
        waiting: The Mondays of the weeks for which something waits to be counted.
    """

    def __init__(self, connection: Connection, package: int, waiting: Iterable[int]) -> None:
        self._connection = connection
        self._package = package
        self._waiting = set(waiting)
        self._read: dict[tuple[str, Span], dict[Span, Sets]] = {}
        self._values: dict[tuple[str, Span], dict[Span, Values]] = {}

    def pairs(self, span: Span) -> dict[Span, Sets]:
        """Return of the blocks of a span who had which feature and version on one day."""
        return self._held(PAIRS, span)

    def numbers(self, span: Span) -> dict[int, dict[str, Cell]]:
        """Return the cells of the features of each four weeks of a span, without the sets."""
        return {
            start: {name: Cell(events, None, users) for (name, events, users), _ in sets}
            for (start, _), sets in self._held(NUMBERS, span, (FOUR,)).items()
        }

    def cells(self, dimension: str, span: Span) -> dict[Span, dict[str, Cell]]:
        """Return the cells of each value in each block of a span."""
        if dimension == FEATURE:
            return {
                block: {
                    name: Cell(events, None, users, bits) for (name, events, users), bits in sets
                }
                for block, sets in self._held(FEATURE, span).items()
            }
        return {block: each.cells() for block, each in self.values(dimension, span).items()}

    def values(self, dimension: str, span: Span) -> dict[Span, Values]:
        """Return who had which values of a client's context in each block of a span."""
        if (dimension, span) not in self._values:
            held = {} if dimension == FEATURE else self._held(dimension, span)
            self._values[dimension, span] = {block: unpack(sets) for block, sets in held.items()}
        return self._values[dimension, span]

    def _held(self, kind: str, span: Span, lengths: Sequence[int] = LENGTHS) -> dict[Span, Sets]:
        """Return what is held, of the longest blocks that there are."""
        if (kind, span) not in self._read:
            found: dict[Span, Sets] = {}
            for weeks in lengths:
                for left in list(left_of(span, found)):
                    held = read(self._connection, self._package, kind, weeks, left).items()
                    found.update((block, sets) for block, sets in held if self._is_whole(block))
            self._read[kind, span] = found
        return self._read[kind, span]

    def _is_whole(self, block: Span) -> bool:
        return not any(block[0] <= week <= block[1] for week in self._waiting)
