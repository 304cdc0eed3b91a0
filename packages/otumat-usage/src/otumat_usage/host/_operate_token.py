"""Carry out the maintainer's commands about personal tokens on a data folder."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otumat_usage.host import _api_tokens
from otumat_usage.host._database import Database
from otumat_usage.host._days import day_of, iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otumat_usage.host._api_tokens import ApiToken

__all__ = ["add_token", "described", "revoke_token", "tokens_in"]


def _now() -> int:
    return time.time_ns() // 1_000_000


def add_token(
    folder: Path, name: str, *, scope: str, packages: Sequence[str], days: int | None
) -> str:
    """Make a token at the host in *folder*; return its secret."""
    database = Database.open(folder)
    try:
        with database.write() as connection:
            return _api_tokens.add(
                connection, name, _now(), scope=scope, packages=packages, days=days
            )
    finally:
        database.close()


def tokens_in(folder: Path) -> list[dict[str, object]]:
    """Return what is known about each token of the host in *folder*, as plain values."""
    database = Database.open(folder)
    try:
        with database.read() as connection:
            return [described(token, _now()) for token in _api_tokens.every(connection)]
    finally:
        database.close()


def revoke_token(folder: Path, name: str) -> None:
    """End the token *name* of the host in *folder*."""
    database = Database.open(folder)
    try:
        with database.write() as connection:
            _api_tokens.revoke(connection, name)
    finally:
        database.close()


def described(token: ApiToken, now: int) -> dict[str, object]:
    """Return *token* as plain values; days are ISO dates."""
    return {
        "name": token.name,
        "scope": token.scope,
        "packages": None if token.packages is None else list(token.packages),
        "created": iso(day_of(token.created)),
        "expires": None if token.expires is None else iso(day_of(token.expires)),
        "expired": token.is_over(now),
        "last_used": None if token.used is None else iso(token.used),
    }
