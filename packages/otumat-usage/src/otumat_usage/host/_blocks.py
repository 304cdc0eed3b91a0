"""Hold, of some whole weeks at a time, sets that a question about a year would else put together.

A block tells nothing that its weeks' and days' cells do not. It is put together when there is time
(`_ahead`), and dropped with any change of a day in it; where there is none, whoever asks takes
shorter ones, or the weeks. Of each block there is one row of each kind: the features and who used
them (`FEATURE`) and how many these were (`NUMBERS`), the features and versions and who had both on
one day (`PAIRS`), and for each dimension of a client's context what `_values` says of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otumat_usage.host._bitmaps import BitMap, pack_set
from otumat_usage.host._cells import FEATURE
from otumat_usage.host._database import Connection, bindparam, blocks, delete, insert, select
from otumat_usage.host._days import FOUR, block_of
from otumat_usage.host._prepared import Each, Prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "LENGTHS",
    "NUMBERS",
    "PAIRS",
    "Sets",
    "Span",
    "drop",
    "drop_before",
    "drop_since",
    "keep",
    "left_of",
    "read",
    "span_of",
    "spans",
]

#: Weeks of a block, longest first: a few of the one kind make one of the other.
LENGTHS = (4 * FOUR, FOUR)
#: The kind of the sets of those who had a feature and a version on one day.
PAIRS = "pairs"
#: The kind that tells of features what `FEATURE` does, without the sets.
NUMBERS = "numbers"
#: First and last day.
Span = tuple[int, int]
#: Sets, by `pack_set`, each behind what there is to tell of it.
Sets = list[tuple[list[Any], memoryview]]

_ours = blocks.c.package == bindparam("p")
_kind = _ours & (blocks.c.kind == bindparam("kind"))
_within = _kind & blocks.c.day.between(bindparam("first"), bindparam("last"))
_READ = Prepared(
    select(blocks.c.day, blocks.c.sets).where(_within & (blocks.c.weeks == bindparam("weeks")))
)
_SPANS = Prepared(select(blocks.c.day, blocks.c.weeks).where(_kind))
_MAKE = Prepared(insert(blocks).values({c.name: bindparam(c.name) for c in blocks.c}))
_DROP = Each(
    lambda row: delete(blocks).where(
        (blocks.c.package == row["package"])
        & (blocks.c.weeks == row["weeks"])
        & (blocks.c.day == row["day"])
    ),
    blocks.c.package,
    blocks.c.weeks,
    blocks.c.day,
)


def span_of(start: int, weeks: int) -> Span:
    """Return the first and last day of the *weeks* that begin on *start*."""
    return start, start + 7 * weeks - 1


def read(
    connection: Connection, package: int, kind: str, weeks: int, span: Span
) -> dict[Span, Sets]:
    """Return what is held of the blocks of so many *weeks* that lie within a span, by theirs."""
    first, last = span[0], span[1] - 7 * weeks + 1
    asked = {"p": package, "kind": kind, "weeks": weeks, "first": first, "last": last}
    if block_of(first + 7 * weeks - 1, weeks) > last:
        return {}  # none has room in it
    rows = _READ.rows(connection, **asked)
    return {span_of(start, weeks): list(_unpack(data)) for start, data in rows}


def left_of(span: Span, taken: Iterable[Span]) -> Iterator[Span]:
    """Yield what the spans *taken* leave of *span*, in which they lie."""
    first, last = span
    for start, end in sorted(taken):
        if first < start:
            yield first, start - 1
        first = end + 1
    if first <= last:
        yield first, last


def spans(connection: Connection, package: int) -> set[Span]:
    """Return the spans of the blocks that are held."""
    return {span_of(*row) for row in _SPANS.rows(connection, p=package, kind=FEATURE)}


def keep(
    connection: Connection,
    package: int,
    start: int,
    weeks: int,
    kinds: Mapping[str, Iterable[tuple[list[Any], BitMap]]],
) -> None:
    """Hold a block.

    Args:
        connection: A connection inside the transaction that read what is to be held.
        package: Whose it is.
        start: Its first day.
        weeks: How many it has.
        kinds: Of each kind its sets, and what there is to tell of each; one is `FEATURE`.
    """
    same = {"package": package, "day": start, "weeks": weeks}
    rows = ({**same, "kind": kind, "sets": _pack(sets)} for kind, sets in kinds.items())
    _MAKE.many(connection, rows)


def drop(connection: Connection, package: int, days: Iterable[int]) -> None:
    """Hold no block any more in which one of *days* is."""
    gone = {(block_of(day, weeks), weeks) for day in days for weeks in LENGTHS}
    rows = ({"package": package, "weeks": weeks, "day": start} for start, weeks in gone)
    _DROP.run(connection, rows)


def drop_before(connection: Connection, package: int, day: int) -> None:
    """Hold no block any more that begins before *day*."""
    connection.execute(delete(blocks).where((blocks.c.package == package) & (blocks.c.day < day)))


def drop_since(connection: Connection, package: int, day: int) -> None:
    """Hold no block any more that ends on *day* or later."""
    gone = (blocks.c.package == package) & (blocks.c.day + 7 * blocks.c.weeks > day)
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
