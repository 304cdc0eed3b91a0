"""Answer the user's own requests: what do you hold about me, show it to me, erase it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from otumat_usage.host._grants import Access, Refusal, authenticate
from otumat_usage.host._ingest import bearer, refuse
from otumat_usage.host._messages import Erasure, SelfLink
from otumat_usage.host._own_page import PATH
from otumat_usage.host._rights import Erased, as_lines, erase, export
from otumat_usage.host._secrets import install_of
from otumat_usage.host._self_keys import LINK_LIFE, new_link
from otumat_usage.host._web import (
    Request,
    Response,
    host_of,
    json_answer,
    problem,
    reading,
    writing,
)

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection

__all__ = ["link", "remove", "show"]

_SCOPE = "usage:self"


async def show(request: Request) -> Response:
    """Serve ``GET /api/usage-self``: everything held, as JSON lines."""
    token = bearer(request)
    if token is None:
        return refuse()
    host = host_of(request)
    now = host.now()

    def read(connection: Connection) -> str | Refusal | None:
        access = authenticate(connection, token, now, note=False)
        if isinstance(access, Refusal):
            return access
        return as_lines(export(connection, access.install)) if _SCOPE in access.scope else None

    found = await reading(host, read)
    if found is None:
        return _narrow()
    if isinstance(found, Refusal):
        return refuse(found)
    headers = {"Cache-Control": "no-store"}
    return Response(found, headers=headers, media_type="application/jsonl")


async def remove(request: Request) -> Response:
    """Serve ``DELETE /api/usage-self``: erase everything, now."""
    token = bearer(request)
    if token is None:
        return refuse()
    host = host_of(request)
    now = host.now()

    def write(connection: Connection) -> tuple[Access, Erased | None] | Refusal:
        access = authenticate(connection, token, now, note=False)
        if isinstance(access, Refusal):
            return access
        return access, erase(connection, access.install) if _SCOPE in access.scope else None

    result = await writing(host, write)
    if isinstance(result, Refusal):
        return refuse(result)
    access, erased = result
    if erased is None:
        return _narrow()
    host.bearers.clear()
    await reading(host, host.database.flush)
    install = str(uuid.UUID(bytes=access.install))
    return json_answer(Erasure(True, install, erased.uploads, erased.events))


async def link(request: Request) -> Response:
    """Serve ``POST /api/usage-self/link``: a link that opens the user's own page, once."""
    token = bearer(request)
    if token is None:
        return refuse()
    host = host_of(request)
    now = host.now()

    def write(connection: Connection) -> str | Refusal | None:
        access = authenticate(connection, token, now, note=False)
        if isinstance(access, Refusal):
            return access
        return new_link(connection, access.install, now) if _SCOPE in access.scope else None

    key = await writing(host, write, install=install_of(token, "at"))
    if key is None:
        return _narrow()
    if isinstance(key, Refusal):
        return refuse(key)
    return json_answer(SelfLink(f"{host.issuer}{PATH}?key={key}", LINK_LIFE // 1000), 201)


def _narrow() -> Response:
    challenge = f'Bearer realm="otumat-usage", error="insufficient_scope", scope="{_SCOPE}"'
    headers = {"WWW-Authenticate": challenge}
    return problem(403, "scope", "Insufficient scope", headers=headers, stop=False)
