"""Delete credentials that can do nothing any more, a bounded number at a time.

Access tokens and the secrets of 0.3 clients go when they expire; codes and device grants
soon after, and with them the installs that were agreed to and never came to fetch their
tokens; sessions and links, an admin's and a user's own, when they expire.

A refresh token stays for as long as its family may live after it was made: whoever
presents a retired one holds a copy, and only its row can say so (RFC 9700, 4.14.2).
The family is older than the token, so by then it has ended, and nothing that a thief
could have made of the copy is good for anything. The last row takes the family along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otumat_usage.host._database import (
    Connection,
    admin_links,
    auth_codes,
    bindparam,
    delete,
    device_grants,
    families,
    installs,
    select,
    self_keys,
    sessions,
    tokens,
)
from otumat_usage.host._device_grants import DEVICE_LIFE
from otumat_usage.host._grants import FAMILY_LIFE, IDLE_LIFE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from otumat_usage.host._database import Database

    _Then = Callable[[Connection, Sequence[Any]], None]

__all__ = ["owners", "sweep", "sweep_all"]

#: Rows of one transaction: it holds SQLite's only write lock, and nobody should notice.
CHUNK = 1000
#: Transactions of one pass: after an outage, counting must not wait for all of it.
ROUNDS = 20
#: Milliseconds that a code is kept after its end: used again so late, its tokens are revoked.
_CODE_KEPT = 86_400_000
#: A refresh token lives for `IDLE_LIFE` at most, its family for `FAMILY_LIFE`.
_REFRESH_KEPT = FAMILY_LIFE - IDLE_LIFE


def sweep_all(database: Database, now: int, stopping: Callable[[], bool] = lambda: False) -> int:
    """Delete what has expired in transactions of `CHUNK` rows; return how many rows went."""
    gone = 0
    for _ in range(ROUNDS):
        if stopping():
            break
        with database.read() as connection:
            theirs = owners(connection, now)
        # An erasure, or a refresh, changes the same rows in another order: only who names the
        # installs waits for them, and never in a circle.
        with database.write(theirs) as connection:
            swept = sweep(connection, now, among=theirs)
        gone += swept
        if swept < CHUNK:
            break
    return gone


def owners(connection: Connection, now: int, most: int = CHUNK) -> set[bytes]:
    """Return the installs of the rows that `sweep` would delete."""
    found: set[bytes] = set()
    for table, kind, expired, _ in _owned(now):
        rows = connection.execute(_old(table, kind, expired, most)).all()
        most -= len(rows)
        found.update(row.install for row in rows)
    return found


def sweep(
    connection: Connection, now: int, most: int = CHUNK, *, among: Collection[bytes] | None = None
) -> int:
    """Delete at most *most* rows that have expired as of *now* (ms); return how many.

    Args:
        connection: A connection inside a write transaction.
        now: The present.
        most: How many rows.
        among: The installs whose rows may go; None for all.
    """
    left = most
    for table, kind, expired, then in _owned(now):
        rows = connection.execute(_old(table, kind, expired, left)).all()
        found = [row for row in rows if among is None or row.install in among]
        _delete(connection, table, found)
        then(connection, found)
        left -= len(found)
    for table in (sessions, admin_links):
        left -= _plain(table, connection, now, left)
    return most - left


def _owned(now: int) -> tuple[tuple[Any, str | None, int, _Then], ...]:
    """Return the tables of installs, of which kind, expired when, and what goes with a row."""
    return (
        # An access token never is the last of its family: what renews it is kept for longer.
        (tokens, "access", now, _nothing),
        (tokens, "client", now, _families),
        (tokens, "refresh", now - _REFRESH_KEPT, _families),
        (auth_codes, None, now - _CODE_KEPT, _unfetched),
        (device_grants, None, now - DEVICE_LIFE, _unfetched),
        (self_keys, None, now, _nothing),
    )


def _old(table: Any, kind: str | None, expired: int, most: int) -> Any:
    """Return what finds at most *most* rows, the oldest first."""
    old = select(table).where(table.c.expires <= expired).order_by(table.c.expires).limit(most)
    return old if kind is None else old.where(table.c.kind == kind)


def _delete(connection: Connection, table: Any, found: Sequence[Any]) -> None:
    if found:
        mine = (table.c.install == bindparam("owner")) & (table.c.hash == bindparam("key"))
        keys = [{"owner": row.install, "key": row.hash} for row in found]
        connection.execute(delete(table).where(mine), keys)


def _nothing(_connection: Connection, _found: Sequence[Any]) -> None:
    """Leave everything else as it is."""


def _families(connection: Connection, found: Sequence[Any]) -> None:
    """Delete the families of which these tokens were the last."""
    for install, family in {(row.install, row.family) for row in found}:
        mine = (tokens.c.install == install) & (tokens.c.family == family)
        if connection.execute(select(tokens.c.hash).where(mine).limit(1)).first() is None:
            ours = (families.c.install == install) & (families.c.id == family)
            connection.execute(delete(families).where(ours))


def _unfetched(connection: Connection, found: Sequence[Any]) -> None:
    """Delete the installs that never fetched their tokens with these codes or device grants."""
    if found:
        pending = (installs.c.id == bindparam("key")) & (installs.c.state == "pending")
        keys = [{"key": row.install} for row in found]
        connection.execute(delete(installs).where(pending), keys)


def _plain(table: Any, connection: Connection, now: int, most: int) -> int:
    old = select(table.c.hash).where(table.c.expires <= now).limit(most)
    found = [{"key": row.hash} for row in connection.execute(old)]
    if found:
        connection.execute(delete(table).where(table.c.hash == bindparam("key")), found)
    return len(found)
