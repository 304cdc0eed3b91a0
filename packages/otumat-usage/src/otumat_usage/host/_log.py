"""Append uploads to the log and read it back: the one truth of the host.

One row per upload, never changed. An upload is recognised by its install and batch
id; its place in the run by a range of sequence numbers, so that what was lost and
what was sent twice can both be stated as numbers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING

from otumat_usage.host._database import (
    Connection,
    bindparam,
    contexts,
    event_types,
    func,
    insert,
    log,
    select,
)
from otumat_usage.host._prepared import Prepared
from otumat_usage.host._wire import (
    Batch,
    Context,
    Event,
    clean_context,
    milliseconds,
    pack,
    to_json,
    unpack,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Entry", "Receipt", "Reused", "Upload", "append", "entries"]

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

#: Names a package may have in its dictionaries before the rest is "other".
MAX_TYPES = 500
MAX_CONTEXTS = 2000
OTHER = "other"


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
        context=_context_number(connection, package, batch.context),
        n=len(fresh),
        body=_body(connection, package, fresh),
        sha256=sha256,
        rejected=json.dumps(rejected) if rejected else None,
        dropped=json.dumps(batch.dropped) if batch.dropped else None,
    )
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
        times, kinds, counts, properties = unpack(row.body)
        yield Entry(
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
    rows = connection.execute(select(event_types).where(event_types.c.package == package))
    return {row.id: row.name for row in rows}


def context_values(connection: Connection, package: int) -> dict[int, dict[str, object]]:
    """Return the contexts of *package* by their number in the log."""
    rows = connection.execute(select(contexts).where(contexts.c.package == package))
    return {row.id: json.loads(row.value) for row in rows}


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
    numbers = {name: _number(connection, event_types, "name", package, name) for name in names}
    return pack(
        [event.at for event in events],
        [numbers[event.name] for event in events],
        [event.count for event in events],
        [event.properties for event in events],
    )


def _context_number(connection: Connection, package: int, context: Context) -> int:
    text = to_json(clean_context(context)).decode()
    return _number(connection, contexts, "value", package, text)


def _number(connection, table, column: str, package: int, text: str) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Return the number of *text* in a bounded dictionary, adding it when new.

    A number never changes once it is committed, so each connection remembers.
    """
    numbers: dict[tuple[int, str], int] = connection.info.setdefault(table.name, {})
    found = numbers.get((package, text))
    if found is None:
        found = numbers[package, text] = _look_up(connection, table, column, package, text)
    return found


def _look_up(connection, table, column: str, package: int, text: str) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001
    ours = table.c.package == package
    known = connection.scalar(select(table.c.id).where(ours & (table.c[column] == text)))
    if known is not None:
        return int(known)
    size = connection.scalar(select(func.count()).where(ours)) or 0
    full = size >= (MAX_TYPES if table is event_types else MAX_CONTEXTS)
    overflow = OTHER if table is event_types else "{}"
    if full and text != overflow:
        return _number(connection, table, column, package, overflow)
    connection.execute(insert(table).values({"package": package, "id": size + 1, column: text}))
    return int(size) + 1
