"""Say what a server must do with events, and with the user's own data."""

from __future__ import annotations

import json
import uuid
import zlib
from typing import TYPE_CHECKING

from otumat_usage.host._errors import PackageInvalid
from otumat_usage.host._news import checked
from otumat_usage.host._rules import expect, rule
from otumat_usage.host._walk import Broken

if TYPE_CHECKING:
    from otumat_usage.host._dialogue import Reply
    from otumat_usage.host._walk import Walk

_OK = 200
_MEGABYTE = 1 << 20


def _receipt(reply: Reply, batch: dict[str, object], accepted: int) -> None:
    said = reply.json
    right = reply.status == _OK and said.get("batch") == batch["batch"]
    expect(right, reply, "no receipt that names the batch")
    expect(said.get("accepted") == accepted, reply, f"expected {accepted} accepted")
    right = said.get("receipt") and isinstance(said.get("rejected"), list)
    expect(right, reply, "no receipt, or no list of rejected rows")
    wait = said.get("next_upload_after")
    right = isinstance(wait, int | float) and wait >= 0
    expect(right, reply, f"next_upload_after is {wait!r}")


@rule("wire 2")
def upload_is_acknowledged(walk: Walk) -> None:
    """A batch is answered by a receipt that names it and counts its rows."""
    batch = walk.batch(walk.tokens, walk.event, walk.event)
    reply = walk.upload(walk.tokens, batch)
    _receipt(reply, batch, 2)
    expect(reply.json.get("duplicate") is False, reply, "a new batch is called a duplicate")


@rule("wire 2")
def upload_may_be_packed(walk: Walk) -> None:
    """A batch may come as gzip."""
    batch = walk.batch(walk.tokens, walk.event)
    _receipt(walk.upload(walk.tokens, batch, packed=True), batch, 1)


@rule("wire 2")
def news_are_bounded(walk: Walk) -> None:
    """What the answer tells users is a version and one short printable line, or nothing."""
    reply = walk.upload(walk.tokens, walk.batch(walk.tokens, walk.event))
    told = reply.json.get("latest_version"), reply.json.get("notice")
    right = all(each is None or (isinstance(each, str) and each) for each in told)
    expect(right, reply, f"expected texts or null: {told!r}")
    try:
        checked(*told)
    except PackageInvalid as error:
        raise Broken(str(error)) from None


@rule("wire 2")
def upload_twice_counts_once(walk: Walk) -> None:
    """The same batch again gives the first receipt, and says that it is a duplicate."""
    batch = walk.batch(walk.tokens, walk.event)
    first = walk.upload(walk.tokens, batch)
    again = walk.upload(walk.tokens, batch)
    _receipt(again, batch, 1)
    expect(again.json.get("duplicate") is True, again, "it was taken a second time")
    expect(first.json.get("receipt") == again.json.get("receipt"), again, "another receipt")


@rule("wire 2")
def batch_id_is_for_one_body(walk: Walk) -> None:
    """A batch id with another body is refused by 422."""
    batch = walk.batch(walk.tokens, walk.event)
    walk.upload(walk.tokens, batch)
    reply = walk.upload(walk.tokens, batch | {"run": uuid.uuid4().hex})
    expect(reply.status == 422, reply, "expected 422")  # noqa: PLR2004


@rule("wire 2")
def bad_rows_are_rejected_alone(walk: Walk) -> None:
    """A bad row is rejected by its number and reason; the others are taken."""
    batch = walk.batch(walk.tokens, walk.event, walk.event, walk.event)
    batch["rows"][1] = [2, "yesterday", walk.event]
    reply = walk.upload(walk.tokens, batch)
    _receipt(reply, batch, 2)
    rows = [row.get("row") for row in reply.json["rejected"] if isinstance(row, dict)]
    expect(rows == [1], reply, "expected row 1 to be rejected")


@rule("wire 2")
def overlaps_are_replays(walk: Walk) -> None:
    """Sequence numbers that an earlier batch of the run settled are not counted again."""
    first = walk.batch(walk.tokens, walk.event, walk.event)
    walk.upload(walk.tokens, first)
    batch = walk.batch(walk.tokens, walk.event, walk.event, walk.event, run=first["run"])
    reply = walk.upload(walk.tokens, batch)
    _receipt(reply, batch, 1)


@rule("RFC 6750, 3")
def token_is_required(walk: Walk) -> None:
    """Without a token the answer is 401 with a Bearer challenge that names no error."""
    batch = walk.batch(walk.tokens, walk.event)
    reply = walk.upload(walk.tokens, batch, Authorization=None)
    challenge = reply.headers.get("www-authenticate", "")
    right = reply.status == 401 and challenge.lower().startswith("bearer")  # noqa: PLR2004
    expect(right and "error=" not in challenge, reply, f"challenge {challenge!r}")


@rule("RFC 6750, 3.1")
def token_is_checked(walk: Walk) -> None:
    """A token that is not good is answered by 401 and invalid_token, for 0.3 clients too."""
    batch = walk.batch(walk.tokens, walk.event)
    reply = walk.upload(walk.tokens, batch, Authorization="Bearer otu_at_wrong")
    challenge = reply.headers.get("www-authenticate", "")
    right = reply.status == 401 and 'error="invalid_token"' in challenge  # noqa: PLR2004
    expect(right, reply, f"challenge {challenge!r}")
    old = reply.json.get("error_msg"), str(reply.json.get("error_desc", ""))
    right = old[0] == "Authorization Failed" and "TokenExpiredError" in old[1]
    expect(right, reply, "no error_msg and error_desc")


