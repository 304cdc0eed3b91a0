"""Make uploads of what a 0.3 client sends, which names neither a batch nor a place in a run.

After a lost answer such a client sends its rows again, with those that came since. So
the batch id is made of the body, for the case that nothing came; and a row that equals
one which an earlier upload brought, to the millisecond and by its name, is a replay. A
client deletes what was acknowledged, so an equal row can only be a repetition.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import itertools
from typing import TYPE_CHECKING, Any

from otumat_usage.host._database import Connection, log, select
from otumat_usage.host._dictionary import EVENT_TYPES
from otumat_usage.host._log import SHORT, Receipt, Reused, Upload, append, entry_of
from otumat_usage.host._wire import LIMITS, Batch, Malformed, TooLarge, judge_rows, shaped

if TYPE_CHECKING:
    from otumat_usage.host._packages import Package

__all__ = ["LegacyBody", "decode", "store", "uploads_of"]

#: Stands where a time is demanded and none is said.
_UNSAID = "1970-01-01T00:00:00Z"
#: How far a client's clock may be ahead of ours, in milliseconds.
_AHEAD = 300_000
#: More rows than `LEGACY_BYTES` can hold of what these clients write.
_ROWS = 140_000


@dataclasses.dataclass(frozen=True, slots=True)
class LegacyBody:
    """One upload of a 0.3 client as it came."""

    installId: str  # noqa: N815 - the name on the wire since 0.3
    headers: list[str]
    rows: list[Any]


def decode(data: bytes) -> LegacyBody:
    """Return what a 0.3 client sent, its columns without the one that has no values.

    Raises:
        Malformed: not JSON, a missing or ill-typed field, other columns.
        TooLarge: more rows than any such client can send.
    """
    body = shaped(data, LegacyBody)
    if len(body.rows) > _ROWS:
        raise TooLarge(f"{len(body.rows)} rows; at most {_ROWS}")
    if sorted(body.headers) != ["event_date", "event_type", "install_id"]:
        raise Malformed("headers must name install_id, event_date and event_type")
    columns = [name for name in body.headers if name != "install_id"]
    return LegacyBody(body.installId, columns, body.rows)


def uploads_of(body: LegacyBody, data: bytes, package: Package, received: int) -> list[Upload]:
    """Return *body*, whose bytes are *data*, as uploads of no more rows than a batch may have.

    One client may have waited for years, and can only send all that it has.
    """
    sha256 = hashlib.sha256(body.installId.encode() + data)
    name, most = sha256.hexdigest()[:48], LIMITS["rows"]
    uploads = []
    for number, start in enumerate(range(0, len(body.rows) or 1, most)):
        rows = body.rows[start : start + most]
        # A run of its own, so that no gap between two of them looks like a loss.
        batch = Batch(
            body.installId, f"{name}-{number}", _UNSAID, f"{name}-{number}",
            1, max(1, len(rows)), body.headers, rows,
        )  # fmt: skip
        accepted, rejected = judge_rows(batch, package.events, received)
        uploads.append(Upload(batch, accepted, rejected, sha256.digest(), received))
    return uploads


def store(connection: Connection, install: bytes, package: int, uploads: list[Upload]) -> Receipt:
    """Store *uploads*, all of one body, and return one receipt for them."""
    receipts = []
    for upload in uploads:
        fresh = _without_replays(connection, install, package, upload)
        found = append(connection, install=install, package=package, upload=fresh)
        assert not isinstance(found, Reused)  # noqa: S101 - the id is made of the body
        receipts.append(found)
    first = receipts[0]
    return dataclasses.replace(
        first,
        accepted=sum(each.accepted for each in receipts),
        rejected=_placed(receipts),
    )


def _without_replays(
    connection: Connection, install: bytes, package: int, upload: Upload
) -> Upload:
    """Mark the rows of *upload* that an earlier body brought."""
    if not upload.accepted:
        return upload
    known = _known(connection, install, upload)
    fresh, replayed = [], list(upload.rejected)
    for event in upload.accepted:
        key = (event.at, EVENT_TYPES.number(connection, package, event.name)) if known else None
        if key is not None and known[key]:
            known[key] -= 1
            replayed.append({"row": event.row, "reason": "replay"})
        else:
            fresh.append(event)
    return dataclasses.replace(upload, accepted=fresh, rejected=replayed)


def _known(
    connection: Connection, install: bytes, upload: Upload
) -> collections.Counter[tuple[int, int]]:
    """Count what earlier bodies of *install* brought since the oldest event of *upload*."""
    oldest = min(event.at for event in upload.accepted)
    since = (log.c.install == install) & (log.c.received >= oldest - _AHEAD)
    known: collections.Counter[tuple[int, int]] = collections.Counter()
    for row in connection.execute(select(log).where(since)):
        if row.batch.endswith(upload.sha256[:SHORT]):
            continue  # the same body: this very upload, or another part of it
        entry = entry_of(row)
        known.update(key for key in zip(entry.times, entry.kinds, strict=True) if key[0] >= oldest)
    return known


def _placed(receipts: list[Receipt]) -> list[dict[str, object]]:
    """Return what was rejected, each row that is named by its place in the whole body."""
    starts = itertools.count(0, LIMITS["rows"])
    return [
        item | {"row": int(str(item["row"])) + start} if "row" in item else item
        for start, receipt in zip(starts, receipts, strict=False)
        for item in receipt.rejected
    ]
