"""Put blocks of weeks together before somebody asks, in the time that counting leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _blocks
from otumat_usage.host._cells import ALL, FEATURE, VERSION, Cell
from otumat_usage.host._database import Locked, lock, packages, select, weeks
from otumat_usage.host._days import day_of
from otumat_usage.host._facts import Facts
from otumat_usage.host._one_day import crossed
from otumat_usage.host._wholes import by_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage.host._database import Connection, Database

__all__ = ["work_ahead"]

#: Days after its last one for which a block is left alone: most of what is still to come for it
#: comes in these, and would have it put together again.
_LATE = 3


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
            (package, start) for package in every for start in _missing(connection, package, now)
        ]
    made = 0
    for package, start in found:
        if stopping():
            break
        with database.beside() as connection:
            lock(connection, Locked.ROLLUPS)
            # Looked at again: what was read before the lock may have been changed since.
            if start in _missing(connection, package, now):
                facts = Facts(connection, package, counted=True)
                span = start, start + _blocks.DAYS - 1
                pairs = crossed(facts, FEATURE, VERSION, span)
                _blocks.keep(connection, package, start, _features(facts, *span), pairs)
                made += 1
    return made


def _features(facts: Facts, first: int, last: int) -> dict[str, Cell]:
    wholes = by_value(facts, FEATURE, first, last).items()
    return {feature: Cell(whole.events, whole.users) for feature, whole in wholes}


def _missing(connection: Connection, package: int, now: int) -> list[int]:
    """Return the first days of the blocks that can be put together and are not held."""
    ended = day_of(now) - _LATE - _blocks.DAYS
    told = select(weeks.c.day, weeks.c.bits.is_not(None)).where(
        (weeks.c.package == package) & (weeks.c.dimension == ALL)
    )
    kept: dict[int, bool] = {}
    for week, whole in connection.execute(told):
        start = _blocks.block_of(week)
        kept[start] = kept.get(start, True) and bool(whole)
    held = _blocks.starts(connection, package)
    return sorted(s for s, whole in kept.items() if whole and s <= ended and s not in held)
