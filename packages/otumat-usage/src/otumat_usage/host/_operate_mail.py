"""Carry out the maintainer's commands about mails: who gets what, and what it would say now."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from otumat_usage.host import _alarms, _letters, _packages
from otumat_usage.host._database import Connection, Database
from otumat_usage.host._settings import recall
from otumat_usage.host._subscriptions import Subscription, subscribe, subscriptions, unsubscribe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from otumat_usage.host._letters import Letter
    from otumat_usage.host._packages import Package
    from otumat_usage.host._signs import Sign

__all__ = ["change", "look", "written"]

_LOCAL = "http://127.0.0.1:8080"


def _now() -> int:
    return time.time_ns() // 1_000_000


def change(
    folder: Path, name: str, addresses: Iterable[str], kinds: Sequence[str], *, on: bool
) -> list[Subscription]:
    """Change what *addresses* get, and return who gets what about package *name*.

    Args:
        folder: Where the host keeps its data.
        name: The package, in any spelling.
        addresses: Mail addresses; none changes nothing.
        kinds: Kinds of mail that exclude each other.
        on: Whether they get the first kind from now on, or none of them.
    """
    database = Database.open(folder)
    try:
        with database.write() as connection:
            package = _packages.find(connection, name)
            for address in addresses:
                if on:
                    subscribe(connection, package.id, address, kinds[0], _now())
                unsubscribe(connection, package.id, address, kinds[1:] if on else kinds)
            return subscriptions(connection, package.id)
    finally:
        database.close()


def written(folder: Path, name: str, every: str) -> Letter:
    """Return the report about package *name* that the last whole week or month gives."""
    with _asking(folder, name) as (connection, package):
        issuer = recall(connection, "url") or recall(connection, "serving") or _LOCAL
        period = _letters.last_period(every, _now())
        return _letters.report(connection, package, period, issuer)


def look(folder: Path, name: str) -> Iterable[Sign]:
    """Return how each sign of package *name* looks now."""
    with _asking(folder, name) as (connection, package):
        return _alarms.seen(connection, package, _now()).signs


@contextlib.contextmanager
def _asking(folder: Path, name: str) -> Iterator[tuple[Connection, Package]]:
    database = Database.open(folder)
    try:
        with database.read() as connection:
            yield connection, _packages.find(connection, name)
    finally:
        database.close()
