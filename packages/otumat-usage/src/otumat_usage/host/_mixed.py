"""Keep by week which features those used in which version who changed version within the week.

What a week's sets say of everybody else is true of each of their days; so with these few pairs a
table of features by versions reads weeks and no days. They are made from the cells of the week's
days and from nothing else: kept again whenever these change, cleared of whoever is erased.
"""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
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
    from collections.abc import Callable, Mapping

    from otumat_usage.host._cells import Cell

    #: Returns the cells of a dimension in one week, by day and value.
    Week = Callable[[str], dict[int, dict[str, Cell]]]

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


_ours = mixed.c.package == bindparam("p")
_one = _ours & (mixed.c.day == bindparam("n"))
_within = _ours & mixed.c.day.between(bindparam("first"), bindparam("last"))
_BETWEEN = Prepared(select(mixed.c.day, mixed.c.bits, mixed.c.pairs).where(_within))
_USERS = Prepared(select(mixed.c.day, mixed.c.bits).where(_ours))
_ONE = Prepared(select(mixed.c.bits, mixed.c.pairs).where(_one))
_MAKE = Prepared(insert(mixed).values({c.name: bindparam(c.name) for c in mixed.c}))
_CHANGE = Prepared(
    update(mixed).where(_one).values({"bits": bindparam("to_bits"), "pairs": bindparam("to_pairs")})
)
_DROP = Prepared(delete(mixed).where(_one))


def keep(connection: Connection, package: int, week: int, read: Week) -> None:
    """Keep what the days of *week*, a Monday, say now; nothing where nobody changed version."""
    found = _crossed(read)
    now = _ONE.rows(connection, p=package, n=week)
    if not found.users:
        if now:
            _DROP.run(connection, p=package, n=week)
        return
    bits, pairs = pack_set(found.users), _pack(found.pairs)
    if not now:
        _MAKE.run(connection, package=package, day=week, bits=bits, pairs=pairs)
    elif tuple(now[0]) != (bits, pairs):
        _CHANGE.run(connection, p=package, n=week, to_bits=bits, to_pairs=pairs)


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
        left = users - gone
        if not left:
            _DROP.run(connection, p=package, n=week)
            continue
        ((_, pairs),) = _ONE.rows(connection, p=package, n=week)
        rest = {pair: pack_few(unpack_few(n) - gone) for pair, n in _unpack(pairs).items()}
        kept = _pack({pair: numbers for pair, numbers in rest.items() if numbers})
        _CHANGE.run(connection, p=package, n=week, to_bits=pack_set(left), to_pairs=kept)


def drop_before(connection: Connection, package: int, day: int) -> None:
    """Keep nothing of the weeks that begin before *day*."""
    connection.execute(delete(mixed).where((mixed.c.package == package) & (mixed.c.day < day)))


def drop_since(connection: Connection, package: int, day: int) -> None:
    """Keep nothing of the weeks that begin on *day* or later."""
    connection.execute(delete(mixed).where((mixed.c.package == package) & (mixed.c.day >= day)))


def _crossed(read: Week) -> Mixed:
    """Return what the week's days say; nobody where a day's sets are no longer kept."""
    named, whole = read(VERSION), read(ALL)
    nothing = Mixed(BitMap(), {})
    days: dict[int, Sets] = {}
    by_week: dict[str, list[BitMap]] = defaultdict(list)
    for day, cells in whole.items():
        if cells[""].users is None:
            return nothing
        days[day] = _versions(cells[""], named.get(day, {}))
        for version, users in days[day].items():
            by_week[version].append(users)
    changed = in_several(map(union, by_week.values()))
    if not changed:
        return nothing
    pairs: dict[Pair, list[BitMap]] = defaultdict(list)
    for day, cells in read(FEATURE).items():
        versions = within(changed, days.get(day, {}))
        for feature, users in within(changed, sets_of(cells)).items():
            for version, theirs in versions.items():
                if both := users & theirs:
                    pairs[feature, version].append(both)
    return Mixed(changed, {pair: pack_few(union(some)) for pair, some in pairs.items()})


def _versions(whole: Cell, named: dict[str, Cell]) -> Sets:
    """Return who had which version on a day, or none."""
    sets = sets_of(named)
    nobody = (whole.users or BitMap()) - union(sets.values())
    return {**sets, UNKNOWN: nobody} if nobody else sets


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
