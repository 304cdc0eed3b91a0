"""Hold, of four whole weeks at a time, who used which feature, and in which version.

A block tells nothing that its weeks' and days' cells do not: it is there because a question about
a year would otherwise read each feature, and cross it with each version, once a week. It is put
together when there is time (`_ahead`), and dropped with any change of a day in it; where there is
none, whoever asks takes the weeks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otumat_usage.host._bitmaps import BitMap, pack_set
from otumat_usage.host._cells import Cell
from otumat_usage.host._database import Connection, bindparam, blocks, delete, insert, select
from otumat_usage.host._days import monday
from otumat_usage.host._prepared import Each, Prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "DAYS",
    "Block",
    "between",
    "block_of",
    "drop",
    "drop_before",
    "drop_since",
    "features",
    "keep",
    "left_of",
    "starts",
]

_WEEKS = 4
#: Days of a block.
DAYS = 7 * _WEEKS

#: Of each feature: who used it in which version, by `pack_set`.
Block = dict[str, list[tuple[str, memoryview]]]

_ours = blocks.c.package == bindparam("p")
_within = _ours & blocks.c.day.between(bindparam("first"), bindparam("last"))
_FEATURES = Prepared(select(blocks.c.day, blocks.c.features).where(_within))
_PAIRS = Prepared(select(blocks.c.day, blocks.c.pairs).where(_within))
_STARTS = Prepared(select(blocks.c.day).where(_ours))
_MAKE = Prepared(insert(blocks).values({c.name: bindparam(c.name) for c in blocks.c}))
_DROP = Each(
    lambda row: delete(blocks).where(
        (blocks.c.package == row["package"]) & (blocks.c.day == row["day"])
    ),
    blocks.c.package,
    blocks.c.day,
)


def block_of(day: int) -> int:
    """Return the Monday with which the block of *day* begins."""
    start = monday(day)
    return start - start // 7 % _WEEKS * 7


def between(connection: Connection, package: int, first: int, last: int) -> dict[int, Block]:
    """Return the blocks that are held of those that lie within a span, by their first day."""
    found = {}
    for start, data in _PAIRS.rows(connection, p=package, first=first, last=last - DAYS + 1):
        block = found[start] = Block()
        for (feature, version), bits in _unpack(data):
            block.setdefault(feature, []).append((version, bits))
    return found


def features(
    connection: Connection, package: int, first: int, last: int
) -> dict[int, dict[str, Cell]]:
    """Return the cells of every feature in these blocks, by their first day."""
    rows = _FEATURES.rows(connection, p=package, first=first, last=last - DAYS + 1)
    return {
        start: {
            feature: Cell(events, None, users, bits)
            for (feature, events, users), bits in _unpack(data)
        }
        for start, data in rows
    }


def left_of(span: tuple[int, int], starts: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield what the blocks that begin on *starts* leave of *span*."""
    first, last = span
    for start in sorted(starts):
        if first < start:
            yield first, start - 1
        first = start + DAYS
    if first <= last:
        yield first, last


def starts(connection: Connection, package: int) -> set[int]:
    """Return the first days of the blocks that are held."""
    return {start for (start,) in _STARTS.rows(connection, p=package)}


def keep(
    connection: Connection,
    package: int,
    start: int,
    cells: Mapping[str, Cell],
    crossed: Iterable[tuple[str, Mapping[str, BitMap]]],
) -> None:
    """Hold the block that begins on *start*.

    Args:
        connection: A connection inside the transaction that read what is to be held.
        package: Whose it is.
        start: Its first day.
        cells: Of each feature its events, and who used it.
        crossed: Of each feature who used it in which version.
    """
    told = (
        (feature, cell.events, cell.size, cell.users) for feature, cell in sorted(cells.items())
    )
    pairs = (
        (f, v, users)
        for f, by_version in sorted(crossed)
        for v, users in sorted(by_version.items())
    )
    _MAKE.run(connection, package=package, day=start, features=_pack(told), pairs=_pack(pairs))


def drop(connection: Connection, package: int, days: Iterable[int]) -> None:
    """Hold no block any more in which one of *days* is."""
    gone = {block_of(day) for day in days}
    _DROP.run(connection, [{"package": package, "day": start} for start in gone])


def drop_before(connection: Connection, package: int, day: int) -> None:
    """Hold no block any more that begins before *day*."""
    connection.execute(delete(blocks).where((blocks.c.package == package) & (blocks.c.day < day)))


def drop_since(connection: Connection, package: int, day: int) -> None:
    """Hold no block any more that ends on *day* or later."""
    gone = (blocks.c.package == package) & (blocks.c.day > day - DAYS)
    connection.execute(delete(blocks).where(gone))


def _pack(each: Iterable[tuple[Any, ...]]) -> bytes:
    """Return a line that tells of each set all but the set, and its length; and then the sets."""
    told, sets = [], []
    for *names, users in each:
        sets.append(pack_set(users))
        told.append((*names, len(sets[-1])))
    return b"\n".join((json.dumps(told, separators=(",", ":")).encode(), b"".join(sets)))


def _unpack(data: bytes) -> Iterator[tuple[list[Any], memoryview]]:
    """Undo `_pack`; no set is unpacked."""
    end = data.index(b"\n")
    rest, start = memoryview(data)[end + 1 :], 0
    for *names, length in json.loads(data[:end]):
        yield names, rest[start : start + length]
        start += length
