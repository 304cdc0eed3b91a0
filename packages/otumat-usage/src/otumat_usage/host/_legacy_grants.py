"""Hold the state of what 0.3 clients were granted: an id and a secret each, tokens that stay.

Such a client is confidential: with every refresh it proves itself by a secret of its
own (RFC 6749, 2.3.1), so its refresh token need not rotate (RFC 9700, 2.2.2), and must
not: each login shell of its user starts another uploader, which keeps in memory the
token that it once read. With rotation the second of them would look like a thief.

Its grant carries the scope `usage:legacy`, which no request can ask for. That keeps the
two wires apart: no token of the one is good for anything of the other.
"""

from __future__ import annotations

import base64
import dataclasses
import uuid
from typing import TYPE_CHECKING

from otumat_usage.host import _packages
from otumat_usage.host._database import Connection, installs, select, tokens, update
from otumat_usage.host._grants import (
    FAMILY_LIFE,
    IDLE_LIFE,
    LEGACY_SCOPE,
    Family,
    Pair,
    Refusal,
    lookup,
)
from otumat_usage.host._secrets import digest, install_of, mint, new_id

if TYPE_CHECKING:
    from otumat_usage.host._web import Request

__all__ = ["Client", "Credentials", "client_of", "grant", "refresh"]

_SCOPE = f"{LEGACY_SCOPE} usage:self"


@dataclasses.dataclass(frozen=True, slots=True)
class Client:
    """What a 0.3 client proves itself by."""

    id: str
    secret: str


@dataclasses.dataclass(frozen=True, slots=True)
class Credentials:
    """All that a 0.3 client is given, once."""

    client: Client
    pair: Pair


def grant(connection: Connection, install: bytes, now: int) -> Credentials:
    """Activate *install* and return its tokens, with the secret that renews them."""
    family = Family(connection, install, new_id(), now)
    pair = family.open(_SCOPE)
    secret = mint("cs", install)
    family.save(secret, "client", 0, _SCOPE, now + FAMILY_LIFE)
    return Credentials(Client(str(uuid.UUID(bytes=install)), secret), pair)


def client_of(request: Request) -> Client | None:
    """Return the client that *request* names by HTTP Basic, None where it is none of ours."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except ValueError:  # no base64, no UTF-8, or a header that is no ASCII
        return None
    install = install_of(secret, "cs")
    if install is None or name != str(uuid.UUID(bytes=install)):
        return None
    return Client(name, secret)


def refresh(connection: Connection, client: Client, token: str, now: int) -> Pair | Refusal:
    """Return a new access token for *client*, and its refresh token, which stays the same."""
    proven = lookup(connection, client.secret, "cs", now)
    if proven is None or not _is_taken(connection, proven[1].install):
        return Refusal("invalid_client", "this client is not known here, or no longer taken")
    if proven[0].state != "active":
        return Refusal("invalid_grant", "the grant was revoked")
    found = lookup(connection, token, "rt", now)
    if found is None or found[1].id != proven[1].id or found[1].install != proven[1].install:
        return Refusal("invalid_grant", "the refresh token is not this client's")
    row, family = found
    if row.expires <= now:
        return Refusal("invalid_grant", "the refresh token has expired")
    expires = min(now + IDLE_LIFE, row.created + FAMILY_LIFE)
    mine = (tokens.c.install == family.install) & (tokens.c.hash == digest(token))
    connection.execute(update(tokens).where(mine).values(expires=expires))
    return family.pair(token, row.generation, row.granted)


def _is_taken(connection: Connection, install: bytes) -> bool:
    number = connection.scalar(select(installs.c.package).where(installs.c.id == install))
    return number is not None and _packages.by_id(connection, number).legacy
