"""Count the uploads that wait to be counted for whoever asks now; nothing of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otumat_usage.host._cells import LOST, Cell, Cells, Key
from otumat_usage.host._database import Connection, func, members, select
from otumat_usage.host._rollups import lost_by, names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["count"]


def count(
    connection: Connection, package: int, found: Sequence[Any]
) -> tuple[dict[Key, Cell], dict[bytes, int]]:
    """Return the cells of what was *found* to wait, and the numbers lent to new installs.

    Args:
        connection: A connection inside the transaction that found it.
        package: Whose uploads.
        found: Rows of `_rollups.tail`.
    """
    if not found:
        return {}, {}
    fresh = _free(connection, package, {row[0] for row in found if row[-1] is None})
    cells = Cells(names_of(connection, package))
    for row in found:
        cells.add(row, row[-1] or fresh[row[0]])
    counted = cells.found()
    if lost := lost_by(connection, package, found):
        counted[LOST] = Cell(lost)
    return counted, fresh


def _free(connection: Connection, package: int, installs: set[bytes]) -> dict[bytes, int]:
    """Return free numbers, for now, for *installs* that have none yet."""
    ours = members.c.package == package
    last = connection.scalar(select(func.max(members.c.number)).where(ours)) or 0
    return {install: number for number, install in enumerate(sorted(installs), last + 1)}
