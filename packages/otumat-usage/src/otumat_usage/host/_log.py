"""Append uploads to the log and read it back: the one truth of the host.

One row per upload, never changed. Its place in the run is a range of sequence numbers, so
that what was lost and what was sent twice can both be stated as numbers. Of the ids that a
client made up only hashes are kept: they are compared, and mean nothing else.
"""

from __future__ import annotations

import bisect
import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

from otumat_usage.host._body import pack, pack_refused, refused_of, unpack
from otumat_usage.host._database import (
    Connection,
    bindparam,
    inbox,
    insert,
    log,
    recent,
    select,
)
from otumat_usage.host._days import day_of
from otumat_usage.host._dictionary import CONTEXTS, EVENT_TYPES
from otumat_usage.host._dropped import named
from otumat_usage.host._prepared import Prepared
from otumat_usage.host._rejected import briefly
from otumat_usage.host._wire import (
    Batch,
    Event,
    clean_context,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SHORT", "Entry", "Receipt", "Reused", "Upload", "append", "entries", "entry_of"]

#: Bytes of a hash that tell one run, one batch of an install from its others (see `_schema`).
SHORT = 6
#: Bytes of the hash that they are taken from, which is another one for another length.
_HASHED = 8

_LATELY = Prepared(
    select(recent.c.day).where(
        (recent.c.install == bindparam("install")) & (recent.c.batch == bindparam("batch"))
    )
)
_RUN = (log.c.install == bindparam("install")) & (log.c.run == bindparam("run"))
_KNOWN = Prepared(
    select(log.c.received, log.c.body, log.c.refused).where(
        _RUN & (log.c.last == bindparam("last")) & (log.c.batch == bindparam("batch"))
    )
)
_OVERLAP = Prepared(
    select(log.c.last, log.c.span, log.c.batch).where(
        _RUN & (log.c.last >= bindparam("first")) & (log.c.last - log.c.span <= bindparam("last"))
    )
)
_APPEND, _TO_COUNT, _REMEMBER = (
    Prepared(insert(table).values({c.name: bindparam(c.name) for c in table.c}))
    for table in (log, inbox, recent)
)


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
    """What the host answers for a stored batch, now and at every repetition.

    *rejected* is as `briefly` has it.
    """

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
    """One upload read back: its install, context, and its events as parallel lists.

    *batch* and *run* are hashes (see `_schema`); *rejected* is as `briefly` has it.
    """

    install: bytes
    batch: bytes
    received: int
    run: bytes
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
    batch, received = upload.batch, upload.received
    mark = _short(batch.batch) + upload.sha256[:SHORT]
    place: dict[str, Any] = {"install": install, "run": _short(batch.run), "last": batch.last}
    ranges = _OVERLAP.rows(connection, first=batch.first, **place)
    for last, _, known in ranges:
        if known[:SHORT] == mark[:SHORT]:
            if known != mark:
                return Reused(batch.batch)
            return _again(connection, {**place, "last": last, "batch": mark}, upload)
    if _LATELY.rows(connection, install=install, batch=mark[:SHORT]):
        return Reused(batch.batch)  # the same body would have the same numbers of the same run
    fresh, replayed = _trim(upload.accepted, [(last - span, last) for last, span, _ in ranges])
    refused = sorted(upload.rejected + replayed, key=lambda item: int(str(item["row"])))
    rejected = briefly(refused)
    context = to_json(clean_context(batch.context)).decode()
    _APPEND.run(
        connection,
        **place,
        batch=mark,
        span=batch.last - batch.first,
        package=package,
        received=received,
        context=CONTEXTS.number(connection, package, context),
        body=_body(connection, package, received, fresh),
        refused=pack_refused(rejected, named(batch.dropped)),
    )
    _TO_COUNT.run(connection, package=package, batch=mark, **place)
    _REMEMBER.run(connection, install=install, batch=mark[:SHORT], day=day_of(received))
    receipt = _receipt(install, upload, received)
    return Receipt(batch.batch, receipt, len(fresh), rejected, duplicate=False)


def entries(
    connection: Connection, package: int, *, install: bytes | None = None
) -> Iterator[Entry]:
    """Yield the uploads of one *install* of *package*, oldest first; or all, by install.

    The order is always the same, so that two exports are.
    """
    key = tuple(log.primary_key)
    statement = select(log).where(log.c.package == package)
    if install is None:
        statement = statement.order_by(*key)
    else:
        statement = statement.where(log.c.install == install).order_by(log.c.received, *key)
    for row in connection.execute(statement.execution_options(yield_per=500)):
        yield entry_of(row)


def entry_of(row: Any) -> Entry:
    """Return a row of the log as what it says."""
    times, kinds, counts, properties = unpack(row.received, row.body)
    rejected, dropped = refused_of(row.refused)
    return Entry(
        install=row.install,
        batch=row.batch,
        received=row.received,
        run=row.run,
        first=row.last - row.span,
        last=row.last,
        context=row.context,
        times=times,
        kinds=kinds,
        counts=counts,
        properties=properties,
        rejected=rejected,
        dropped=dropped,
    )


def type_names(connection: Connection, package: int) -> dict[int, str]:
    """Return the event names of *package* by their number in the log."""
    return EVENT_TYPES.texts(connection, package)


def context_values(connection: Connection, package: int) -> dict[int, dict[str, object]]:
    """Return the contexts of *package* by their number in the log."""
    found = CONTEXTS.texts(connection, package)
    return {number: json.loads(text) for number, text in found.items()}


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_HASHED).digest()[:SHORT]


def _again(connection: Connection, place: dict[str, Any], upload: Upload) -> Receipt:
    """Return the receipt that *upload* had when it came first."""
    ((received, body, refused),) = _KNOWN.rows(connection, **place)
    return Receipt(
        upload.batch.batch,
        _receipt(place["install"], upload, received),
        len(unpack(received, body)[0]),
        refused_of(refused)[0],
        duplicate=True,
    )


def _receipt(install: bytes, upload: Upload, received: int) -> str:
    parts = (install, upload.batch.batch.encode(), upload.sha256, str(received).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def _trim(
    accepted: list[Event], ranges: list[tuple[int, int]]
) -> tuple[list[Event], list[dict[str, object]]]:
    """Leave out events whose sequence numbers an earlier batch of the run brought.

    A hostile run has many ranges, and a batch many events: each is looked up in their union.
    """
    firsts, lasts = _union(ranges)
    fresh: list[Event] = []
    replayed: list[dict[str, object]] = []
    for event in accepted:
        place = bisect.bisect_right(firsts, event.seq) - 1
        if place >= 0 and event.seq <= lasts[place]:
            replayed.append({"row": event.row, "reason": "replay"})
        else:
            fresh.append(event)
    return fresh, replayed


def _union(ranges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Return the beginnings and the ends of what *ranges* cover together, in order."""
    firsts: list[int] = []
    lasts: list[int] = []
    for first, last in sorted(ranges):
        if lasts and first <= lasts[-1]:
            lasts[-1] = max(lasts[-1], last)
        else:
            firsts.append(first)
            lasts.append(last)
    return firsts, lasts


def _body(connection: Connection, package: int, received: int, events: list[Event]) -> bytes:
    names = {event.name for event in events}
    numbers = {name: EVENT_TYPES.number(connection, package, name) for name in names}
    return pack(
        received,
        [event.at for event in events],
        [numbers[event.name] for event in events],
        [event.count for event in events],
        [event.properties for event in events],
    )
