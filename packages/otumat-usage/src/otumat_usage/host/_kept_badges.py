"""Keep ready what the badges of published packages say, so that to show one is a single look.

The leader makes it anew as soon as it is not the answer any more, once a minute at most. Where
it is too old, because nobody leads or counting takes long, a badge is worked out when it is
asked for. Only what has passed the gate is kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otumat_usage.host import _badges, _packages
from otumat_usage.host._answers import Answers
from otumat_usage.host._database import (
    Connection,
    Database,
    Locked,
    bindparam,
    delete,
    inbox,
    literal,
    lock,
    packages,
    select,
    settings,
)
from otumat_usage.host._days import day_of
from otumat_usage.host._errors import PackageInvalid
from otumat_usage.host._failures import isolated
from otumat_usage.host._generation import generation
from otumat_usage.host._prepared import Prepared
from otumat_usage.host._settings import remember
from otumat_usage.host._sql import String

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["forget", "keep", "said"]

_NAME = "badges:"
#: Milliseconds for which what was overtaken is said, and after which it is to be made anew.
_SAID, _ANEW = 180_000, 60_000


def _value(kind: str) -> Any:
    named = settings.c.name == literal(kind).concat(packages.c.id.cast(String))
    return select(settings.c.value).where(named).scalar_subquery()


# No joins: PostgreSQL takes longer to plan them than to find the rows.
_EVERY = select(
    packages.c.id,
    _value(_NAME),
    _value("rollups:"),
    select(inbox.c.package).where(inbox.c.package == packages.c.id).exists(),
).where(_value("published:") == literal("yes"))
_ALL = Prepared(_EVERY)
_ONE = Prepared(_EVERY.where(packages.c.name == bindparam("name")))


def said(connection: Connection, name: str, now: int) -> Mapping[str, int | None] | None:
    """Return how many users the badges of package *name* tell, by metric: in one statement.

    None where nothing of that name is published; nothing where they must be worked out.
    """
    try:
        asked = _packages.checked_name(name)
    except PackageInvalid:
        return None
    for _, kept, *counted in _ONE.rows(connection, name=asked):
        return _told(kept, counted, now, _SAID)
    return None


def keep(database: Database, now: int, stopping: Callable[[], bool] = lambda: False) -> int:
    """Make anew what is not the answer any more, as of *now*; return of how many packages.

    A package that cannot be read keeps no other waiting: what went wrong is raised at the end.
    """
    made: dict[int, str] = {}
    failed: list[Exception] = []
    with database.read() as connection:
        store = generation(connection)
        for package, kept, *counted in _ALL.rows(connection):
            if stopping():
                break
            with isolated(failed):
                if _told(kept, counted, now, _ANEW).keys() != _badges.METRICS.keys():
                    made[package] = _made(connection, package, counted, now)
    if made:
        with database.beside() as connection:
            lock(connection, Locked.ROLLUPS)
            if generation(connection) != store:  # a backup came between: they may be others'
                return 0
            for package, text in made.items():
                remember(connection, f"{_NAME}{package}", text)
    if failed:
        raise failed[0]
    return len(made)


def forget(connection: Connection) -> None:
    """Have all of it worked out, until it is made anew."""
    connection.execute(delete(settings).where(settings.c.name.startswith(_NAME)))


def _made(connection: Connection, package: int, counted: list[Any], now: int) -> str:
    answers = Answers(connection, _packages.by_id(connection, package), now)
    users = {metric: _badges.users(metric, answers) for metric in _badges.METRICS}
    return json.dumps({"at": now, "counted": counted, "users": users})


def _told(kept: str | None, counted: list[Any], now: int, age: int) -> dict[str, int | None]:
    """Return what is *kept* where it may be said: it is of today, and is the answer, or was.

    Args:
        kept: What `_made` returned.
        counted: The revision of what is counted now, and whether uploads wait to be.
        now: The present.
        age: For how many milliseconds it may be said after it was overtaken.
    """
    if kept is None:
        return {}
    found = json.loads(kept)
    is_answer = counted == found["counted"] and not counted[1]
    is_young = abs(now - found["at"]) < age  # or later: the clocks of two machines differ
    of_today = day_of(now) == day_of(found["at"])
    users: dict[str, int | None] = found["users"]
    return users if of_today and (is_answer or is_young) else {}
