"""Read the blocks of weeks that one transaction sees, each once; none in which something waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _blocks, _values
from otumat_usage.host._cells import FEATURE, Cell
from otumat_usage.host._days import BLOCK, block_of

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        self._waiting = {block_of(week) for week in waiting}
        self._read: dict[tuple[str, int, int], dict[int, _blocks.Sets]] = {}
        self._values: dict[tuple[str, int, int], dict[int, _values.Values]] = {}

    def pairs(self, first: int, last: int) -> list[tuple[int, _blocks.Sets]]:
        """Return of each block of a span who had which feature and version on one day."""
        return list(self._held(_blocks.PAIRS, first, last).items())

    def cells(self, dimension: str, first: int, last: int) -> dict[int, dict[str, Cell]]:
        """Return the cells of each value in each block of a span, by its first day."""
        if dimension == FEATURE:
            held = self._held(FEATURE, first, last).items()
            return {
                start: {name: Cell(events, None, n, bits) for (name, events, n), bits in sets}
                for start, sets in held
            }
        values = self.values(dimension, first, last).items()
        return {start: each.cells() for start, each in values}

    def values(self, dimension: str, first: int, last: int) -> dict[int, _values.Values]:
        """Return who had which values of a client's context in each block of a span."""
        span = (dimension, first, last)
        if span not in self._values:
            held = {} if dimension == FEATURE else self._held(dimension, first, last)
            self._values[span] = {start: _values.unpack(sets) for start, sets in held.items()}
        return self._values[span]

    def _held(self, kind: str, first: int, last: int) -> dict[int, _blocks.Sets]:
        if block_of(first + BLOCK - 1) > last - BLOCK + 1:
            return {}  # none has room in it
        span = (kind, first, last)
        if span not in self._read:
            found = _blocks.read(self._connection, self._package, *span)
            self._read[span] = {s: sets for s, sets in found.items() if s not in self._waiting}
        return self._read[span]
