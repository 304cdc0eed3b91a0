"""Erase requests that a host still owes us a confirmation of.

Each is kept in ``erasures.json`` with the tokens it needs, outside the package's folder, until the
host has confirmed it: also when the package is gone long since. It must not know who withdrew.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otumat_usage import _home, _lock, _optout, _tokens
from otumat_usage.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

ROUTE = "/api/usage-self"
#: A grant lives no longer than this (docs/protocol.md); asking on would be noise. In seconds.
_HOPELESS = 400 * 86400


@dataclass(frozen=True, slots=True)
class Debt:
    """One erase request: *since* in epoch seconds; *why* it has not been confirmed yet."""

    package: str
    origin: str
    token_route: str
    since: int
    tokens: _tokens.Tokens
    why: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from others."""
        return self.package, self.origin, self.tokens.install_id


def owed(home: str) -> list[Debt]:
    """Return the requests that are not confirmed yet, oldest first."""
    try:
        found = json.loads(_home.read(f"{home}/erasures.json"))
    except (OSError, ValueError):
        return []
    debts = []
    for debt in found if isinstance(found, list) else []:
        with contextlib.suppress(TypeError):
            debts.append(Debt(**{**debt, "tokens": _tokens.Tokens(**debt["tokens"])}))
    return debts


def add(home: str, debts: list[Debt]) -> None:
    """Keep more requests.

    Raises:
        OSError: they cannot be kept; then nothing may be deleted that they need.
    """
    keys = {debt.key for debt in debts}
    _change(home, lambda kept: [*(debt for debt in kept if debt.key not in keys), *debts])


def _change(home: str, change: Callable[[list[Debt]], list[Debt]]) -> None:
    with _lock.held(f"{home}/erasures.lock", wait=10) as ours:
        if not ours:
            raise OSError("another process keeps the erase requests busy")
        before = owed(home)
        after = change(before)
        if after:
            _home.write(f"{home}/erasures.json", json.dumps([asdict(d) for d in after]).encode())
        elif before:
            Path(home, "erasures.json").unlink(missing_ok=True)


def settle(home: str, end: float) -> list[tuple[Debt, bool]]:
    """Ask the hosts once more; return each request and whether it is confirmed now.

    *end* is the deadline (monotonic seconds). Hold the upload lock, so that nobody else asks.

    Raises:
        OSError: the outcome cannot be kept.
    """
    outcomes = []
    for debt in owed(home):
        if why := _unasked(home, debt, end):
            outcomes.append((_with(debt, debt.tokens, why), False))
            continue
        done, now = _ask(home, debt, end)
        hopeless = time.time() - debt.since > _HOPELESS
        _replace(home, debt, None if done or hopeless else now)
        outcomes.append((now, done))
    return outcomes


def _unasked(home: str, debt: Debt, end: float) -> str:
    """Say why the host is not even asked, or "" where it is."""
    if why := _optout.overruled(debt.package, home):
        return f"not asked: {why}"
    return "" if end - time.monotonic() > 0 else "there was no time left to ask"


def _replace(home: str, debt: Debt, by: Debt | None) -> None:
    _change(
        home,
        lambda kept: [
            new for old in kept if (new := by if old.key == debt.key else old) is not None
        ],
    )


def _ask(home: str, debt: Debt, end: float) -> tuple[bool, Debt]:
    """Ask once; say whether the host has confirmed, and what is to be kept otherwise."""
    from otumat_usage import _oauth  # with an HTTP client, which a mere "no" must not load
    from otumat_usage._http import Client

    tokens = debt.tokens
    try:
        with Client(debt.origin, seconds=min(end - time.monotonic(), 10.0)) as client:
            if not tokens.is_fresh():
                tokens = _oauth.refresh(client, debt.token_route, tokens)
                # Kept before use: the host has retired the old pair as soon as it sees the new.
                _replace(home, debt, _with(debt, tokens, ""))
            reply = client.delete(ROUTE, {"authorization": f"Bearer {tokens.access_token}"})
    except UsageError as error:
        return False, _with(debt, tokens, str(error))
    # 410: it was erased before, and the answer got lost.
    if reply.status in (200, 202, 204, 410):
        return True, _with(debt, tokens, "")
    return False, _with(debt, tokens, f"the host answered {reply.status}")


def _with(debt: Debt, tokens: _tokens.Tokens, why: str) -> Debt:
    return Debt(debt.package, debt.origin, debt.token_route, debt.since, tokens, why)
