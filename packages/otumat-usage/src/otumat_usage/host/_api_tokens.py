"""Keep the maintainers' personal tokens: make, list, look up, revoke.

A token is one of `_secrets` and is shown once; only its hash is kept. It is known by
its name. Scope ``admin`` includes ``read``. Bound to packages, it speaks for these
only, and cannot tell whether others exist.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from otumat_usage.host import _packages
from otumat_usage.host._database import (
    Connection,
    api_tokens,
    delete,
    insert,
    select,
    update,
)
from otumat_usage.host._days import DAY, day_of
from otumat_usage.host._errors import TokenInvalid, TokenUnknown
from otumat_usage.host._secrets import digest, install_of, mint, new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SCOPES", "ApiToken", "add", "every", "is_personal", "look_up", "note", "revoke"]

#: What a token may do, the least first; each includes those before it.
SCOPES = ("read", "admin")
_LONGEST_NAME = 64
_LONGEST_LIFE = 3650
_KIND = "pt"


@dataclasses.dataclass(frozen=True, slots=True)
class ApiToken:
    """What is known about a token.

    Attributes:
        packages: The packages that it speaks for; None for all.
        created: When it was made, in milliseconds.
        expires: When it ends, in milliseconds; None for never.
        used: The last day on which it was used; None for never.
    """

    id: bytes
    name: str
    scope: str
    packages: tuple[str, ...] | None
    created: int
    expires: int | None
    used: int | None

    def may(self, scope: str) -> bool:
        """Say whether it has *scope*."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def speaks_for(self, package: str) -> bool:
        """Say whether it is for *package*, in any spelling."""
        return self.packages is None or _packages.canonical(package) in self.packages

    def is_over(self, now: int) -> bool:
        """Say whether it has expired."""
        return self.expires is not None and self.expires <= now


def add(  # noqa: PLR0913 - one per thing that is asked for
    connection: Connection,
    name: str,
    now: int,
    *,
    scope: str = "read",
    packages: Sequence[str] = (),
    days: int | None = None,
) -> str:
    """Make a token and return its secret, which can never be had again.

    Args:
        connection: A connection inside a write transaction.
        name: What it will be known by.
        now: The present, in milliseconds.
        scope: ``read`` or ``admin``.
        packages: The packages that it is for; none for all.
        days: How long it lasts; None for ever.

    Raises:
        TokenInvalid: the name is taken or none, or the days or the scope are none.
        PackageUnknown: no package of that name is registered.
    """
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise TokenInvalid(f"a token's name has 1 to {_LONGEST_NAME} printable characters")
    if scope not in SCOPES:
        raise TokenInvalid(f"{scope[:20]!r} is no scope: {', '.join(SCOPES)}")
    if days is not None and not 1 <= days <= _LONGEST_LIFE:
        raise TokenInvalid(f"a token lasts 1 to {_LONGEST_LIFE} days, or has no end")
    if connection.scalar(select(api_tokens.c.id).where(api_tokens.c.name == name)) is not None:
        raise TokenInvalid(f"there is a token {name!r}: choose another name, or revoke it first")
    found = sorted({_packages.find(connection, each).name for each in packages})
    number = new_id()
    secret = mint(_KIND, number)
    connection.execute(
        insert(api_tokens).values(
            id=number,
            hash=digest(secret),
            name=name,
            scope=scope,
            packages=json.dumps(found) if found else None,
            created=now,
            expires=None if days is None else now + days * DAY,
            used=None,
        )
    )
    return secret


def every(connection: Connection) -> list[ApiToken]:
    """Return all tokens, the expired ones too, by name."""
    return [_token(row) for row in connection.execute(_ALL.order_by(api_tokens.c.name))]


def revoke(connection: Connection, name: str) -> None:
    """End the token *name* at once.

    Raises:
        TokenUnknown: there is none of that name.
    """
    if not connection.execute(delete(api_tokens).where(api_tokens.c.name == name)).rowcount:
        raise TokenUnknown(f"no token {name!r}; `host token list` names them")


def is_personal(secret: str) -> bool:
    """Say whether *secret* has the shape and the checksum of a personal token."""
    return install_of(secret, _KIND) is not None


def look_up(connection: Connection, secret: str) -> ApiToken | None:
    """Return the token that *secret* is, None when it is none of ours."""
    number = install_of(secret, _KIND)
    ours = (api_tokens.c.id == number) & (api_tokens.c.hash == digest(secret))
    row = connection.execute(_ALL.where(ours)).one_or_none()
    return None if row is None else _token(row)


def note(connection: Connection, token: ApiToken, now: int) -> None:
    """Note that *token* is used today."""
    mine = api_tokens.c.id == token.id
    connection.execute(update(api_tokens).where(mine).values(used=day_of(now)))


_ALL = select(*(column for column in api_tokens.c if column.name != "hash"))


def _token(row: Any) -> ApiToken:
    packages = None if row.packages is None else tuple(json.loads(row.packages))
    return ApiToken(row.id, row.name, row.scope, packages, row.created, row.expires, row.used)
