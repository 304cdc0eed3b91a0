"""Put the rows of a backup in the place of the store's, inside one transaction.

A backup says what was sent and how things were set. Who may come in is said by the store that it
replaces, as far as that is of the same host: a client holds the token that it got last, what was
revoked or used up since stays so, and who was erased since is erased again.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from otumat_usage.host import _kept_badges
from otumat_usage.host._database import (
    Locked,
    admin_links,
    api_tokens,
    auth_codes,
    blocks,
    delete,
    device_grants,
    families,
    func,
    insert,
    installs,
    lock,
    log,
    mails,
    metadata,
    packages,
    select,
    self_keys,
    sessions,
    settings,
    tokens,
    tombstones,
)
from otumat_usage.host._generation import begin_another
from otumat_usage.host._rights import erase
from otumat_usage.host._settings import remember
from otumat_usage.host._sql import MetaData
from otumat_usage.host._tombstones import mark_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from otumat_usage.host._database import Connection

    Tables = Mapping[str, Any]

__all__ = [
    "Loss",
    "Tables",
    "erased_of",
    "hold_all",
    "loss_by",
    "replace_all",
    "tables_in",
]

#: Of the same host, these stay as they are.
_STAYS = (sessions, admin_links, api_tokens)
#: These stay for installs that the backup has, too; it says them for installs that only it has.
_OF_INSTALLS = (auth_codes, families, tokens, self_keys, installs)
#: These stay for packages that the backup has.
_OF_PACKAGES = (device_grants, mails)
#: What running processes hold in memory; and a key that was changed after a theft stays changed.
_OF_PROCESSES = ("form_key", "serving")


@dataclasses.dataclass(frozen=True, slots=True)
class Loss:
    """What is in the store and not in a backup.

    Attributes:
        uploads: Uploads that came since.
        installs: Installs that were enrolled since.
        packages: Packages that were registered since.
        erased: Installs of the backup that were erased since; they will be again.
    """

    uploads: int = 0
    installs: int = 0
    packages: tuple[str, ...] = ()
    erased: int = 0

    def __bool__(self) -> bool:
        return bool(self.uploads or self.installs or self.packages)


def tables_in(place: str) -> Tables:
    """Return the tables that the store has, as they stand in another *place*."""
    other = MetaData()
    return {
        table.name: table.to_metadata(other, schema=place).alias(f"their_{table.name}")
        for table in metadata.sorted_tables
    }


def hold_all(connection: Connection) -> None:
    """Keep everybody else from writing anything until the commit; who reads is not held up."""
    if connection.dialect.name != "postgresql":
        return  # SQLite's one writer holds everything
    for number in (Locked.DICTIONARY, Locked.ROLLUPS, Locked.MAILS):
        lock(connection, number)
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    every = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
    connection.exec_driver_sql(f"LOCK TABLE {every} IN EXCLUSIVE MODE")


def loss_by(connection: Connection, backup: Tables) -> Loss:
    """Return what putting *backup* in place would lose."""
    theirs = backup["log"]
    same = [log.c[key.name] == theirs.c[key.name] for key in log.primary_key]
    uploads = select(func.count()).select_from(log).where(~select(theirs).where(*same).exists())
    new = _is_not_in(installs.c.id, backup["install"].c.id) & (installs.c.state != "pending")
    named = _is_not_in(packages.c.name, backup["package"].c.name)
    every = connection.scalars(select(backup["install"].c.id))
    gone = erased_of(connection)
    return Loss(
        int(connection.scalar(uploads) or 0),
        int(connection.scalar(select(func.count()).select_from(installs).where(new)) or 0),
        tuple(connection.scalars(select(packages.c.name).where(named).order_by(packages.c.name))),
        sum(mark_of(install) in gone for install in every),
    )


def erased_of(connection: Connection) -> frozenset[bytes]:
    """Return the marks of those who were erased from the store."""
    return frozenset(connection.scalars(select(tombstones.c.hash)))


def replace_all(connection: Connection, backup: Tables, gone: Collection[bytes] = ()) -> int:
    """Put the rows of *backup* in place; return how many installs of it were erased again.

    Args:
        connection: A connection in a transaction during which nobody else writes.
        backup: The tables with the rows.
        gone: Marks of those who were erased, where the store's own table does not say it.
    """
    gone = erased_of(connection) | frozenset(gone)
    earlier = {row.name: row.value for row in connection.execute(select(settings))}
    stays: tuple[Any, ...] = ()
    if earlier and _is_same_host(connection, backup):  # a new store is nobody's
        stays = (*_STAYS, *_OF_INSTALLS, *_OF_PACKAGES)
        _exchange_unknown(connection, backup)
    for table in metadata.sorted_tables:
        if table not in stays:
            connection.execute(delete(table))
            if table is not blocks:  # put together anew from the others, when there is time
                _take(connection, table, backup)
    _raise_sequence(connection)
    _set_again(connection, earlier)
    return _begin_with(connection, gone)


def _begin_with(connection: Connection, gone: Collection[bytes]) -> int:
    """Have what was put in place begin without those whose marks are *gone*; return their number.

    From the commit on, no process answers with what it remembers.
    """
    every = connection.scalars(select(installs.c.id)).all()
    again = [install for install in every if mark_of(install) in gone]
    for install in again:
        erase(connection, install)
    if missing := frozenset(gone) - erased_of(connection):
        connection.execute(insert(tombstones), [{"hash": mark} for mark in sorted(missing)])
    _kept_badges.forget(connection)
    begin_another(connection)
    return len(again)


def _is_same_host(connection: Connection, backup: Tables) -> bool:
    """Say whether each package of the backup is one of the store, under the same number."""
    theirs = backup["package"]
    ours = {(row.id, row.name) for row in connection.execute(select(packages))}
    known = select(theirs.c.id, theirs.c.name)
    return {(row.id, row.name) for row in connection.execute(known)} <= ours


def _exchange_unknown(connection: Connection, backup: Tables) -> None:
    """Drop those who came since the backup, and take those in of whom only the backup knows."""
    theirs = backup["install"].c.id
    for table in _OF_INSTALLS:  # the installs last: who is known is asked of them
        of = "id" if table is installs else "install"
        connection.execute(delete(table).where(_is_not_in(table.c[of], theirs)))
        _take(connection, table, backup, _is_not_in(backup[table.name].c[of], installs.c.id))
    # Whoever fetched their tokens with such a code would have some that open nothing.
    agreed = device_grants.c.state == "approved"
    homeless = _is_not_in(device_grants.c.install, installs.c.id)
    connection.execute(delete(device_grants).where(agreed & homeless))
    for table in _OF_PACKAGES:
        unknown = _is_not_in(table.c.package, backup["package"].c.id)
        connection.execute(delete(table).where(unknown))


def _is_not_in(column: Any, other: Any) -> Any:
    # NOT IN is a scan for each row on PostgreSQL once the other table is large.
    return ~select(other).where(other == column).correlate(column.table).exists()


def _take(connection: Connection, table: Any, backup: Tables, *which: Any) -> None:
    names = [column.name for column in table.c]
    rows = select(*(backup[table.name].c[name] for name in names)).where(*which)
    connection.execute(insert(table).from_select(names, rows))


def _set_again(connection: Connection, earlier: Mapping[str, str]) -> None:
    """Set what must not go back with the other settings."""
    for name in _OF_PROCESSES:
        if name in earlier:
            remember(connection, name, earlier[name])
    counters = select(settings).where(settings.c.name.startswith("rollups:"))
    now = {row.name: row.value for row in connection.execute(counters)}
    for name in {*now, *(name for name in earlier if name.startswith("rollups:"))}:
        # Else two states of the statistics would have one revision, and one answer.
        last = max(int(now.get(name, 0)), int(earlier.get(name, 0)))
        remember(connection, name, str(last + 1))


def _raise_sequence(connection: Connection) -> None:
    """Have the next package get a number that none has, where the engine counts by itself."""
    if connection.dialect.name == "postgresql":
        last = func.coalesce(select(func.max(packages.c.id)).scalar_subquery(), 0)
        following = func.nextval(func.pg_get_serial_sequence("package", "id"))
        name = func.pg_get_serial_sequence("package", "id")
        connection.execute(select(func.setval(name, func.greatest(last, following))))
