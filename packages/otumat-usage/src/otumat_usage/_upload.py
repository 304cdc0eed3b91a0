"""The uploader: one pass for all packages of this user, then it is gone.

``python -m otumat_usage._upload`` is what the background job runs: silent, alone under one lock,
ended by one deadline whatever a host does, exit code 0. Each pass takes in the spools, binds what
waits into batches and sends them; only what a host acknowledges is removed.
"""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otumat_usage import (
    _answer,
    _delivery,
    _drain,
    _home,
    _news,
    _optout,
    _outbox,
    _settings,
    _tokens,
)
from otumat_usage._delivery import Verdict
from otumat_usage.exceptions import HostError, StoreError, TokenError, UsageError

if TYPE_CHECKING:
    from otumat_usage._batch import Batch
    from otumat_usage._http import Client
    from otumat_usage._outbox import Outbox
    from otumat_usage._settings import Settings

#: One deadline for a whole pass, in seconds.
DEADLINE = 25.0
_FIRST_PAUSE = 60.0
_LONGEST_PAUSE = 86400.0


@dataclass(slots=True)
class Outcome:
    """What a pass did for one package.

    Attributes:
        events: how many events the host acknowledged.
        requests: how many uploads it acknowledged.
        waiting: how many events wait here afterwards.
        running: how many programs still write events that can be taken later.
        why: why nothing more was sent, in words, or "".
    """

    package: str
    events: int = 0
    requests: int = 0
    waiting: int = 0
    running: int = 0
    why: str = ""
    receipts: list[str] = field(default_factory=list)


def permitted(home: str, package: str) -> tuple[Settings, _tokens.Tokens] | str:
    """Return settings and tokens with which *package* may be uploaded, or why it may not.

    Every way to data that leaves the machine comes through here.
    """
    if why := _optout.overruled(package, home):
        return why
    answer = _answer.read(home, package)
    if answer.refused or not answer.agreed:
        return answer.refused or _answer.NOT_ASKED
    try:
        settings = _settings.load(home, package)
    except UsageError as error:
        return str(error)
    if settings.origin not in answer.agreed:
        return f"not asked for {settings.origin} yet"
    tokens = _tokens.load(home, package, settings.origin)
    if tokens is None:
        return "there are no tokens; to enrol again: otumat-usage on " + package
    return settings, tokens


def run(
    home: str, packages: list[str] | None = None, *, now: bool = False, wait: float = 0.0
) -> list[Outcome]:
    """Do one pass for *packages* (default: all); *now* disregards the pace the hosts asked for.

    Raises:
        StoreError: the outbox cannot be used.
    """
    end = time.monotonic() + DEADLINE
    outcomes: list[Outcome] = []
    ready: list[tuple[Settings, _tokens.Tokens]] = []
    for package in _settings.packages(home) if packages is None else packages:
        may = permitted(home, package)
        if isinstance(may, str):
            outcomes.append(Outcome(package, why=may))
        else:
            ready.append(may)
    if ready or (packages is None and _owes(home)):
        with _outbox.opened(home, wait=wait) as outbox:
            if outbox is None:
                busy = "another upload is running"
                outcomes += [Outcome(may[0].package, why=busy) for may in ready]
            else:
                outcomes += _passes(outbox, home, ready, end, now=now)
                if packages is None:
                    _settle_erasures(home, end)
    return sorted(outcomes, key=lambda outcome: outcome.package)


def _passes(
    outbox: Outbox,
    home: str,
    ready: list[tuple[Settings, _tokens.Tokens]],
    end: float,
    *,
    now: bool,
) -> list[Outcome]:
    # Who failed last time comes last: a host that hangs must not take the others' time.
    ready.sort(key=lambda may: outbox.pace(may[0].package, may[0].origin)[1])
    return [_pass(outbox, home, may, end, now=now) for may in ready]


def _pass(
    outbox: Outbox, home: str, may: tuple[Settings, _tokens.Tokens], end: float, *, now: bool
) -> Outcome:
    """Do what can be done for one package until *end* (monotonic seconds)."""
    settings, tokens = may
    package, origin = settings.package, settings.origin
    outcome = Outcome(package, running=_drain.drain(outbox, home, package))
    early = not now and _is_early(outbox, settings)
    outbox.bind(package, origin, tokens.install_id, full=early)
    outbox.trim(package, origin)
    if early:
        outcome.why = "the next upload is not due yet"
    elif outbox.next(package, origin) is not None:
        if time.monotonic() < end:
            _send(outbox, home, settings, end, outcome)
        else:
            outcome.why = "this run had no time left for it"
    outcome.waiting = outbox.waiting(package)
    return outcome


def _is_early(outbox: Outbox, settings: Settings) -> bool:
    not_before, _ = outbox.pace(settings.package, settings.origin)
    # A clock that was set back must not silence us for longer than anything can.
    return 0 < not_before - time.time() < max(_delivery.LONGEST_WAIT, settings.period)


def _owes(home: str) -> bool:
    from otumat_usage import _erasure

    return bool(_erasure.owed(home))


