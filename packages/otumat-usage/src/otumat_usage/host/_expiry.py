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

import functools
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
    from collections.abc import Callable, Sequence

    from otumat_usage.host._database import Database

    _Step = Callable[[Connection, int, int], int]

__all__ = ["sweep", "sweep_all"]

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
        with database.beside() as connection:
            swept = sweep(connection, now)
        gone += swept
        if swept < CHUNK:
            break
    return gone


def sweep(connection: Connection, now: int, most: int = CHUNK) -> int:
    """Delete at most *most* rows that have expired as of *now* (ms); return how many."""
    steps: tuple[tuple[_Step, int], ...] = (
        (functools.partial(_tokens, "access"), now),
        (functools.partial(_tokens, "client"), now),
        (functools.partial(_tokens, "refresh"), now - _REFRESH_KEPT),
        (functools.partial(_unfetched, auth_codes), now - _CODE_KEPT),
        (functools.partial(_unfetched, device_grants), now - DEVICE_LIFE),
        (functools.partial(_of_installs, self_keys), now),
        (functools.partial(_plain, sessions), now),
        (functools.partial(_plain, admin_links), now),
    )
    gone = 0
    for step, expired in steps:
        if gone >= most:
            break
        gone += step(connection, expired, most - gone)
    return gone


def _tokens(kind: str, connection: Connection, now: int, most: int) -> int:
    found = _drop(connection, tokens, now, most, kind=kind)
    # An access token never is the last of its family: what renews it is kept for longer.
    ended = {(row.install, row.family) for row in found} if kind != "access" else set()
    for install, family in ended:
        mine = (tokens.c.install == install) & (tokens.c.family == family)
        if connection.execute(select(tokens.c.hash).where(mine).limit(1)).first() is None:
            ours = (families.c.install == install) & (families.c.id == family)
            connection.execute(delete(families).where(ours))
    return len(found)


def _unfetched(table: Any, connection: Connection, now: int, most: int) -> int:
    """Delete codes or device grants, and the installs that never fetched their tokens."""
    found = _drop(connection, table, now, most)
    if found:
        pending = (installs.c.id == bindparam("key")) & (installs.c.state == "pending")
        keys = [{"key": row.install} for row in found]
        connection.execute(delete(installs).where(pending), keys)
    return len(found)


def _of_installs(table: Any, connection: Connection, now: int, most: int) -> int:
    return len(_drop(connection, table, now, most))


def _plain(table: Any, connection: Connection, now: int, most: int) -> int:
    old = select(table.c.hash).where(table.c.expires <= now).limit(most)
    found = [{"key": row.hash} for row in connection.execute(old)]
    if found:
        connection.execute(delete(table).where(table.c.hash == bindparam("key")), found)
    return len(found)


def _drop(
    connection: Connection, table: Any, now: int, most: int, *, kind: str | None = None
) -> Sequence[Any]:
    """Delete at most *most* rows of an install's *table*, the oldest first; return them."""
    old = select(table).where(table.c.expires <= now).order_by(table.c.expires).limit(most)
    if kind is not None:
        old = old.where(table.c.kind == kind)
    found = connection.execute(old).all()
    if found:
        mine = (table.c.install == bindparam("owner")) & (table.c.hash == bindparam("key"))
        keys = [{"owner": row.install, "key": row.hash} for row in found]
        connection.execute(delete(table).where(mine), keys)
    return found
