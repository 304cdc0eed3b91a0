"""Keep by week which features those used in which version who changed version within the week.

What a week's sets say of everybody else is true of each of their days; so with these few pairs a
table of features by versions reads weeks and no days. They are made from the cells of the week's
days and from nothing else: kept again whenever these change, cleared of whoever is erased.
"""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from otumat_usage.host._bitmaps import BitMap, pack_few, pack_set, union, unpack_few, unpack_set
from otumat_usage.host._cells import ALL, FEATURE, VERSION
from otumat_usage.host._database import (
    Connection,
    bindparam,
    delete,
    insert,
    mixed,
    select,
    update,
)
from otumat_usage.host._filters import UNKNOWN
from otumat_usage.host._parts import Sets, in_several, sets_of, within
from otumat_usage.host._prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from otumat_usage.host._cells import Cell

    #: Returns the cells of a dimension from one day to another, by day and value.
    Read = Callable[[str, int, int], dict[int, dict[str, Cell]]]

__all__ = ["Mixed", "between", "clear", "drop_before", "drop_since", "keep"]

#: A feature and a version.
Pair = tuple[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Mixed:
    """Who had more than one version in a week, none counted as one, and what they used in which.

    Attributes:
        users: They.
        pairs: Who of them had a feature and a version on one day, by `pack_few`.
    """

    users: BitMap
    pairs: Mapping[Pair, bytes]

    def only(self, some: BitMap) -> Iterator[tuple[Pair, bytes]]:
        """Yield the pairs of *some* of them, who may be all."""
        if self.users.issubset(some):
            yield from self.pairs.items()
            return
        for pair, numbers in self.pairs.items():
            if left := unpack_few(numbers) & some:
                yield pair, pack_few(left)


_ours = mixed.c.package == bindparam("p")
_one = _ours & (mixed.c.day == bindparam("n"))
_within = _ours & mixed.c.day.between(bindparam("first"), bindparam("last"))
_BETWEEN = Prepared(select(mixed.c.day, mixed.c.bits, mixed.c.pairs).where(_within))
_USERS = Prepared(select(mixed.c.day, mixed.c.bits).where(_ours))
_MAKE = Prepared(insert(mixed).values({c.name: bindparam(c.name) for c in mixed.c}))
_CHANGE = Prepared(
    update(mixed).where(_one).values({"bits": bindparam("to_bits"), "pairs": bindparam("to_pairs")})
)
_DROP = Prepared(delete(mixed).where(_one))


def keep(
    connection: Connection, package: int, week: int, read: Read, counted: BitMap | None = None
) -> None:
    """Keep what the days of *week*, a Monday, say now; nothing where nobody changed version.

    Args:
        connection: A connection inside the transaction that changed the days.
        package: Whose they are.
        week: The Monday.
        read: Returns the cells of a dimension from one day to another.
        counted: Those for whom anything was added to these days; None when it may be everybody.
    """
    days = _days(read, week)
    changed = _changed(days)
    now = between(connection, package, week, week).get(week)
    if not changed:
        if now:
            _DROP.run(connection, p=package, n=week)
    elif now is None:
        kept = {"bits": pack_set(changed), "pairs": _pack(_crossed(days, changed, read))}
        _MAKE.run(connection, package=package, day=week, **kept)
    else:
        stale = changed if counted is None else (changed & counted) | (changed - now.users)
        if stale or changed != now.users:
            pairs = _without(now.pairs, now.users & (stale | (now.users - changed)))
            for pair, some in _crossed(days, stale, read).items():
                pairs[pair] = pack_few(unpack_few(pairs.get(pair, b"") + some))
            _change(connection, package, week, changed, pairs)


def between(connection: Connection, package: int, first: int, last: int) -> dict[int, Mixed]:
    """Return what is kept of the weeks that begin in a span."""
    rows = _BETWEEN.rows(connection, p=package, first=first, last=last)
    return {week: Mixed(unpack_set(bits), _unpack(pairs)) for week, bits, pairs in rows}


def clear(connection: Connection, package: int, gone: BitMap) -> None:
    """Take everybody in *gone* out of every week."""
    for week, bits in _USERS.rows(connection, p=package):
        users = unpack_set(bits)
        if users.isdisjoint(gone):
            continue
        if left := users - gone:
            now = between(connection, package, week, week)[week]
            _change(connection, package, week, left, _without(now.pairs, gone))
        else:
            _DROP.run(connection, p=package, n=week)


def drop_before(connection: Connection, package: int, day: int) -> None:
    """Keep nothing of the weeks that begin before *day*."""
    connection.execute(delete(mixed).where((mixed.c.package == package) & (mixed.c.day < day)))


def drop_since(connection: Connection, package: int, day: int) -> None:
    """Keep nothing of the weeks that begin on *day* or later."""
    connection.execute(delete(mixed).where((mixed.c.package == package) & (mixed.c.day >= day)))


def _change(
    connection: Connection, package: int, week: int, users: BitMap, pairs: Mapping[Pair, bytes]
) -> None:
    bits = pack_set(users)
    _CHANGE.run(connection, p=package, n=week, to_bits=bits, to_pairs=_pack(pairs))


def _without(pairs: Mapping[Pair, bytes], gone: BitMap) -> dict[Pair, bytes]:
    if not gone:
        return dict(pairs)
    left = {pair: pack_few(unpack_few(numbers) - gone) for pair, numbers in pairs.items()}
    return {pair: numbers for pair, numbers in left.items() if numbers}


def _days(read: Read, week: int) -> dict[int, Sets]:
    """Return who had which version on each day, or none; no day where sets are no longer kept."""
    named, found = read(VERSION, week, week + 6), {}
    for day, cells in read(ALL, week, week + 6).items():
        whole = cells[""].users
        if whole is None:
            return {}
        sets = sets_of(named.get(day, {}))
        nobody = whole - union(sets.values())
        found[day] = {**sets, UNKNOWN: nobody} if nobody else sets
    return found


def _changed(days: Mapping[int, Sets]) -> BitMap:
    """Return who had more than one version, none counted as one."""
    by_week: dict[str, list[BitMap]] = defaultdict(list)
    for version, users in chain.from_iterable(sets.items() for sets in days.values()):
        by_week[version].append(users)
    return in_several(map(union, by_week.values()))


def _crossed(days: Mapping[int, Sets], some: BitMap, read: Read) -> dict[Pair, bytes]:
    """Return who of *some* had a feature and a version on one day, from the days they came."""
    pairs: dict[Pair, list[BitMap]] = defaultdict(list)
    for day, sets in days.items():
        versions = within(some, sets)
        cells = read(FEATURE, day, day).get(day, {}) if versions else {}
        for feature, users in within(some, sets_of(cells)).items():
            for version, theirs in versions.items():
                if both := users & theirs:
                    pairs[feature, version].append(both)
    return {pair: pack_few(union(sets)) for pair, sets in pairs.items()}


def _pack(pairs: Mapping[Pair, bytes]) -> bytes:
    """Return a line that names each pair and says how long its numbers are, and then these."""
    told = sorted(pairs.items())
    line = json.dumps([(*pair, len(numbers)) for pair, numbers in told], separators=(",", ":"))
    return b"\n".join((line.encode(), b"".join(numbers for _, numbers in told)))


def _unpack(data: bytes) -> dict[Pair, bytes]:
    """Undo `_pack`."""
    line, _, rest = data.partition(b"\n")
    start, found = 0, {}
    for feature, version, length in json.loads(line):
        found[feature, version] = rest[start : start + length]
        start += length
    return found
