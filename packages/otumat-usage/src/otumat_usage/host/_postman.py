"""Send the mails to maintainers, in the background: by the one process that leads."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from otumat_usage.host import _alarms, _letters, _mail, _outgoing, _packages, _providers
from otumat_usage.host._database import Locked, lock
from otumat_usage.host._errors import SignInUnavailable, StoreUnavailable
from otumat_usage.host._failures import isolated
from otumat_usage.host._outgoing import Outgoing
from otumat_usage.host._subscriptions import subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otumat_usage.host._alarms import Look
    from otumat_usage.host._database import Connection, Database
    from otumat_usage.host._letters import Letter
    from otumat_usage.host._packages import Package

__all__ = ["Postman", "deliver"]

_log = logging.getLogger("otumat_usage.host")

#: Seconds between two rounds.
PAUSE = 60.0
#: How long after a period's end its report is written: clients upload once a day, and until then
#: most of its last day has come; and how long after it the report is still news.
SETTLED, FRESH = 30 * 3_600_000, 6 * 86_400_000
#: Seconds that a stop waits for a mail server that does not answer.
_PATIENCE = 5


def _now() -> int:
    return time.time_ns() // 1_000_000


def deliver(
    database: Database,
    issuer: str,
    now: Callable[[], int] = _now,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Put in what is due, then send what waits; return how many mails were sent.

    A package that cannot be judged, or told of, keeps no other's mails waiting: what went wrong is
    raised at the end.
    """
    failed: list[Exception] = []
    with database.read() as connection:
        server = _providers.mail_server(connection)
        if server is None:
            return 0
        reports, looks = _due(connection, now(), failed)
        waits = bool(reports or looks or _outgoing.waits(connection, now()))
    if reports or looks:
        with database.beside() as connection:
            lock(connection, Locked.MAILS)
            for report in reports:
                _outgoing.put(connection, report, now())
            for package, found in looks:
                with isolated(failed), connection.begin_nested():
                    _alarms.note(connection, package, found)
    sent = 0
    while waits and not stopping():  # most rounds: nothing is written
        with database.beside() as connection:
            lock(connection, Locked.MAILS)
            mail = _outgoing.claim(connection, now())
        if mail is None:
            break
        with isolated(failed):
            sent += _send(database, server, mail, issuer)
    if failed:
        raise failed[0]
    return sent


def _due(
    connection: Connection, now: int, failed: list[Exception]
) -> tuple[list[Outgoing], list[tuple[Package, Look]]]:
    """Return the reports to put in, and how the packages look whose turn it is."""
    reports: list[Outgoing] = []
    looks: list[tuple[Package, Look]] = []
    for name in _packages.names(connection):
        with isolated(failed):
            package = _packages.find(connection, name)
            reports += _reports(connection, package, now)
            if found := _alarms.look(connection, package, now):
                looks.append((package, found))
    return reports, looks


def _reports(connection: Connection, package: Package, now: int) -> Iterator[Outgoing]:
    """Yield the report of the last whole week or month, while it is new; never an older one."""
    for each in subscriptions(connection, package.id):
        if each.kind not in ("week", "month"):
            continue
        period = _letters.last_period(each.kind, now)
        mail = Outgoing(package.id, each.address, _letters.occasion(period), None)
        due = each.since < period.end and SETTLED <= now - period.end < FRESH
        if due and not _outgoing.is_known(connection, mail):
            yield mail


def _send(database: Database, server: _mail.MailServer, mail: Outgoing, issuer: str) -> bool:
    with database.read() as connection:
        letter = _written(connection, mail, issuer)
    state = "dropped"
    if letter is not None:
        try:
            name = f"{issuer} {mail.package} {mail.address} {mail.occasion}"
            _mail.send(
                server, mail.address, letter.subject, letter.text, html=letter.html, name=name
            )
        except SignInUnavailable:
            return False  # it is claimed for later, and `host doctor` tells that it waits
        state = "sent"
    with database.beside() as connection:
        lock(connection, Locked.MAILS)
        _outgoing.settle(connection, mail, state)
    return letter is not None


def _written(connection: Connection, mail: Outgoing, issuer: str) -> Letter | None:
    """Return what *mail* says now, None where nobody wants it any more."""
    package = _packages.by_id(connection, mail.package)
    what, _, _ = mail.occasion.partition(" ")
    wanted = {each.address for each in subscriptions(connection, package.id)
              if (each.kind == "alerts") == (what != _letters.REPORT)}  # fmt: skip
    if mail.address not in wanted:
        return None
    if what == _letters.REPORT:
        period = _letters.period_of(mail.occasion)
        return _letters.report(connection, package, period, issuer)
    return _letters.alarm(mail, package, issuer)


class Postman:
    """Own the thread that sends.

    It is a thread of its own, because a mail server that hangs must not keep uploads
    from being counted. That two processes think to lead does no harm: each mail is
    claimed in a transaction.

    Args:
        database: The store.
        issuer: The host's public address, for the links.
        leads: Whether this process leads now.
        now: The clock, in milliseconds.
        pause: Seconds between two rounds.
    """

    def __init__(
        self,
        database: Database,
        issuer: str,
        *,
        leads: Callable[[], bool],
        now: Callable[[], int] = _now,
        pause: float = PAUSE,
    ) -> None:
        self._database, self._issuer = database, issuer
        self._leads, self._now, self._pause = leads, now, pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otumat-mails", daemon=True)

    def start(self) -> None:
        """Start the thread; `stop` must follow."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the mail that it is sending."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while not self._stop.is_set():
            leads = self._leads()
            try:
                if leads:
                    deliver(self._database, self._issuer, self._now, self._stop.is_set)
            except StoreUnavailable:
                pass  # the store is gone or full: what waits is sent when it is back
            except Exception:  # noqa: BLE001 - sending outlives any one failure
                _log.exception("mails cannot be sent; trying again")
            self._stop.wait(self._pause if leads else min(1.0, self._pause))
