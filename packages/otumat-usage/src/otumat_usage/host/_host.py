"""Bundle what every handler needs: the store, the writer, the clock, the address."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from otumat_usage.host._database import Connection, Database, insert, select, settings
from otumat_usage.host._limits import DAILY, Limit
from otumat_usage.host._metrics import Metrics
from otumat_usage.host._secrets import new_secret
from otumat_usage.host._shared import Shared
from otumat_usage.host._writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otumat_usage.host._grants import Access
    from otumat_usage.host._packages import Package

__all__ = ["Host", "form_key", "open_host"]


def _now() -> int:
    return time.time_ns() // 1_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """One running host.

    Attributes:
        database: The store, for reads.
        writer: The only way to write while the host serves.
        issuer: The public address, without a slash at its end.
        form_key: The secret that signs CSRF values.
        now: The clock, in milliseconds.
        bearers: Access tokens seen in the last seconds, until when, their meaning, and in
            which generation of the store.
        user_codes: Wrong user codes that one address may try per minute.
        mails: Sign-in links that one address may ask for in ten minutes.
        mailboxes: Sign-in links that one mailbox may get in an hour.
        provider: How often one address may have the OpenID provider asked in ten minutes.
        enrolments: Answers of one address on the consent page that count, in an hour.
        device_starts: Device grants that one address may start in an hour.
        refreshes: Access tokens that one install may fetch by its refresh token in an hour.
        admin_keys: Wrong one-time keys that one address may try per minute.
        api_tokens: Unknown personal tokens that one address may try per minute.
        self_keys: Wrong links to a user's own page that one address may try per minute.
        uploads: Bytes that one install may upload in a day, unpacked.
        outside: Lets few wait for mail servers and providers at once: what reads the store shares
            its threads with them.
        judging: Lets two large uploads be unpacked and judged at once: each may take as much memory
            as all the rest, and more of them would not be done sooner.
        proof: That the store took a write in the last two seconds.
        metrics: What this process has done so far, as numbers.
    """

    database: Database
    writer: Writer
    issuer: str
    form_key: str
    now: Callable[[], int] = _now
    bearers: dict[str, tuple[int, Access, Package, str]] = dataclasses.field(default_factory=dict)
    user_codes: Limit = dataclasses.field(default_factory=lambda: Limit(5, 60_000))
    mails: Limit = dataclasses.field(default_factory=lambda: Limit(20, 600_000))
    mailboxes: Limit = dataclasses.field(default_factory=lambda: Limit(3, 3_600_000))
    provider: Limit = dataclasses.field(default_factory=lambda: Limit(200, 600_000))
    enrolments: Limit = dataclasses.field(default_factory=lambda: Limit(1000, 3_600_000))
    device_starts: Limit = dataclasses.field(default_factory=lambda: Limit(1000, 3_600_000))
    refreshes: Limit = dataclasses.field(default_factory=lambda: Limit(1000, 3_600_000))
    admin_keys: Limit = dataclasses.field(default_factory=lambda: Limit(10, 60_000))
    api_tokens: Limit = dataclasses.field(default_factory=lambda: Limit(10, 60_000))
    self_keys: Limit = dataclasses.field(default_factory=lambda: Limit(10, 60_000))
    uploads: Limit = dataclasses.field(default_factory=Limit.of_uploads)
    outside: asyncio.Semaphore = dataclasses.field(default_factory=lambda: asyncio.Semaphore(8))
    judging: asyncio.Semaphore = dataclasses.field(default_factory=lambda: asyncio.Semaphore(2))
    proof: Shared = dataclasses.field(default_factory=lambda: Shared(2000))
    metrics: Metrics = dataclasses.field(default_factory=Metrics)

    @property
    def secure(self) -> bool:
        """Whether the public address is https, so that cookies must be Secure."""
        return self.issuer.startswith("https:")

    @property
    def names(self) -> frozenset[str]:
        """The host names we answer to: our own, and the loopback's when we are on it."""
        name = (urlsplit(self.issuer).hostname or "").lower()
        own = f"[{name}]" if ":" in name else name
        loopback = {"127.0.0.1", "localhost", "[::1]"}
        return frozenset({own} | (loopback if own in loopback else set()))

    def start(self) -> None:
        """Start the write thread."""
        self.writer.start()

    def stop(self) -> None:
        """Finish accepted writes and close the store."""
        self.writer.stop()
        self.database.close()


def open_host(
    folder: Path, *, issuer: str, now: Callable[[], int] = _now, daily: int = DAILY
) -> Host:
    """Open the host in *folder*, making it when there is none; it takes *daily* MiB per install."""
    database = Database.create(folder)
    with database.write() as connection:
        key = form_key(connection)
    limit = Limit.of_uploads(daily)
    return Host(database, Writer(database), issuer.rstrip("/"), key, now, uploads=limit)


def form_key(connection: Connection) -> str:
    """Return the secret that signs CSRF values, made at the first call."""
    return _setting(connection, "form_key", new_secret)


def _setting(connection: Connection, name: str, make: Callable[[], str]) -> str:
    known = connection.scalar(select(settings.c.value).where(settings.c.name == name))
    if known is not None:
        return str(known)
    value = make()
    connection.execute(insert(settings).values(name=name, value=value))
    return value
