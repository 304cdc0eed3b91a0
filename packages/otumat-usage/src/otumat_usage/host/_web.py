"""Own the web library: bounded bodies, plain error answers, safe headers, allowed hosts."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from otumat_usage.host._authorize import single_valued
from otumat_usage.host._host import Host
from otumat_usage.host._limits import network_of
from otumat_usage.host._wire import to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from otumat_usage.host._database import Connection

__all__ = [
    "ClientDisconnect",
    "Guard",
    "HTMLResponse",
    "RedirectResponse",
    "Request",
    "Response",
    "Route",
    "Starlette",
    "StreamingResponse",
    "address_of",
    "busy",
    "host_of",
    "json_answer",
    "later",
    "problem",
    "read_body",
    "read_form",
    "reading",
    "run_in_threadpool",
    "writing",
]

_T = TypeVar("_T")
_FORM_BYTES = 65_536
_AUTHORITY = re.compile(rb"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{0,5})?")
_NO_STORE = {"Cache-Control": "no-store"}
#: What a page may do when it does not say otherwise: nothing but our own style sheet.
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


def host_of(request: Request) -> Host:
    """Return the host that serves *request*."""
    found = request.app.state.host
    assert isinstance(found, Host)  # noqa: S101 - for the type checker
    return found


def address_of(request: Request) -> str:
    """Return the address or network that asks, "" where there is none; only ever to count it."""
    return network_of(request.client.host) if request.client else ""


async def reading(host: Host, read: Callable[[Connection], _T], *, single: bool = False) -> _T:
    """Run *read* on a connection of its own, off the event loop; see `Database.read`."""

    def run() -> _T:
        with host.database.read(single=single) as connection:
            return read(connection)

    return await run_in_threadpool(run)


async def writing(
    host: Host,
    write: Callable[[Connection], _T],
    *,
    install: bytes | None = None,
    store: str | None = None,
) -> _T:
    """Run *write* on the write thread; come back after the commit.

    Name the *install* when *write* touches nothing else, and the *store* when it was decided upon
    what was read some time ago: see `Writer.run`.
    """
    return await host.writer.run(write, install=install, store=store)


def json_answer(value: object, status: int = 200, **headers: str) -> Response:
    """Return *value* as JSON that no cache keeps; header names use ``_`` for ``-``."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(to_json(value), status, _NO_STORE | named, "application/json")


def problem(
    status: int,
    kind: str,
    title: str,
    detail: str = "",
    *,
    headers: dict[str, str] | None = None,
    **members: object,
) -> Response:
    """Return an RFC 9457 answer, plus the two keys that 0.3 clients look at."""
    body: dict[str, object] = {"type": f"urn:otumat:{kind}", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    body |= {"error_msg": title, "error_desc": detail or title} | members
    return Response(to_json(body), status, _NO_STORE | (headers or {}), "application/problem+json")


def later() -> str:
    """Return the seconds of a Retry-After that spreads the crowd."""
    return str(random.randint(5, 60))  # noqa: S311 - jitter, not a secret


def busy() -> Response:
    """Return 503 with a Retry-After."""
    return problem(
        503,
        "busy",
        "Try again later",
        "the host cannot store anything now",
        headers={"Retry-After": later()},
    )


async def read_body(request: Request, limit: int) -> bytes | None:
    """Return the body, None as soon as it is known to pass *limit* bytes."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > limit:
        return None
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


async def read_form(request: Request) -> dict[str, str] | None:
    """Return a form's fields, None when it is too large, ill-typed or names one twice."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return None
    body = await read_body(request, _FORM_BYTES)
    if body is None:
        return None
    try:
        return single_valued(body.decode("ascii"))
    except UnicodeDecodeError:
        return None


class Guard:
    """Refuse unknown host names, and add the safe headers to every answer.

    Args:
        app: The application inside.
        allowed: Host names, without port, that this host answers to (against DNS
            rebinding: a page elsewhere must not reach us under its own name).
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(message)
            await send(message)

        if _host_name(scope) not in self._allowed:
            answer = problem(400, "host", "Unknown host name", "see `host serve --allowed-host`")
            await answer(scope, receive, safely)
            return
        await self._app(scope, receive, safely)


def _host_name(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == b"host"]
    if len(values) != 1:
        return ""
    match = _AUTHORITY.fullmatch(values[0].lower())
    return "" if match is None else match[1].decode("ascii").rstrip(".")


def _add_headers(message: Message) -> None:
    headers = list(message["headers"])
    present = {name.lower() for name, _ in headers}
    headers += [item for item in _HEADERS if item[0] not in present]
    if b"content-security-policy" not in present:
        headers.append((b"content-security-policy", CSP.encode()))
    message["headers"] = headers
