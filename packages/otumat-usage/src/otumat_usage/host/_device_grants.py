"""Hold the state of device grants: sign-in where there is no browser (RFC 8628).

A device code belongs to an install that is made when its user agrees on another
machine. It is good for one exchange; every rule runs inside one transaction.
"""

from __future__ import annotations

import dataclasses
import secrets
from typing import Any

from otumat_usage.host._database import (
    Connection,
    device_grants,
    insert,
    select,
    update,
)
from otumat_usage.host._grants import Consent, Family, Pair, Refusal, enrol
from otumat_usage.host._secrets import digest, install_of, mint, new_id

__all__ = [
    "DEVICE_LIFE",
    "INTERVAL",
    "Pending",
    "answer",
    "canonical_code",
    "find",
    "poll",
    "start",
]

#: No vowels, so that no word can appear; no 0, O, 1, I to mistake (RFC 8628, 6.1).
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 8
DEVICE_LIFE = 900_000
#: Seconds between two polls, and what each poll that comes too early adds.
INTERVAL = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Pending:
    """A device grant that waits for its user."""

    install: bytes
    hash: bytes
    package: int


def canonical_code(text: str) -> str:
    """Return a user code as it is stored: case, dashes and blanks do not matter."""
    return "".join(c for c in text.upper() if c in _ALPHABET)


def start(connection: Connection, package: int, scope: str, now: int) -> tuple[str, str]:
    """Return a new device code and its user code, shown as ``BCDF-GHJK``."""
    user_code = _free_code(connection, now)
    install = new_id()
    device_code = mint("dc", install)
    connection.execute(
        insert(device_grants).values(
            install=install,
            hash=digest(device_code),
            user_code=user_code,
            package=package,
            scope=scope,
            expires=now + DEVICE_LIFE,
            state="pending",
            interval=INTERVAL,
            polled=0,
        )
    )
    return device_code, f"{user_code[:4]}-{user_code[4:]}"


def find(connection: Connection, user_code: str, now: int) -> Pending | None:
    """Return the grant that waits under *user_code*, None when there is none."""
    waiting = (device_grants.c.user_code == canonical_code(user_code)) & (
        device_grants.c.state == "pending"
    )
    waiting &= device_grants.c.expires > now
    row = connection.execute(select(device_grants).where(waiting)).one_or_none()
    return None if row is None else Pending(row.install, row.hash, row.package)


def answer(connection: Connection, pending: Pending, consent: Consent | None) -> None:
    """Record what the user decided; None is a no."""
    if consent is not None:
        enrol(connection, consent, install=pending.install)
    state = "denied" if consent is None else "approved"
    connection.execute(
        update(device_grants)
        .where(
            (device_grants.c.install == pending.install) & (device_grants.c.hash == pending.hash)
        )
        .values(state=state)
    )


def poll(connection: Connection, device_code: str, now: int) -> Pair | Refusal:
    """Exchange an approved device code, once; otherwise say how it stands (RFC 8628, 3.5)."""
    install = install_of(device_code, "dc")
    if install is None:
        return Refusal("invalid_grant", "the device code is not one of ours")
    key = (device_grants.c.install == install) & (device_grants.c.hash == digest(device_code))
    row = connection.execute(select(device_grants).where(key)).one_or_none()
    if row is None or row.state == "used":
        return Refusal("invalid_grant", "the device code is unknown or was used")
    fault = _fault(row, now)
    if fault is not None:
        return fault
    if row.state == "approved":
        connection.execute(update(device_grants).where(key).values(state="used"))
        return Family(connection, install, new_id(), now).open(row.scope)
    early = row.polled and now - row.polled < row.interval * 1000
    interval = row.interval + (INTERVAL if early else 0)
    connection.execute(update(device_grants).where(key).values(polled=now, interval=interval))
    if early:
        return Refusal("slow_down", f"wait {interval} seconds between two polls")
    return Refusal("authorization_pending", "the user has not decided yet")


def _fault(row: Any, now: int) -> Refusal | None:
    if row.state == "denied":
        return Refusal("access_denied", "the user said no")
    if row.expires <= now:
        return Refusal("expired_token", "the device code has expired")
    return None


def _free_code(connection: Connection, now: int) -> str:
    while True:
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        if find(connection, code, now) is None:
            return code
