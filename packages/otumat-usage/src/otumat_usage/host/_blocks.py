"""Hold, of four whole weeks at a time, sets that a question about a year would else put together.

A block tells nothing that its weeks' and days' cells do not. It is put together when there is time
(`_ahead`), and dropped with any change of a day in it; where there is none, whoever asks takes the
weeks. Of each block there is one row of each kind: the features and who used them (`FEATURE`), the
features and versions and who had both on one day (`PAIRS`), and for each dimension of a client's
context what `_values` says of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otumat_usage.host._bitmaps import BitMap, pack_set
from otumat_usage.host._cells import FEATURE
from otumat_usage.host._database import Connection, bindparam, blocks, delete, insert, select
from otumat_usage.host._days import BLOCK, block_of
from otumat_usage.host._prepared import Each, Prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "PAIRS",
    "Sets",
    "drop",
    "drop_before",
    "drop_since",
    "keep",
    "left_of",
    "read",
    "starts",
]

#: The kind of the sets of those who had a feature and a version on one day.
PAIRS = "pairs"
#: Sets, by `pack_set`, each behind what there is to tell of it.
Sets = list[tuple[list[Any], memoryview]]

_ours = blocks.c.package == bindparam("p")
_kind = _ours & (blocks.c.kind == bindparam("kind"))
_within = _kind & blocks.c.day.between(bindparam("first"), bindparam("last"))
_READ = Prepared(select(blocks.c.day, blocks.c.sets).where(_within))
_STARTS = Prepared(select(blocks.c.day).where(_kind))
_MAKE = Prepared(insert(blocks).values({c.name: bindparam(c.name) for c in blocks.c}))
_DROP = Each(
    lambda row: delete(blocks).where(
        (blocks.c.package == row["package"]) & (blocks.c.day == row["day"])
    ),
    blocks.c.package,
    blocks.c.day,
)


def read(connection: Connection, package: int, kind: str, first: int, last: int) -> dict[int, Sets]:
    """Return what is held of the blocks that lie within a span, by their first day."""
    asked = {"p": package, "kind": kind, "first": first, "last": last - BLOCK + 1}
    return {start: list(_unpack(data)) for start, data in _READ.rows(connection, **asked)}


def left_of(span: tuple[int, int], starts: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield what the blocks that begin on *starts* leave of *span*."""
    first, last = span
    for start in sorted(starts):
        if first < start:
            yield first, start - 1
        first = start + BLOCK
    if first <= last:
        yield first, last


def starts(connection: Connection, package: int) -> set[int]:
    """Return the first days of the blocks that are held."""
    return {start for (start,) in _STARTS.rows(connection, p=package, kind=FEATURE)}


def keep(
    connection: Connection,
    package: int,
    start: int,
    kinds: Mapping[str, Iterable[tuple[list[Any], BitMap]]],
) -> None:
    """Hold the block that begins on *start*.

    Args:
        connection: A connection inside the transaction that read what is to be held.
        package: Whose it is.
        start: Its first day.
        kinds: Of each kind its sets, and what there is to tell of each; one is `FEATURE`.
    """
    _MAKE.many(
        connection,
        [
            {"package": package, "kind": kind, "day": start, "sets": _pack(sets)}
            for kind, sets in kinds.items()
        ],
    )


def drop(connection: Connection, package: int, days: Iterable[int]) -> None:
    """Hold no block any more in which one of *days* is."""
    gone = {block_of(day) for day in days}
    _DROP.run(connection, [{"package": package, "day": start} for start in gone])


def drop_before(connection: Connection, package: int, day: int) -> None:
    """Hold no block any more that begins before *day*."""
    connection.execute(delete(blocks).where((blocks.c.package == package) & (blocks.c.day < day)))


def drop_since(connection: Connection, package: int, day: int) -> None:
    """Hold no block any more that ends on *day* or later."""
    gone = (blocks.c.package == package) & (blocks.c.day > day - BLOCK)
    connection.execute(delete(blocks).where(gone))


def _pack(each: Iterable[tuple[list[Any], BitMap]]) -> bytes:
    """Return a line that tells of each set all but the set, and its length; and then the sets."""
    told, sets = [], []
    for names, users in each:
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
