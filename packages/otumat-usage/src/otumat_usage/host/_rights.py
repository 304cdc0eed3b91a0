"""Give a user what is held about them, and take all of it away.

Erasure is one transaction over every table that knows the install. What stays is a
hash of the install's random id, so that its client can be told to wipe itself.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from otumat_usage.host import _packages
from otumat_usage.host._database import (
    Connection,
    auth_codes,
    delete,
    device_grants,
    families,
    installs,
    log,
    recent,
    select,
    self_keys,
    tokens,
    update,
)
from otumat_usage.host._log import SHORT, context_values, entries, type_names
from otumat_usage.host._rollups import take_out
from otumat_usage.host._tombstones import mark_erased

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Erased", "agreement", "as_lines", "erase", "export", "stop"]


@dataclasses.dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure removed; an event that says it happened n times is n."""

    uploads: int
    events: int


def export(connection: Connection, install: bytes) -> Iterator[dict[str, object]]:
    """Yield everything held about *install*, one object per thing."""
    yield from agreement(connection, install)
    package = connection.scalar(select(installs.c.package).where(installs.c.id == install))
    if package is not None:
        yield from _uploads(connection, install, package)


def agreement(connection: Connection, install: bytes) -> Iterator[dict[str, object]]:
    """Yield the record of *install* and its consent, then its grants; nothing if there is none."""
    row = connection.execute(select(installs).where(installs.c.id == install)).one_or_none()
    if row is None:
        return
    yield {
        "kind": "install",
        "install_id": str(uuid.UUID(bytes=install)),
        "package": _packages.by_id(connection, row.package).name,
        "created": _time(row.created),
        "state": row.state,
        "consent": {
            "version": row.consent_version,
            "sha256": row.consent_sha256,
            "at": _time(row.consent_at),
            "how": row.consent_how,
        },
        **({"survey": json.loads(row.survey)} if row.survey else {}),
    }
    for grant in connection.execute(select(families).where(families.c.install == install)):
        yield {
            "kind": "grant",
            "created": _time(grant.created),
            "scope": grant.scope,
            "state": grant.state,
        }


def erase(connection: Connection, install: bytes) -> Erased | None:
    """Remove everything about *install*; None when there is no such install."""
    package = connection.scalar(select(installs.c.package).where(installs.c.id == install))
    if package is None:
        return None
    held = [sum(entry.counts) for entry in entries(connection, package, install=install)]
    take_out(connection, package, install)
    for table in (log, recent, tokens, families, auth_codes, device_grants, self_keys):
        connection.execute(delete(table).where(table.c.install == install))
    connection.execute(delete(installs).where(installs.c.id == install))
    mark_erased(connection, install)
    return Erased(len(held), sum(held))


def stop(connection: Connection, install: bytes) -> None:
    """Take nothing more from *install*; what is held stays."""
    mine = (families.c.install == install) & (families.c.state == "active")
    connection.execute(update(families).where(mine).values(state="revoked"))
    connection.execute(update(installs).where(installs.c.id == install).values(state="revoked"))


def _uploads(connection: Connection, install: bytes, package: int) -> Iterator[dict[str, object]]:
    names = type_names(connection, package)
    contexts = context_values(connection, package)
    for entry in entries(connection, package, install=install):
        rows = zip(entry.times, entry.kinds, entry.counts, entry.properties, strict=True)
        yield {
            "kind": "upload",
            "batch": entry.batch[:SHORT].hex(),
            "received": _time(entry.received),
            "run": entry.run.hex(),
            "first": entry.first,
            "last": entry.last,
            "context": contexts[entry.context],
            "headers": ["event_date", "event_type", "count", "properties"],
            "rows": [[_time(at), names[kind], count, extra] for at, kind, count, extra in rows],
            "rejected": entry.rejected,
            "dropped": entry.dropped,
        }


def as_lines(things: Iterator[dict[str, object]]) -> str:
    """Return *things* as JSON lines."""
    return "".join(json.dumps(thing, ensure_ascii=False) + "\n" for thing in things)


def _time(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
