"""Make and take the keys of a user's own page: a link that works once, then a short session.

An installation has one key at most: a new link ends the one before it and the session
that it opened, and opening a link trades it for the session. Only hashes are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._database import Connection, delete, insert, select, self_keys
from otumat_usage.host._secrets import digest, install_of, mint

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["LINK_LIFE", "SESSION_LIFE", "end", "new_link", "open_session", "owner_of"]

#: In milliseconds.
LINK_LIFE = 300_000
SESSION_LIFE = 900_000


def new_link(connection: Connection, install: bytes, now: int) -> str:
    """Return the secret of a link for *install* that opens its page once, in five minutes."""
    return _renew(connection, "sl", install, now + LINK_LIFE)


def open_session(connection: Connection, link: str, now: int) -> str | None:
    """Trade *link* for the secret of a session, None when it is used up, over or none."""
    install = _owner(connection, "sl", link, now)
    return None if install is None else _renew(connection, "ss", install, now + SESSION_LIFE)


def owner_of(connection: Connection, session: str, now: int) -> bytes | None:
    """Return the install whose page *session* opens, None when it opens none."""
    return _owner(connection, "ss", session, now)


def end(connection: Connection, install: bytes) -> None:
    """End whatever opens the page of *install*."""
    connection.execute(delete(self_keys).where(self_keys.c.install == install))


def _renew(connection: Connection, kind: Literal["sl", "ss"], install: bytes, expires: int) -> str:
    end(connection, install)
    secret = mint(kind, install)
    row = {"install": install, "hash": digest(secret), "expires": expires}
    connection.execute(insert(self_keys).values(row))
    return secret


def _owner(
    connection: Connection, kind: Literal["sl", "ss"], secret: str, now: int
) -> bytes | None:
    install = install_of(secret, kind)
    mine = (self_keys.c.install == install) & (self_keys.c.hash == digest(secret))
    found = connection.scalar(select(self_keys.c.expires).where(mine))
    return install if found is not None and found > now else None
