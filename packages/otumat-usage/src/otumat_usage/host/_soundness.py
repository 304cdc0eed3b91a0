"""Refuse a backup with rows that no host would have written: it may come from a stranger.

What is wrong would be noticed only when it is counted or shown, by a host that then does neither;
and what is packed small can unfold to more than the machine holds.
"""

from __future__ import annotations

import dataclasses
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from otumat_usage.host._bitmaps import unpack_set
from otumat_usage.host._body import columns_of
from otumat_usage.host._database import func, literal, metadata, select
from otumat_usage.host._sql import Integer, LargeBinary, String, or_
from otumat_usage.host._wire import LIMITS, MAX_COUNT, OLDEST, SKEW, shaped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.host._database import Connection

__all__ = ["refuse_unsound"]

#: Beyond every instant in milliseconds, and every number of a run.
_LAST = 2**53


@dataclasses.dataclass(frozen=True, slots=True)
class _Item:
    reason: str
    row: int = 0
    rows: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class _Refused:
    rejected: list[_Item] = dataclasses.field(default_factory=list)
    dropped: dict[str, int] = dataclasses.field(default_factory=dict)


def refuse_unsound(connection: Connection, backup: Mapping[str, Any]) -> None:
    """Look at every row of *backup*, the tables as they are laid open on *connection*.

    Raises:
        ValueError: one is none that a host would write.
    """
    for name in metadata.tables:
        _refuse_kinds(connection, name, backup[name])
    _refuse_uploads(connection, backup)
    for name in ("rollup", "rollup_week", "rollup_mixed"):
        _refuse_sets(connection, name, backup)


def _refuse_kinds(connection: Connection, name: str, table: Any) -> None:
    """Refuse a table with values that are not of their columns; SQLite would hold any."""
    embedded = connection.dialect.name == "sqlite"
    wrong = []
    for column in table.c:
        kind, length = column.type, getattr(column.type, "length", None)
        if length and isinstance(kind, LargeBinary):  # ids and hashes
            wrong.append(func.length(column) != length)
        if embedded and length and isinstance(kind, String):
            wrong.append(func.length(column) > length)
        if embedded:
            binary = "blob" if isinstance(kind, LargeBinary) else "text"
            its = "integer" if isinstance(kind, Integer) else binary
            wrong.append(func.typeof(column).not_in((its, "null")))
    found = select(func.count()).select_from(table).where(or_(literal(value=False), *wrong))
    if connection.scalar(found):
        raise _none_such(name)


def _refuse_uploads(connection: Connection, backup: Mapping[str, Any]) -> None:
    features = _numbers(connection, backup["event_type"])
    contexts = _numbers(connection, backup["context"])
    nothing: frozenset[int] = frozenset()
    with _every(connection, select(backup["log"])) as rows:
        for row in rows:
            if not (
                row.context in contexts.get(row.package, nothing)
                and 0 <= row.span <= row.last < _LAST
                and _is_countable(row, features.get(row.package, nothing))
                and _is_refusal(row.refused)
            ):
                raise _none_such("log")


def _refuse_sets(connection: Connection, name: str, backup: Mapping[str, Any]) -> None:
    """Refuse sets of more installs than there ever were: of a few bytes, they are billions."""
    table = backup[name]
    ever = sum(
        int(connection.scalar(select(func.count()).select_from(backup[each])) or 0)
        for each in ("member", "tombstone")
    )
    with _every(connection, select(table.c.bits).where(table.c.bits.is_not(None))) as rows:
        for (bits,) in rows:
            if not bits or len(unpack_set(bits)) > ever:
                raise _none_such(name)


def _every(connection: Connection, statement: Any) -> Any:
    """Return the rows, a few at a time, and to be closed."""
    return connection.execute(statement.execution_options(yield_per=500))


def _is_countable(row: Any, features: frozenset[int]) -> bool:
    found = columns_of(row.body)
    steps, counts, properties = found.steps, found.counts, found.properties
    at = list(accumulate(steps, initial=row.received))
    columns = (found.kinds, counts, properties)
    return (
        0 <= row.received < _LAST
        and all(each is None or len(each) == len(steps) for each in columns)
        and features.issuperset(found.kinds)
        and (not counts or (min(counts) > 0 and max(counts) <= MAX_COUNT))
        and min(at) >= row.received - OLDEST
        and max(at) <= row.received + SKEW
    )


def _is_refusal(text: str) -> bool:
    if not text:
        return True
    if len(text) > LIMITS["body_bytes"]:
        return False
    told = shaped(text.encode(), _Refused)
    numbers = [each.rows for each in told.rejected] + list(told.dropped.values())
    return min(numbers, default=0) >= 0 and max(numbers, default=0) < 2**31


def _numbers(connection: Connection, table: Any) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    for package, number in connection.execute(select(table.c.package, table.c.id)):
        found.setdefault(package, set()).add(number)
    return {package: frozenset(numbers) for package, numbers in found.items()}


def _none_such(table: str) -> ValueError:
    return ValueError(f"a row in its table {table}")
