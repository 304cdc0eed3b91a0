"""Everything that is held about this user's packages, here and at their hosts, as plain values.

Tokens are never among it: whoever holds one can speak for this installation.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from typing import TYPE_CHECKING

from otumat_usage import (
    _answer,
    _calls,
    _erasure,
    _news,
    _optout,
    _outbox,
    _settings,
    _tokens,
    _upload,
)
from otumat_usage.exceptions import HostError, RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage._http import Client, Reply

#: The largest answer that is taken from a host, in bytes.
_LIMIT = 64 * 1024 * 1024


def everything(
    home: str, package: str, *, ask: bool, end: float
) -> tuple[dict[str, object], list[str]]:
    """Return all that is held about *package*, and why some of it is missing.

    With *ask* its hosts are asked too, until *end* (monotonic seconds).

    Raises:
        StoreError: the outbox cannot be used.
    """
    answer = _answer.read(home, package)
    config: dict[str, object] | None = None
    with contextlib.suppress(UsageError):
        config = _settings.config(home, package)
    waiting: list[object] = []
    with contextlib.suppress(RefusedError):
        waiting = [json.loads(body) for body in _calls.bodies(home, package)]
    tokens = installations(home, package)
    held = [_held(home, package, origin, tokens[origin], end) for origin in tokens if ask]
    found: dict[str, object] = {
        "package": package,
        "answer": {
            "refused": answer.refused or None,
            "agreed": [
                {"host": origin, "text": text, "at": _time(at), "how": how}
                for origin, (text, at, how) in sorted(answer.agreed.items())
            ],
            "unanswered": answer.unanswered,
            "left": answer.left,
        },
        "configuration": config,
        "installations": [
            {"host": origin, "install_id": one.install_id, "scope": one.scope}
            for origin, one in tokens.items()
        ],
        "news": {origin: _said(home, package, origin) for origin in sorted(answer.agreed)},
        "waiting": waiting,
        "sent": _sent(home, package),
        "erase_requests": [
            {"host": debt.origin, "since": _time(debt.since), "why": debt.why or None}
            for debt in _erasure.owed(home)
            if debt.package == package
        ],
        "at_host": held if ask else None,
    }
    return found, [str(one["error"]) for one in held if "error" in one]


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _said(home: str, package: str, origin: str) -> dict[str, object] | None:
    """Return what the host last told this package's users."""
    news = _news.read(home, package, origin)
    if news is None:
        return None
    received = _time(int(news.received.timestamp()))
    return {"latest_version": news.latest_version, "notice": news.notice, "received": received}


def installations(home: str, package: str) -> dict[str, _tokens.Tokens]:
    """Return the tokens of *package* by the host that they are for."""
    return {
        origin: found
        for origin in sorted(_tokens.everything(home, package))
        if (found := _tokens.load(home, package, origin))
    }


def _sent(home: str, package: str) -> list[dict[str, object]]:
    if not _outbox.exists(home):
        return []
    with _outbox.free(home) as outbox:
        return [{**row, "at": _time(int(str(row["at"])))} for row in outbox.ledger(package)]


def _held(
    home: str, package: str, origin: str, tokens: _tokens.Tokens, end: float
) -> dict[str, object]:
    """Return what one host holds, by its ``GET /api/usage-self`` (docs/protocol.md)."""
    try:
        reply = ask(
            home,
            package,
            origin,
            tokens,
            end,
            lambda client, headers: client.fetch(_erasure.ROUTE, headers, limit=_LIMIT),
        )
        if reply.status == 410:  # noqa: PLR2004 - it has erased us
            return {"host": origin, "held": []}
        if reply.status != 200:  # noqa: PLR2004
            raise HostError(f"{origin} answered {reply.status}")
        return {"host": origin, "held": [json.loads(line) for line in reply.body.splitlines()]}
    except UsageError as error:
        return {"host": origin, "held": None, "error": str(error)}
    except ValueError:
        return {"host": origin, "held": None, "error": f"{origin} answered what is not JSON"}


def ask(  # noqa: PLR0913, PLR0917 - whose data, where, until when, and what
    home: str,
    package: str,
    origin: str,
    tokens: _tokens.Tokens,
    end: float,
    request: Callable[[Client, dict[str, str]], Reply],
) -> Reply:
    """Return a host's answer to *request*, made with tokens that are renewed where needed.

    Raises:
        RefusedError: nothing may be asked, for the user's word or the machine's.
        TokenError: the host no longer honours the tokens.
        HostError: it did not answer until *end*.
    """
    from otumat_usage._http import Client

    if why := _optout.overruled(package, home):
        raise RefusedError(why)
    settings = dataclasses.replace(_settings.load(home, package), origin=origin)
    with Client(origin, seconds=max(end - time.monotonic(), 0.0)) as client:
        if not tokens.is_fresh():
            tokens = _upload.renew(client, home, settings, tokens)
        reply = request(client, _bearer(tokens))
        if reply.status == 401:  # noqa: PLR2004 - it forgot the token before its time
            reply = request(client, _bearer(_upload.renew(client, home, settings, tokens)))
        return reply


def _bearer(tokens: _tokens.Tokens) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens.access_token}"}