def _settle_erasures(home: str, end: float) -> None:
    if _owes(home):
        from otumat_usage import _erasure

        with contextlib.suppress(OSError):
            _erasure.settle(home, end)


def _send(outbox: Outbox, home: str, settings: Settings, end: float, outcome: Outcome) -> None:
    from otumat_usage._http import Client  # only now: most passes find nothing to send

    with Client(settings.origin, seconds=end - time.monotonic()) as client:
        sender = _Sender(outbox, home, settings, client, outcome)
        sender.send_all()
    if sender.told is not None:
        with contextlib.suppress(OSError):  # a nicety: what was sent stays sent
            _news.keep(home, settings.package, settings.origin, sender.told)


class _Sender:
    """Send the batches of one package."""

    def __init__(
        self, outbox: Outbox, home: str, settings: Settings, client: Client, outcome: Outcome
    ) -> None:
        self._outbox = outbox
        self._home = home
        self._settings = settings
        self._client = client
        self._outcome = outcome
        #: Version and notice in the last acknowledgement, None before the first.
        self.told: tuple[str | None, str | None] | None = None

    def send_all(self) -> None:
        """Send until nothing waits or the host, the user or the clock says stop."""
        package, origin = self._settings.package, self._settings.origin
        _, failures = self._outbox.pace(package, origin)
        # A little less than the period, because the job is put off at random by a part of it.
        pause = self._settings.period * 11 / 12
        while batch := self._outbox.next(package, origin):
            answer = self._send(batch)
            if answer is None:
                return
            if answer.verdict in (Verdict.ACKNOWLEDGED, Verdict.REFUSED, Verdict.HALVE):
                failures, pause = 0, max(pause, answer.wait or 0.0)
                continue
            self._outcome.why = answer.why
            if answer.verdict is Verdict.GONE:
                return
            failures += 1
            pause = answer.wait if answer.wait is not None else _pause(failures - 1)
            break
        self._outbox.set_pace(package, origin, time.time() + pause, failures)

    def _send(self, batch: Batch) -> _delivery.Answer | None:
        may = permitted(self._home, batch.package)
        if isinstance(may, str):
            self._outcome.why = may
            return None
        try:
            tokens = may[1] if may[1].is_fresh() else self._renewed(may[1])
            answer = self._post(batch, tokens)
            if answer.verdict is Verdict.RENEW:
                answer = self._post(batch, self._renewed(tokens))
        except TokenError as error:
            return _delivery.Answer(Verdict.STOP, why=str(error))
        except (HostError, StoreError) as error:
            return _delivery.Answer(Verdict.LATER, why=str(error))
        self._settle(batch, answer)
        return answer

    def _renewed(self, seen: _tokens.Tokens) -> _tokens.Tokens:
        return renew(self._client, self._home, self._settings, seen)

    def _post(self, batch: Batch, tokens: _tokens.Tokens) -> _delivery.Answer:
        self._outbox.attempt(batch)
        route = self._settings.event_route
        return _delivery.post(self._client, route, batch, tokens.access_token)

    def _settle(self, batch: Batch, answer: _delivery.Answer) -> None:
        if answer.verdict is Verdict.ACKNOWLEDGED:
            self._outbox.settle(batch, "acknowledged", answer.accepted, answer.receipt)
            self._outcome.events += batch.rows
            self._outcome.requests += 1
            self._outcome.receipts.append(answer.receipt)
            self.told = answer.told
        elif answer.verdict is Verdict.HALVE and self._outbox.halve(batch):
            return
        elif answer.verdict in (Verdict.HALVE, Verdict.REFUSED):
            self._outbox.settle(batch, "refused", 0, answer.why)
        elif answer.verdict is Verdict.GONE:
            from otumat_usage import _withdraw

            _withdraw.erased_by_host(self._outbox, self._home, batch.package)


def renew(client: Client, home: str, settings: Settings, seen: _tokens.Tokens) -> _tokens.Tokens:
    """Renew under the lock: re-read, perhaps another process was faster, ask, keep, then use.

    Raises:
        TokenError: the host no longer honours them.
        HostError: it cannot say now; the old tokens stay.
        StoreError: the new ones cannot be kept.
    """
    from otumat_usage import _oauth

    with _tokens.lock(home, settings.package, wait=min(10.0, max(client.left, 0.0))):
        current = _tokens.load(home, settings.package, settings.origin)
        if current is None:
            raise TokenError("the tokens were withdrawn meanwhile")
        if current.access_token != seen.access_token and current.is_fresh():
            return current
        fresh = _oauth.refresh(client, settings.token_route, current)
        _tokens.save(home, settings.package, settings.origin, fresh)
        return fresh


def _pause(failures: int) -> float:
    """Return how long to wait after *failures* earlier ones: doubled each time, full jitter."""
    return random.uniform(0.5, 1.0) * min(_FIRST_PAUSE * 2.0 ** min(failures, 20), _LONGEST_PAUSE)  # noqa: S311 - pacing


def main() -> int:
    """Run one pass and say nothing: nobody reads a background job's output."""
    try:
        home = _home.folder()
        if _home.is_ours(home) and _settings.packages(home):
            run(home)
    except (UsageError, OSError):
        pass
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
