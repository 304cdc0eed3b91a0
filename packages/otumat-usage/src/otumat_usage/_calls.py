"""The explicit calls of `UsageAgent`: preview, send, repeat, renew. Never loaded by its import."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from typing import TYPE_CHECKING

from otumat_usage import _drain, _frequency, _outbox, _upload
from otumat_usage.exceptions import RefusedError

if TYPE_CHECKING:
    from otumat_usage._agent import UsageAgent
    from otumat_usage._settings import Settings
    from otumat_usage._tokens import Tokens


def _permitted(agent: UsageAgent) -> tuple[Settings, Tokens]:
    why = agent.refusal()
    may = why or _upload.permitted(agent.home, agent.package)
    if isinstance(may, str):
        raise RefusedError(f"{agent.package}: {may}")
    return may


def preview(agent: UsageAgent) -> list[str]:
    """Return the bodies that would be sent next; see `UsageAgent.show_logs`."""
    if agent.refusal() is not None:
        return []
    agent.seal()
    return [body.decode() for body in bodies(agent.home, agent.package)]


def bodies(home: str, package: str) -> list[bytes]:
    """Return exactly the bytes that would be sent next for *package*, oldest first.

    Raises:
        RefusedError: nothing may be sent.
        StoreError: the outbox cannot be used, or an upload keeps it busy.
    """
    may = _upload.permitted(home, package)
    if isinstance(may, str):
        raise RefusedError(f"{package}: {may}")
    settings, tokens = may
    with _outbox.free(home) as outbox:
        _drain.drain(outbox, home, package)
        outbox.bind(package, settings.origin, tokens.install_id)
        return [batch.body for batch in outbox.batches(package, settings.origin)]


def send(agent: UsageAgent) -> _upload.Outcome:
    """Upload what waits for one package; see `UsageAgent.send`."""
    _permitted(agent)
    agent.seal()
    (outcome,) = _upload.run(agent.home, [agent.package], now=True, wait=5)
    return outcome


def recurring(agent: UsageAgent, start: dt.datetime, frequency: str) -> None:
    """Send at each period until the user says no; see `UsageAgent.recurring_send`."""
    period = _frequency.seconds(frequency)
    if start.tzinfo is None:
        start = start.replace(tzinfo=dt.timezone.utc)
    first = (start - dt.datetime.now(dt.timezone.utc)).total_seconds()
    time.sleep(first if first > 0 else period)
    with contextlib.suppress(RefusedError):  # the no may come while we send
        while agent.refusal() is None:
            send(agent)
            time.sleep(period)


def refresh(agent: UsageAgent) -> None:
    """Renew the tokens now; see `UsageAgent.refresh_token`."""
    from otumat_usage._http import Client

    settings, tokens = _permitted(agent)
    with Client(settings.origin, seconds=_upload.DEADLINE) as client:
        _upload.renew(client, agent.home, settings, tokens)
