"""Hold, of four whole weeks at a time, who used which feature in which version.

A block tells nothing that its weeks' and days' cells do not: it is there because a question about
a year would otherwise cross each feature with each version once a week. It is put together when
there is time (`_ahead`), and dropped with any change of a day in it; where there is none, whoever
asks crosses the weeks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from otumat_usage.host._bitmaps import BitMap, pack_set
from otumat_usage.host._database import Connection, bindparam, blocks, delete, insert, select
from otumat_usage.host._days import monday
from otumat_usage.host._prepared import Each, Prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "DAYS",
    "Block",
    "between",
    "block_of",
    "drop",
    "drop_before",
    "drop_since",
    "keep",
    "starts",
]

_WEEKS = 4
#: Days of a block.
DAYS = 7 * _WEEKS

#: Of each feature: who used it in which version, by `pack_set`.
Block = dict[str, list[tuple[str, memoryview]]]

_ours = blocks.c.package == bindparam("p")
_BETWEEN = Prepared(
    select(blocks.c.day, blocks.c.pairs).where(
        _ours & blocks.c.day.between(bindparam("first"), bindparam("last"))
    )
)
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
    rows = _BETWEEN.rows(connection, p=package, first=first, last=last - DAYS + 1)
    return {start: _unpack(pairs) for start, pairs in rows}


def starts(connection: Connection, package: int) -> set[int]:
    """Return the first days of the blocks that are held."""
    return {start for (start,) in _STARTS.rows(connection, p=package)}


def keep(
    connection: Connection,
    package: int,
    start: int,
    crossed: Iterable[tuple[str, Mapping[str, BitMap]]],
) -> None:
    """Hold the block that begins on *start*: of each feature who used it in which version."""
    told, sets = [], []
    for feature, by_version in sorted(crossed):
        for version, users in sorted(by_version.items()):
            bits = pack_set(users)
            told.append((feature, version, len(bits)))
            sets.append(bits)
    line = json.dumps(told, separators=(",", ":")).encode()
    _MAKE.run(connection, package=package, day=start, pairs=b"\n".join((line, b"".join(sets))))


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


def _unpack(data: bytes) -> Block:
    end = data.index(b"\n")
    found: Block = {}
    rest, start = memoryview(data)[end + 1 :], 0
    for feature, version, length in json.loads(data[:end]):
        found.setdefault(feature, []).append((version, rest[start : start + length]))
        start += length
    return found
