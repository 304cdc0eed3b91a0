"""Make uploads of what a 0.3 client sends, which names neither a batch nor a place in a run.

After a lost answer such a client sends its rows again, with those that came since. So
the batch id is made of the body, for the case that nothing came; and a row that equals
one which an earlier upload brought, to the millisecond and by its name, is a replay. A
client deletes what was acknowledged, so an equal row can only be a repetition.

It repeats all that it has not deleted: with a row also every one that it sent after
it. So of what came before only the newest can be repeated, as many rows as a body has.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import itertools
from typing import TYPE_CHECKING, Any

from otumat_usage.host._body import unpack
from otumat_usage.host._database import Connection, bindparam, log, select
from otumat_usage.host._dictionary import EVENT_TYPES
from otumat_usage.host._log import SHORT, Receipt, Reused, Upload, append
from otumat_usage.host._prepared import Prepared
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
#: Rows, and uploads, that are looked at however few a body has: where one install's id is in the
#: image of many containers, the uploads of the others lie between.
_LEAST = 1000

#: Events by their time and the number of their type.
_Rows = collections.Counter[tuple[int, int]]
_NEWEST = Prepared(
    select(log.c.batch, log.c.received, log.c.body)
    .where((log.c.install == bindparam("install")) & (log.c.received >= bindparam("since")))
    .order_by(log.c.received.desc())
    .limit(bindparam("most"))
)


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
    known = _known(connection, install, uploads)
    receipts = []
    for upload in uploads:
        fresh = _without_replays(connection, package, upload, known)
        found = append(connection, install=install, package=package, upload=fresh)
        assert not isinstance(found, Reused)  # noqa: S101 - the id is made of the body
        receipts.append(found)
    first = receipts[0]
    return dataclasses.replace(
        first,
        accepted=sum(each.accepted for each in receipts),
        rejected=_placed(receipts),
    )


def _without_replays(connection: Connection, package: int, upload: Upload, known: _Rows) -> Upload:
    """Mark the rows of *upload* that are *known*, and take them out of these."""
    if not known:
        return upload
    fresh, replayed = [], list(upload.rejected)
    for event in upload.accepted:
        key = event.at, EVENT_TYPES.number(connection, package, event.name)
        if known[key]:
            known[key] -= 1
            replayed.append({"row": event.row, "reason": "replay"})
        else:
            fresh.append(event)
    return dataclasses.replace(upload, accepted=fresh, rejected=replayed)


def _known(connection: Connection, install: bytes, uploads: list[Upload]) -> _Rows:
    """Count what earlier bodies of *install* brought that may come again in *uploads*."""
    known: _Rows = collections.Counter()
    oldest = min((event.at for upload in uploads for event in upload.accepted), default=None)
    if oldest is None:
        return known
    most = max(_LEAST, sum(len(upload.batch.rows) for upload in uploads))
    seen = 0
    asked = {"install": install, "since": oldest - _AHEAD, "most": most}
    for batch, received, body in _NEWEST.rows(connection, **asked):
        if batch.endswith(uploads[0].sha256[:SHORT]):
            continue  # the same body: these very uploads
        times, kinds, *_ = unpack(received, body)
        known.update(key for key in zip(times, kinds, strict=True) if key[0] >= oldest)
        seen += len(times) or 1  # a body that only repeats has a row more, too, that was rejected
        if seen >= most:
            break
    return known


def _placed(receipts: list[Receipt]) -> list[dict[str, object]]:
    """Return what was rejected, each row that is named by its place in the whole body."""
    starts = itertools.count(0, LIMITS["rows"])
    return [
        item | {"row": int(str(item["row"])) + start} if "row" in item else item
        for start, receipt in zip(starts, receipts, strict=False)
        for item in receipt.rejected
    ]