@rule("RFC 6750, 2.3")
def token_in_the_header_only(walk: Walk) -> None:
    """A token in the address is not taken."""
    batch = walk.batch(walk.tokens, walk.event)
    address = f"{walk.route('event')}?access_token={walk.tokens['access_token']}"
    kind = {"Content-Type": "application/json"}
    reply = walk.server.ask("POST", address, json.dumps(batch).encode(), kind)
    expect(reply.status == 401, reply, "it was taken")  # noqa: PLR2004


@rule("RFC 6750, 3.1")
def scope_is_checked(walk: Walk) -> None:
    """A token of another scope is answered by 403 and insufficient_scope."""
    tokens = walk.enrol(scope="usage:self")
    reply = walk.upload(tokens, walk.batch(tokens, walk.event))
    challenge = reply.headers.get("www-authenticate", "")
    right = reply.status == 403 and 'error="insufficient_scope"' in challenge  # noqa: PLR2004
    expect(right, reply, f"challenge {challenge!r}")


@rule("wire 2")
def install_is_checked(walk: Walk) -> None:
    """A batch for another installation than the token's is refused by 403."""
    batch = walk.batch(walk.tokens, walk.event, installId=str(uuid.uuid4()))
    reply = walk.upload(walk.tokens, batch)
    expect(reply.status == 403, reply, "expected 403")  # noqa: PLR2004


@rule("RFC 9457, 3")
def malformed_is_told(walk: Walk) -> None:
    """What is no batch is answered by 400 as application/problem+json, not cached."""
    for body in (b"", b"no json", b"[]", b'{"batch": 1}', b"[" * 100_000):
        reply = walk.upload(walk.tokens, body)
        right = reply.status == 400 and reply.kind == "application/problem+json"  # noqa: PLR2004
        expect(right, reply, f"expected 400 for {body[:20]!r}")
        kept = reply.headers.get("cache-control", "")
        expect("no-store" in kept, reply, f"Cache-Control is {kept!r}")


@rule("wire 2")
def broken_gzip_is_told(walk: Walk) -> None:
    """What says gzip and is none is answered by 400."""
    reply = walk.upload(walk.tokens, b"no gzip", Content_Encoding="gzip")
    expect(reply.status == 400, reply, "expected 400")  # noqa: PLR2004


@rule("RFC 9110, 15.5.16")
def media_type_is_checked(walk: Walk) -> None:
    """Another media type than JSON, or another coding than gzip, is a 415."""
    batch = walk.batch(walk.tokens, walk.event)
    reply = walk.upload(walk.tokens, batch, Content_Type="text/plain")
    expect(reply.status == 415, reply, "expected 415 for text/plain")  # noqa: PLR2004
    reply = walk.upload(walk.tokens, batch, Content_Encoding="br")
    expect(reply.status == 415, reply, "expected 415 for another coding")  # noqa: PLR2004


@rule("RFC 9110, 15.5.14")
def size_is_limited(walk: Walk) -> None:
    """A body larger than the limit, as sent or unpacked, is a 413."""
    large = b" " * (walk.limit("body_bytes") + 1)
    reply = walk.upload(walk.tokens, large)
    expect(reply.status == 413, reply, "expected 413 for a large body")  # noqa: PLR2004
    size = walk.limit("decoded_bytes") + _MEGABYTE
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(bytes(size)) + packer.flush()
    reply = walk.upload(walk.tokens, bomb, Content_Encoding="gzip")
    expect(reply.status == 413, reply, "expected 413 for a gzip bomb")  # noqa: PLR2004


@rule("wire 2")
def rows_are_limited(walk: Walk) -> None:
    """More rows than the limit are a 413."""
    number = walk.limit("rows") + 1
    batch = walk.batch(walk.tokens, walk.event, rows=[[]] * number, last=number)
    reply = walk.upload(walk.tokens, batch)
    expect(reply.status == 413, reply, "expected 413")  # noqa: PLR2004


# --- the user's own data


@rule("wire 2")
def self_is_shown(walk: Walk) -> None:
    """The user gets everything that is held, as JSON lines that name the installation."""
    reply = walk.own("GET", walk.tokens)
    expect(reply.status == _OK, reply, "expected 200")
    try:
        lines = [json.loads(line) for line in reply.text.splitlines()]
    except ValueError:
        raise Broken(f"no JSON lines: {reply.text[:80]!r}") from None
    ids = {line.get("install_id") for line in lines if isinstance(line, dict)}
    expect(walk.tokens["install_id"] in ids, reply, "it does not name the installation")


@rule("RFC 6750, 3.1")
def self_is_protected(walk: Walk) -> None:
    """Only a token of scope usage:self can read or erase."""
    tokens = walk.enrol(scope="usage:write")
    for method in ("GET", "DELETE"):
        reply = walk.own(method, None)
        expect(reply.status == 401, reply, f"{method} without a token: expected 401")  # noqa: PLR2004
        reply = walk.own(method, tokens)
        expect(reply.status == 403, reply, f"{method} without the scope: expected 403")  # noqa: PLR2004


@rule("wire 2")
def self_is_erased(walk: Walk) -> None:
    """After an erasure every request of the installation is a 410 that says stop."""
    tokens = walk.enrol()
    walk.upload(tokens, walk.batch(tokens, walk.event))
    reply = walk.own("DELETE", tokens)
    expect(reply.status == _OK and reply.json.get("erased") is True, reply, "nothing was erased")
    for reply in (
        walk.upload(tokens, walk.batch(tokens, walk.event)),
        walk.own("GET", tokens),
    ):
        right = reply.status == 410 and reply.json.get("stop") is True  # noqa: PLR2004
        expect(right, reply, "expected 410 with stop")
