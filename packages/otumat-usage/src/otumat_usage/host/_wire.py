"""Read an uploaded batch: own the JSON library, bound everything, judge row by row.

What is wrong with the batch as a whole refuses it; what is wrong with one row
rejects that row only, so that no bad row can wedge a client for ever.
"""

from __future__ import annotations

import re
import zlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from otumat_usage.host._packages import Events

__all__ = [
    "LEGACY_BYTES",
    "LIMITS",
    "MAX_COUNT",
    "OLDEST",
    "SKEW",
    "Batch",
    "Columns",
    "Context",
    "Event",
    "Malformed",
    "TooLarge",
    "columns_from",
    "decode",
    "inflate",
    "judge_rows",
    "schemas",
    "shaped",
    "to_json",
    "to_msgpack",
]

_Shape = TypeVar("_Shape")

#: Rows of one batch, bytes of its body before and after gzip.
LIMITS = {"rows": 10_000, "body_bytes": 1_048_576, "decoded_bytes": 8_388_608}
#: Bytes of a body of wire 1, whose clients can neither pack nor divide what they send.
LEGACY_BYTES = 4_194_304
_DAY = 86_400_000
#: Milliseconds that an event may be older than when it came, or newer by its sender's clock.
OLDEST, SKEW = 400 * _DAY, 300_000
#: How often one row may say that its event happened.
MAX_COUNT = 1_000_000
_MAX_NAME = 100
_MAX_TEXT = 200
_MAX_REASONS = 20
_TIME_LENGTH = range(10, 41)
_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TOLD = re.compile(r"(?!unknown\Z).{1,64}")  # who tells nothing is counted as "unknown"

# What the checks below demand, for the description; they stay the ones who judge.
_Identifier = Annotated[
    str, msgspec.Meta(extra_json_schema={"pattern": f"^{_IDENTIFIER.pattern}$"})
]
_Number = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": 2**53 - 1})]
_Instant = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
_Columns = Annotated[
    list[str],
    msgspec.Meta(
        extra_json_schema={
            "allOf": [{"contains": {"const": n}} for n in ("event_date", "event_type")],
            "uniqueItems": True,
        }
    ),
]
_Rows = Annotated[list[Any], msgspec.Meta(extra_json_schema={"maxItems": LIMITS["rows"]})]
_Dropped = Annotated[
    dict[str, Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0})]],
    msgspec.Meta(extra_json_schema={"maxProperties": _MAX_REASONS}),
]


class Malformed(ValueError):  # noqa: N818 - never leaves the host
    """The batch as a whole cannot be taken."""


class TooLarge(ValueError):  # noqa: N818
    """The batch is larger than `LIMITS` allows."""


