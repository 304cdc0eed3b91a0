"""Append uploads to the log and read it back: the one truth of the host.

One row per upload, never changed. An upload is recognised by its install and batch
id; its place in the run by a range of sequence numbers, so that what was lost and
what was sent twice can both be stated as numbers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

from otumat_usage.host._database import (
    Connection,
    bindparam,
    inbox,
    insert,
    log,
    select,
)
from otumat_usage.host._dictionary import CONTEXTS, EVENT_TYPES
from otumat_usage.host._prepared import Prepared
from otumat_usage.host._wire import (
    Batch,
    Event,
    clean_context,
    milliseconds,
    pack,
    to_json,
    unpack,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Entry", "Receipt", "Reused", "Upload", "append", "entries", "entry_of"]

_KNOWN = Prepared(
    select(log.c.sha256, log.c.n, log.c.rejected, log.c.received).where(
        (log.c.install == bindparam("install")) & (log.c.batch == bindparam("batch"))
    )
)
_OVERLAP = Prepared(
    select(log.c.first, log.c.last).where(
        (log.c.install == bindparam("install"))
        & (log.c.run == bindparam("run"))
        & (log.c.last >= bindparam("first"))
        & (log.c.first <= bindparam("last"))
    )
)
_APPEND = Prepared(insert(log).values({c.name: bindparam(c.name) for c in log.c}))
_TO_COUNT = Prepared(insert(inbox).values({c.name: bindparam(c.name) for c in inbox.c}))


@dataclasses.dataclass(frozen=True, slots=True)
class Upload:
    """A batch whose rows have been judged; *sha256* of its decoded body, *received* in ms."""

    batch: Batch
    accepted: list[Event]
    rejected: list[dict[str, object]]
    sha256: bytes
    received: int


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """What the host answers for a stored batch, now and at every repetition."""

    batch: str
    receipt: str
    accepted: int
    rejected: list[dict[str, object]]
    duplicate: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Reused:
    """The batch id was used before for another body."""

    batch: str


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One upload read back: its install, context, and its events as parallel lists."""

    install: bytes
    batch: str
    received: int
    run: str
    first: int
    last: int
    context: int
    times: list[int]
    kinds: list[int]
    counts: list[int]
    properties: list[object]
    rejected: list[dict[str, object]]
    dropped: dict[str, int]


def append(
    connection: Connection,
    *,
    install: bytes,
    package: int,
    upload: Upload,
) -> Receipt | Reused:
    """Store one upload, or return the receipt its first delivery had."""
    batch, sha256, received = upload.batch, upload.sha256, upload.received
    for was, n, earlier, at in _KNOWN.rows(connection, install=install, batch=batch.batch):
        if was != sha256:
            return Reused(batch.batch)
        receipt = _receipt(install, batch.batch, sha256, at)
        return Receipt(batch.batch, receipt, n, json.loads(earlier or "[]"), duplicate=True)
    fresh, replayed = _trim(connection, install, batch, upload.accepted)
    rejected = sorted(upload.rejected + replayed, key=lambda item: int(str(item["row"])))
    context = to_json(clean_context(batch.context)).decode()
    _APPEND.run(
        connection,
        install=install,
        batch=batch.batch,
        package=package,
        received=received,
        sent_at=milliseconds(batch.sent_at) or received,
        run=batch.run,
        first=batch.first,
        last=batch.last,
        context=CONTEXTS.number(connection, package, context),
        n=len(fresh),
        body=_body(connection, package, fresh),
        sha256=sha256,
        rejected=json.dumps(rejected) if rejected else None,
        dropped=json.dumps(batch.dropped) if batch.dropped else None,
    )
    _TO_COUNT.run(connection, install=install, batch=batch.batch, package=package, since=0)
    receipt = _receipt(install, batch.batch, sha256, received)
    return Receipt(batch.batch, receipt, len(fresh), rejected, duplicate=False)


def entries(
    connection: Connection, package: int, *, install: bytes | None = None
) -> Iterator[Entry]:
    """Yield every upload of *package*, or of one *install* of it, oldest first."""
    statement = select(log).where(log.c.package == package).order_by(log.c.received)
    if install is not None:
        statement = statement.where(log.c.install == install)
    for row in connection.execute(statement.execution_options(yield_per=500)):
        yield entry_of(row)


def entry_of(row: Any) -> Entry:
    """Return a row of the log as what it says."""
    times, kinds, counts, properties = unpack(row.body)
    return Entry(
        install=row.install,
        batch=row.batch,
        received=row.received,
        run=row.run,
        first=row.first,
        last=row.last,
        context=row.context,
        times=times,
        kinds=kinds,
        counts=counts,
        properties=properties,
        rejected=json.loads(row.rejected or "[]"),
        dropped=json.loads(row.dropped or "{}"),
    )


def type_names(connection: Connection, package: int) -> dict[int, str]:
    """Return the event names of *package* by their number in the log."""
    return EVENT_TYPES.texts(connection, package)


def context_values(connection: Connection, package: int) -> dict[int, dict[str, object]]:
    """Return the contexts of *package* by their number in the log."""
    found = CONTEXTS.texts(connection, package)
    return {number: json.loads(text) for number, text in found.items()}


def _receipt(install: bytes, batch: str, sha256: bytes, received: int) -> str:
    text = b"\0".join((install, batch.encode(), sha256, str(received).encode()))
    return hashlib.sha256(text).hexdigest()[:32]


def _trim(
    connection: Connection, install: bytes, batch: Batch, accepted: list[Event]
) -> tuple[list[Event], list[dict[str, object]]]:
    """Leave out events whose sequence numbers an earlier batch of the run brought."""
    ranges = _OVERLAP.rows(
        connection, install=install, run=batch.run, first=batch.first, last=batch.last
    )
    if not ranges:
        return accepted, []
    fresh: list[Event] = []
    replayed: list[dict[str, object]] = []
    for event in accepted:
        if any(first <= event.seq <= last for first, last in ranges):
            replayed.append({"row": event.row, "reason": "replay"})
        else:
            fresh.append(event)
    return fresh, replayed


def _body(connection: Connection, package: int, events: list[Event]) -> bytes:
    names = {event.name for event in events}
    numbers = {name: EVENT_TYPES.number(connection, package, name) for name in names}
    return pack(
        [event.at for event in events],
        [numbers[event.name] for event in events],
        [event.count for event in events],
        [event.properties for event in events],
    )
