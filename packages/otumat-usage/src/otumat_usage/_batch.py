"""Batches: what one upload carries, as the bytes that never change (docs/protocol.md, route 3)."""

from __future__ import annotations

import gzip
import json
import secrets
import time
from dataclasses import dataclass

#: What one upload carries at most: events, and bytes before compression.
MAX_ROWS = 1000
MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One event as it waits: *at* in milliseconds since the epoch, *properties* as JSON or None."""

    at: int
    type: str
    properties: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A request body whose id and bytes never change any more; *gzip* is what is sent."""

    id: str
    package: str
    origin: str
    install: str
    rows: int
    gzip: bytes
    attempts: int

    @property
    def body(self) -> bytes:
        """The JSON that *gzip* holds."""
        return gzip.decompress(self.gzip)


def fitting(
    found: list[tuple[int, int, str, str | None]],
) -> list[tuple[int, int, str, str | None]]:
    """Return the first of the rows *found*, as many as one upload carries; one at least."""
    size = 0
    for number, row in enumerate(found):
        size += 60 + len(row[2].encode()) + len((row[3] or "").encode())
        if size > MAX_BYTES:
            return found[: max(number, 1)]
    return found


def body(
    run: str,
    context: dict[str, str],
    install: str,
    rows: list[tuple[int, int, str, str | None]],
    dropped: dict[str, int],
) -> dict[str, object]:
    """Return a batch's body (docs/protocol.md, route 3)."""
    headers = ["event_date", "event_type", "properties"]
    filled = [[_date(at), kind, p and json.loads(p)] for _, at, kind, p in rows]
    if not any(row[3] for row in rows):
        headers.pop()
        filled = [row[:2] for row in filled]
    return {
        "installId": install,
        "batch": new_id(),
        "sent_at": _date(int(time.time() * 1000)),
        "run": run,
        "first": rows[0][0],
        "last": rows[-1][0],
        "dropped": dropped,
        "context": context,
        "headers": headers,
        "rows": filled,
    }


def halves(batch: Batch) -> list[tuple[int, dict[str, object]]]:
    """Return how many rows, and the body, of each half of *batch*; nothing for a single row."""
    whole = json.loads(batch.body)
    rows = whole["rows"]
    middle = len(rows) // 2
    if not middle:
        return []
    split = whole["first"] + middle
    upper = {**whole, "batch": new_id(), "rows": rows[:middle], "last": split - 1}
    lower = {**whole, "batch": new_id(), "rows": rows[middle:], "first": split, "dropped": {}}
    return [(middle, upper), (len(rows) - middle, lower)]


def _dump(body: dict[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def _date(milliseconds: int) -> str:
    """Return RFC 3339 in UTC, to the second: nobody needs to know more."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds // 1000))


def new_id() -> str:
    """Return a UUID of version 7 (RFC 9562 section 5.7)."""
    bits = int(time.time() * 1000) << 80 | secrets.randbits(80)
    bits = bits & ~(0xF << 76) & ~(0b11 << 62) | 7 << 76 | 0b10 << 62
    text = f"{bits:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def pack(body: dict[str, object]) -> bytes:
    """Return a body compressed; the same body gives the same bytes."""
    return gzip.compress(_dump(body), mtime=0)