class Context(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the sending run said about itself; nothing that names a person or machine."""

    package_version: str | None = None
    python: str | None = None
    os: str | None = None
    ci: bool | None = None
    container: bool | None = None


class Batch(msgspec.Struct, frozen=True):
    """One upload as it came."""

    installId: str  # noqa: N815 - the name on the wire since 0.3
    batch: _Identifier
    sent_at: _Instant
    run: _Identifier
    first: _Number
    last: _Number
    headers: _Columns
    rows: _Rows
    context: Context = Context()
    dropped: _Dropped = {}


class Event(msgspec.Struct, frozen=True, gc=False):
    """One accepted row; *row* its place in the batch, *seq* in the run, *at* in milliseconds."""

    row: int
    seq: int
    at: int
    name: str
    count: int
    properties: dict[str, Any] | None


_OfRows = msgspec.Meta(max_length=LIMITS["rows"])
_Numbers = Annotated[list[int], _OfRows]
_Properties = dict[str, bool | int | float | str]


class Columns(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """The events of one upload as the log keeps them, those of no more rows than it may have."""

    steps: _Numbers
    kinds: _Numbers
    counts: _Numbers | None = None
    properties: Annotated[list[_Properties | None], _OfRows] | None = None


_decoder = msgspec.json.Decoder(Batch)
_encoder = msgspec.json.Encoder()
#: Both of msgpack; what is no array of such columns is a `ValueError`, and takes no room.
_columns, to_msgpack = msgspec.msgpack.Decoder(Columns).decode, msgspec.msgpack.Encoder().encode


def columns_from(data: bytes) -> Columns:
    """Undo `to_msgpack` of columns.

    Raises:
        ValueError: *data* is nothing of the kind.
    """
    try:
        return _columns(data)
    except msgspec.MsgspecError as error:  # a ValueError in later versions only
        raise ValueError(f"no packed upload: {error}") from error


def to_json(value: object) -> bytes:
    """Return *value* as compact JSON."""
    return _encoder.encode(value)


def schemas(shapes: list[type]) -> tuple[dict[type, Any], dict[str, Any]]:
    """Return how to refer to the JSON schema of each of *shapes*, and the schemas by name."""
    template = "#/components/schemas/{name}"
    references, components = msgspec.json.schema_components(shapes, ref_template=template)
    return dict(zip(shapes, references, strict=True)), components


def inflate(body: bytes) -> bytes:
    """Undo gzip without ever holding more than the limit allows.

    Raises:
        TooLarge: the decoded body passes the limit.
        Malformed: this is no single complete gzip member.
    """
    limit = LIMITS["decoded_bytes"]
    inflater = zlib.decompressobj(wbits=31)
    try:
        data = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise Malformed(f"the body is not gzip: {error}") from error
    if len(data) > limit:
        raise TooLarge(f"the decoded body passes {limit} bytes")
    if not inflater.eof or inflater.unused_data:
        raise Malformed("the gzip body is cut short or followed by other bytes")
    return data


def decode(data: bytes) -> Batch:
    """Return the batch in *data*, checked as a whole.

    Raises:
        Malformed: not JSON, a missing or ill-typed field, an impossible range.
        TooLarge: more rows than allowed.
    """
    try:
        batch = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)) from error
    if len(batch.rows) > LIMITS["rows"]:
        raise TooLarge(f"{len(batch.rows)} rows; at most {LIMITS['rows']}")
    for name in ("batch", "run"):
        if _IDENTIFIER.fullmatch(getattr(batch, name)) is None:
            raise Malformed(f"{name}: 1 to 64 of letters, digits, '.', '_' and '-'")
    if not 0 <= batch.first <= batch.last < 2**53:
        raise Malformed("first and last must satisfy 0 <= first <= last < 2**53")
    if len(set(batch.headers)) != len(batch.headers):
        raise Malformed("a column is named twice in headers")
    if not {"event_date", "event_type"} <= set(batch.headers):
        raise Malformed("headers must name event_date and event_type")
    if "seq" not in batch.headers and len(batch.rows) != batch.last - batch.first + 1:
        raise Malformed("without a seq column there must be one row per number of first..last")
    if len(batch.dropped) > _MAX_REASONS or any(v < 0 for v in batch.dropped.values()):
        raise Malformed("dropped: at most 20 reasons, with counts of 0 or more")
    return batch


def shaped(data: bytes, shape: type[_Shape]) -> _Shape:
    """Return the JSON in *data* as a *shape*, a dataclass; unknown members are left out.

    Raises:
        Malformed: not JSON, a missing or ill-typed field.
    """
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)) from error


def milliseconds(text: object) -> int | None:
    """Return RFC 3339, or naive UTC as 0.3 wrote it, as milliseconds; None when neither."""
    if not isinstance(text, str) or len(text) not in _TIME_LENGTH:
        return None
    try:
        # Python 3.10 does not read the Z itself.
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1] in "Zz" else text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def judge_rows(
    batch: Batch, events: Events | None, received: int, *, clock: int | None = None
) -> tuple[list[Event], list[dict[str, object]]]:
    """Split the rows of *batch* into events and rejections ``{row, reason}``.

    Args:
        batch: What was decoded.
        events: The declared schema, None when any event name is taken.
        received: Our clock, in milliseconds.
        clock: The sender's clock at this attempt (its Date header), which corrects
            times that are off by more than five minutes. *sent_at* cannot serve: it
            is as old as the batch, and a batch may wait for days.

    Raises:
        Malformed: *sent_at* cannot be read.
    """
    if milliseconds(batch.sent_at) is None:
        raise Malformed("sent_at: expected RFC 3339, such as 2026-01-31T12:00:00Z")
    skew = 0 if clock is None or abs(clock - received) <= SKEW else clock - received
    judge = _Judge(batch, events, received, skew)
    accepted: list[Event] = []
    rejected: list[dict[str, object]] = []
    for number, row in enumerate(batch.rows):
        verdict = judge(number, row)
        if type(verdict) is Event:
            accepted.append(verdict)
        else:
            rejected.append({"row": number, "reason": verdict})
    return accepted, rejected


class _Judge:
    """Judge the rows of one batch; all that is the same for each row is worked out once."""

    def __init__(self, batch: Batch, events: Events | None, received: int, skew: int) -> None:
        place = {name: i for i, name in enumerate(batch.headers)}
        self.width = len(batch.headers)
        self.date, self.type = place["event_date"], place["event_type"]
        self.count, self.seq = place.get("count"), place.get("seq")
        self.properties = place.get("properties")
        self.first, self.last = batch.first, batch.last
        self.events = events
        self.skew = skew
        self.oldest, self.newest = received - OLDEST, received + SKEW

    def __call__(self, number: int, row: Any) -> Event | str:  # noqa: PLR0911 - one per reason
        """Return the event in *row*, or the reason why there is none."""
        if type(row) is not list or len(row) != self.width:
            return "row_shape"
        at = milliseconds(row[self.date])
        if at is None:
            return "event_date"
        at -= self.skew
        if not self.oldest <= at <= self.newest:
            return "event_date_range"
        name = row[self.type]
        if type(name) is not str or not 0 < len(name) <= _MAX_NAME or not name.isprintable():
            return "event_type"
        if self.events is not None and name not in self.events:
            return "event_undeclared"
        count = 1 if self.count is None else row[self.count]
        if type(count) is not int or not 0 < count <= MAX_COUNT:
            return "count"
        seq = self.first + number if self.seq is None else row[self.seq]
        if type(seq) is not int or not self.first <= seq <= self.last:
            return "seq"
        properties = None if self.properties is None else row[self.properties]
        if properties is not None:
            if type(properties) is not dict:
                return "properties"
            properties = _kept(properties, self.events and self.events[name])
        return Event(number, seq, at, name, count, properties)


def _kept(properties: dict[str, Any], declared: Any) -> dict[str, Any] | None:
    """Keep only properties that are declared and of the declared kind."""
    kept = {k: v for k, v in properties.items() if declared and _is_of(declared.get(k), v)}
    return {k: v[:_MAX_TEXT] if isinstance(v, str) else v for k, v in kept.items()} or None


def _is_of(kind: str | None, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "bool"
    if isinstance(value, int):  # no more than the log's form of a batch can hold
        return kind in ("int", "float") and -(2**63) <= value < 2**63
    return isinstance(value, {"str": str, "float": float}.get(kind or "", ()))


def clean_context(context: Context) -> Context:
    """Return *context* without a text that is too long or unprintable, or says "unknown"."""
    fields = msgspec.structs.asdict(context)
    for name, value in fields.items():
        if isinstance(value, str) and not (_TOLD.fullmatch(value) and value.isprintable()):
            fields[name] = None
    return Context(**fields)
