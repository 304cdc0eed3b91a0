"""Write down the statements that every refresh and every upload needs."""

from __future__ import annotations

from typing import NamedTuple

from otumat_usage.host._database import (
    bindparam,
    families,
    insert,
    installs,
    select,
    tokens,
    update,
)
from otumat_usage.host._prepared import Prepared

__all__ = ["BEARER", "CLEAR_NONCES", "SAVE", "SET_NONCE", "SET_SEEN", "TOKEN", "Row"]

BEARER = Prepared(
    select(
        tokens.c.family,
        tokens.c.generation,
        tokens.c.scope,
        tokens.c.expires,
        families.c.state,
        families.c.seen,
        installs.c.package,
    )
    .join(families, (families.c.install == tokens.c.install) & (families.c.id == tokens.c.family))
    .join(installs, installs.c.id == tokens.c.install)
    .where((tokens.c.install == bindparam("install")) & (tokens.c.hash == bindparam("hash")))
)


_MINE = (tokens.c.install == bindparam("install")) & (tokens.c.hash == bindparam("hash"))
TOKEN = Prepared(
    select(
        tokens.c.hash,
        tokens.c.family,
        tokens.c.generation,
        tokens.c.scope,
        tokens.c.expires,
        tokens.c.nonce,
        families.c.state,
        families.c.seen,
        families.c.created,
        families.c.scope,
    )
    .join(families, (families.c.install == tokens.c.install) & (families.c.id == tokens.c.family))
    .where(_MINE)
)
SAVE = Prepared(insert(tokens).values({c.name: bindparam(c.name) for c in tokens.c}))
SET_NONCE = Prepared(update(tokens).where(_MINE).values(nonce=bindparam("value")))
_FAMILY = (families.c.install == bindparam("owner")) & (families.c.id == bindparam("family"))
SET_SEEN = Prepared(update(families).where(_FAMILY).values(seen=bindparam("value")))
CLEAR_NONCES = Prepared(
    update(tokens)
    .where(
        (tokens.c.install == bindparam("owner"))
        & (tokens.c.family == bindparam("which"))
        & (tokens.c.generation < bindparam("below"))
        & tokens.c.nonce.is_not(None)
    )
    .values(nonce=bindparam("value"))
)


class Row(NamedTuple):
    """A token together with its family."""

    hash: bytes
    family: bytes
    generation: int
    scope: str
    expires: int
    nonce: bytes | None
    state: str
    seen: int
    created: int
    granted: str
