"""Answer route 3: take one upload, store it, and only then acknowledge it."""

from __future__ import annotations

import hashlib
import random
import uuid
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

from otumat_usage.host import _legacy_batch, _packages
from otumat_usage.host._grants import LEGACY_SCOPE, Access, Refusal, authenticate
from otumat_usage.host._log import Receipt, Reused, Upload, append
from otumat_usage.host._messages import UploadReceipt
from otumat_usage.host._rejected import NAMED, total
from otumat_usage.host._secrets import install_of
from otumat_usage.host._sent import Sent, judged, read
from otumat_usage.host._web import (
    Request,
    Response,
    host_of,
    json_answer,
    problem,
    reading,
    writing,
)
from otumat_usage.host._wire import LEGACY_BYTES, LIMITS, decode, judge_rows

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection
    from otumat_usage.host._host import Host

__all__ = ["bearer", "refuse", "upload"]

#: Milliseconds for which a token's meaning is remembered, and for how many tokens.
_FRESH = 5000
_REMEMBERED = 20_000


class Sender(NamedTuple):
    """Who sends, for what, and in which generation of the store that was found."""

    token: str
    access: Access
    package: _packages.Package
    store: str


def bearer(request: Request) -> str | None:
    """Return the access token of *request*, None when it carries none (RFC 6750, 2.1)."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or install_of(token, "at") is None:
        return None
    return token


def refuse(refusal: Refusal | None = None) -> Response:
    """Return 401 as RFC 6750, 3 and the 0.3 client both read it; 410 for an erased install."""
    if refusal is not None and refusal.error == "erased":
        return problem(410, "erased", "Erased", refusal.description, stop=True)
    challenge = 'Bearer realm="otumat-usage"'
    if refusal is None:
        text = "a Bearer access token is required"
    else:
        text = refusal.description
        challenge += f', error="invalid_token", error_description="{text}"'
    detail = text if text.startswith("TokenExpiredError") else f"TokenExpiredError: {text}"
    return problem(
        401,
        "token",
        "Authorization Failed",
        detail,
        headers={"WWW-Authenticate": challenge},
    )


async def upload(request: Request) -> Response:
    """Serve ``POST /api/usage-event``."""
    host = host_of(request)
    token = bearer(request)
    if token is None:
        given = request.headers.get("authorization")
        return refuse(Refusal("invalid_token", "the access token is malformed") if given else None)
    # Asked before the body is read: a stranger's megabytes are never unpacked.
    sender = await _admit(host, token, host.now())
    if isinstance(sender, Response):
        return sender
    install, now = sender.access.install.hex(), host.now()
    if host.uploads.spent(install, now):
        host.uploads.count(install, now, 0)
        return _enough(host.uploads.wait(install, now))
    legacy = LEGACY_SCOPE in sender.access.scope
    # A 0.3 client cannot pack what it sends, nor send less when it is told that it was too much.
    body = await read(request, LEGACY_BYTES if legacy else LIMITS["body_bytes"])
    if isinstance(body, Response):
        return body
    if legacy:
        return await _keep_legacy(host, body, sender)
    return await _keep_batch(request, body, sender)


async def look(
    host: Host, token: str, now: int, *, fresh: bool = False
) -> tuple[Access, _packages.Package] | Refusal:
    """Return what *token* stands for, as it was a few seconds ago at most; or now, if *fresh*.

    This only keeps strangers' bodies out; `keep` asks again inside its transaction.
    """
    store = host.database.generation
    known = host.bearers.get(token)
    if known is not None and known[0] > now and known[3] == store and not fresh:
        return known[1], known[2]
    found = await reading(host, lambda connection: _peek(connection, token, now))
    if isinstance(found, Refusal):
        return found
    if len(host.bearers) >= _REMEMBERED:
        host.bearers.clear()
    host.bearers[token] = (min(now + _FRESH, found[0].expires), *found, store)
    return found


async def keep(host: Host, sender: Sender, parsed: Upload) -> Receipt | Reused | Refusal:
    """Store an upload; come back after the commit."""
    return await writing(
        host,
        lambda connection: _store(connection, sender.token, parsed),
        install=sender.access.install,
        store=sender.store,
    )


async def _admit(host: Host, token: str, now: int) -> Sender | Response:
    """Return who sends, and for what; or why they may not. A no is never said from memory."""
    store = host.database.generation
    for fresh in (False, True):
        known = await look(host, token, now, fresh=fresh)
        if isinstance(known, Refusal):
            return refuse(known)
        access, package = known
        legacy = LEGACY_SCOPE in access.scope
        if not package.closed and (package.legacy if legacy else "usage:write" in access.scope):
            return Sender(token, access, package, store)
    return _forbidden(package)


def _peek(
    connection: Connection, token: str, now: int
) -> tuple[Access, _packages.Package] | Refusal:
    access = authenticate(connection, token, now, note=False)
    if isinstance(access, Refusal):
        return access
    return access, _packages.by_id(connection, access.package)


def _parse(
    request: Request, body: bytes, access: Access, package: _packages.Package, now: int
) -> Upload | Response:
    batch = decode(body)
    accepted, rejected = judge_rows(
        batch, package.events, now, clock=_clock(request.headers.get("date"))
    )
    key = request.headers.get("idempotency-key", "").strip('"')
    if key and key != batch.batch:
        return problem(400, "malformed", "Malformed batch", "Idempotency-Key is not the batch id")
    if batch.installId != str(uuid.UUID(bytes=access.install)):
        return _not_yours()
    return Upload(batch, accepted, rejected, hashlib.sha256(body).digest(), now)


def _store(connection: Connection, token: str, parsed: Upload) -> Receipt | Reused | Refusal:
    # Asked again inside the transaction: a grant revoked a moment ago stores nothing.
    access = authenticate(connection, token, parsed.received)
    if isinstance(access, Refusal):
        return access
    return append(connection, install=access.install, package=access.package, upload=parsed)


async def _keep_batch(request: Request, body: Sent, sender: Sender) -> Response:
    """Store one batch; come back after the commit."""
    host = host_of(request)
    now = host.now()
    access, package = sender.access, sender.package
    parsed = await judged(
        host, body, access.install, lambda plain: _parse(request, plain, access, package, now)
    )
    if isinstance(parsed, Response):
        return parsed
    result = await keep(host, sender, parsed)
    if isinstance(result, Receipt):
        _count(host, result)
    return _answer(result, sender.package)


async def _keep_legacy(host: Host, body: Sent, sender: Sender) -> Response:
    """Store what a 0.3 client sends; come back after the commit."""
    now = host.now()
    access, package = sender.access, sender.package
    uploads = await judged(
        host, body, access.install, lambda plain: _parse_legacy(plain, access, package, now)
    )
    if isinstance(uploads, Response):
        return uploads

    def store(connection: Connection) -> Receipt | Refusal:
        still = authenticate(connection, sender.token, now)
        if isinstance(still, Refusal):
            return still
        return _legacy_batch.store(connection, still.install, still.package, uploads)

    result = await writing(host, store, install=sender.access.install, store=sender.store)
    if isinstance(result, Receipt):
        _count(host, result)
    return _answer(result, sender.package)


def _parse_legacy(
    body: bytes, access: Access, package: _packages.Package, now: int
) -> list[Upload] | Response:
    found = _legacy_batch.decode(body)
    if found.installId != str(uuid.UUID(bytes=access.install)):
        return _not_yours()
    return _legacy_batch.uploads_of(found, body, package, now)


def _enough(wait: int) -> Response:
    text = "this installation has uploaded all that it may in a day"
    headers = {"Retry-After": str(wait)}
    return problem(429, "quota", "Enough for a day", text, headers=headers)


def _not_yours() -> Response:
    return problem(403, "install", "Wrong install", "installId is not the token's", stop=False)


def _clock(text: str | None) -> int | None:
    """Return a Date header in milliseconds (RFC 9110, 6.6.1), None when there is none."""
    try:
        return int(parsedate_to_datetime(text or "").timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return None


def _forbidden(package: _packages.Package) -> Response:
    if package.closed:
        text = f"{package.name} no longer collects usage"
        return problem(403, "closed", "Package closed", text, stop=True)
    challenge = 'Bearer realm="otumat-usage", error="insufficient_scope", scope="usage:write"'
    header = {"WWW-Authenticate": challenge}
    return problem(403, "scope", "Insufficient scope", headers=header, stop=False)


def _count(host: Host, receipt: Receipt) -> None:
    host.metrics.uploads.add("again" if receipt.duplicate else "new")
    outcomes = {"accepted": receipt.accepted, "rejected": total(receipt.rejected)}
    if receipt.duplicate:
        outcomes = {"again": sum(outcomes.values())}
    for outcome, number in outcomes.items():
        host.metrics.rows.add(outcome, by=number)


def _answer(result: Receipt | Reused | Refusal, package: _packages.Package) -> Response:
    if isinstance(result, Refusal):
        return refuse(result)
    if isinstance(result, Reused):
        return problem(422, "reused", "Batch id reused", "this id was used for another body")
    # Less than the period, because clients run once in it and spread themselves: a longer wait
    # would make them skip a run. The jitter keeps a fleet from coming back in one second.
    wait = random.uniform(0.5, 0.9) * package.pace  # noqa: S311 - pacing, not a secret
    return json_answer(
        UploadReceipt(
            accepted=result.accepted,
            duplicate=result.duplicate,
            rejected=[item for item in result.rejected if "row" in item][:NAMED],
            rejected_count=total(result.rejected),
            batch=result.batch,
            receipt=result.receipt,
            next_upload_after=round(wait),
            latest_version=package.latest,
            notice=package.notice,
        )
    )
