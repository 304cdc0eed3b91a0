"""Put blocks of weeks together before somebody asks, in the time that counting leaves."""

from __future__ import annotations

import itertools
import operator
from typing import TYPE_CHECKING, Any

from otumat_usage.host import _blocks, _values
from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._cells import ALL, CONTEXT, FEATURE, VERSION
from otumat_usage.host._database import Locked, lock, packages, select, weeks
from otumat_usage.host._days import FOUR, block_of, day_of
from otumat_usage.host._facts import Facts
from otumat_usage.host._one_day import crossed
from otumat_usage.host._parts import in_several, within
from otumat_usage.host._wholes import by_value, latest, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otumat_usage.host._database import Connection, Database

__all__ = ["work_ahead"]

#: Days after its last one for which a block is left alone: most of what is still to come for it
#: comes in these, and would have it put together again.
_LATE = 3

#: Pairs of a feature and a version that one block holds at most: strangers may send a million, and
#: nobody writes while they are put together.
_MOST = 20_000


def work_ahead(database: Database, now: int, stopping: Callable[[], bool] = lambda: False) -> int:
    """Put together every block of the past that is not held; return how many these were.

    Each is a transaction of its own, of some milliseconds: it holds SQLite's only write lock.

    Args:
        database: The store.
        now: The present, in milliseconds.
        stopping: Asked between two blocks whether to leave the rest for another time.
    """
    with database.read() as connection:
        every = connection.scalars(select(packages.c.id)).all()
        found = [
            (package, block) for package in every for block in _missing(connection, package, now)
        ]
    made = 0
    for package, block in found:
        if stopping():
            break
        with database.beside() as connection:
            lock(connection, Locked.ROLLUPS)
            # Looked at again: what was read before the lock may have been changed since.
            if block in _missing(connection, package, now):
                _keep(connection, package, *block)
                made += 1
    return made


def _keep(connection: Connection, package: int, start: int, length: int) -> None:
    facts = Facts(connection, package, counted=True)
    span = _blocks.span_of(start, length)
    used = sorted(by_value(facts, FEATURE, *span).items())
    kinds: dict[str, list[tuple[list[Any], BitMap]]] = {
        FEATURE: [([name, each.events, len(each.users)], each.users) for name, each in used],
    }
    pairs = list(itertools.islice(_pairs(facts, span), _MOST + 1))
    if len(pairs) <= _MOST:  # in one order, so that the same block has the same bytes
        kinds[_blocks.PAIRS] = sorted(pairs, key=operator.itemgetter(0))
    if length == FOUR:  # which are the steps of a series
        kinds[_blocks.NUMBERS] = [(told, BitMap()) for told, _ in kinds[FEATURE]]
    for dimension in CONTEXT:
        sets = list(_values.pack(_context(facts, dimension, *span)))
        if len(sets) <= _values.MOST:
            kinds[dimension] = sets
    _blocks.keep(connection, package, start, length, kinds)


def _pairs(facts: Facts, span: _blocks.Span) -> Iterator[tuple[list[Any], BitMap]]:
    for name, sets in crossed(facts, FEATURE, VERSION, span):
        yield from (([name, version], users) for version, users in sets.items())


def _context(facts: Facts, dimension: str, first: int, last: int) -> _values.Values:
    days = together(facts, dimension, first, last).days
    moved = in_several(days.values()) | union(u for names, u in days.items() if len(names) > 1)
    found = latest(facts, dimension, first, last, None)
    events = {value: each.events for value, each in by_value(facts, dimension, first, last).items()}
    return _values.Values(events, days, within(moved, found))


def _missing(connection: Connection, package: int, now: int) -> list[tuple[int, int]]:
    """Return the first days and the weeks of the blocks that can be held and are not.

    The shortest first, of which the others are made.
    """
    told = select(weeks.c.day, weeks.c.bits.is_not(None)).where(
        (weeks.c.package == package) & (weeks.c.dimension == ALL)
    )
    kept: dict[tuple[int, int], bool] = {}
    for week, whole in connection.execute(told):
        for length in _blocks.LENGTHS:
            block = block_of(week, length), length
            kept[block] = kept.get(block, True) and bool(whole)
    held = _blocks.spans(connection, package)
    ended = day_of(now) - _LATE
    found = []
    for block, whole in kept.items():
        span = _blocks.span_of(*block)
        if whole and span[1] < ended and span not in held:
            found.append(block)
    return sorted(found, key=lambda block: block[::-1])
