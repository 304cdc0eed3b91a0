"""Answer the user's own requests: what do you hold about me, show it to me, erase it."""

from __future__ import annotations

import functools
import uuid
from typing import TYPE_CHECKING, TypeVar

from otumat_usage.host._grants import Refusal, authenticate
from otumat_usage.host._ingest import bearer, refuse
from otumat_usage.host._lines import gathered, sent
from otumat_usage.host._messages import Erasure, SelfLink
from otumat_usage.host._own_page import PATH
from otumat_usage.host._rights import Erased, erase, export
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
    from collections.abc import Awaitable, Callable

    from otumat_usage.host._database import Connection
    from otumat_usage.host._host import Host

__all__ = ["link", "remove", "show"]

_T = TypeVar("_T")

_SCOPE = "usage:self"


async def show(request: Request) -> Response:
    """Serve ``GET /api/usage-self``: everything held, as JSON lines."""
    found = await _for_owner(request, reading, lambda c, install: gathered(export(c, install)))
    if isinstance(found, Response):
        return found
    assert found is not None  # noqa: S101 - whoever has a token has an install
    return sent(found)


async def remove(request: Request) -> Response:
    """Serve ``DELETE /api/usage-self``: erase everything, now."""

    def write(connection: Connection, install: bytes) -> tuple[bytes, Erased | None]:
        return install, erase(connection, install)

    result = await _for_owner(request, writing, write)
    if isinstance(result, Response):
        return result
    install, erased = result
    assert erased is not None  # noqa: S101 - a token whose install is there was looked up
    host = host_of(request)
    host.bearers.clear()
    await reading(host, host.database.flush)
    return json_answer(Erasure(True, str(uuid.UUID(bytes=install)), erased.uploads, erased.events))


async def link(request: Request) -> Response:
    """Serve ``POST /api/usage-self/link``: a link that opens the user's own page, once."""
    host = host_of(request)
    now = host.now()
    alone = functools.partial(writing, install=install_of(bearer(request) or "", "at"))
    key = await _for_owner(request, alone, lambda c, install: new_link(c, install, now))
    if isinstance(key, Response):
        return key
    return json_answer(SelfLink(f"{host.issuer}{PATH}?key={key}", LINK_LIFE // 1000), 201)


async def _for_owner(
    request: Request,
    run: Callable[[Host, Callable[[Connection], _T | Response]], Awaitable[_T | Response]],
    act: Callable[[Connection, bytes], _T],
) -> _T | Response:
    """Have *run* do *act* for the install whose token *request* carries; or say why not."""
    token = bearer(request)
    if token is None:
        return refuse()
    host = host_of(request)
    now = host.now()

    def inside(connection: Connection) -> _T | Response:
        access = authenticate(connection, token, now, note=False)
        if isinstance(access, Refusal):
            return refuse(access)
        return act(connection, access.install) if _SCOPE in access.scope else _narrow()

    return await run(host, inside)


def _narrow() -> Response:
    challenge = f'Bearer realm="otumat-usage", error="insufficient_scope", scope="{_SCOPE}"'
    headers = {"WWW-Authenticate": challenge}
    return problem(403, "scope", "Insufficient scope", headers=headers, stop=False)
