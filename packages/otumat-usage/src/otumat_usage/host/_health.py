"""Tell a supervisor whether the process lives, takes uploads, and what it has done."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from otumat_usage.host._admin import is_admin
from otumat_usage.host._database import take_room
from otumat_usage.host._messages import Alive, Ready
from otumat_usage.host._metrics import MEDIA_TYPE
from otumat_usage.host._secrets import same, sign_form
from otumat_usage.host._settings import remember
from otumat_usage.host._web import Request, Response, host_of, json_answer, problem, writing

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection

__all__ = ["alive", "metrics", "metrics_token", "ready"]

#: Random bytes, which no engine can compress, that a write of `/readyz` stores.
_PROBE = 48_000


async def alive(_request: Request) -> Response:
    """Serve ``/healthz``: the process answers."""
    return json_answer(Alive("ok"))


async def ready(request: Request) -> Response:
    """Serve ``/readyz``: the store takes a write, as of a moment ago; else the answer is 503."""
    host = host_of(request)
    # Anybody may ask: one proof is for all who do.
    await host.proof.true(lambda: writing(host, _prove), host.now())
    return json_answer(Ready("ok", host.writer.waiting))


def _prove(connection: Connection) -> None:
    """Write as much as a large upload does: an empty transaction succeeds on a full disk."""
    data = os.urandom(_PROBE)
    if not take_room(connection, data):
        remember(connection, "probe", base64.b64encode(data).decode())


def metrics_token(form_key: str) -> str:
    """Return the token that opens `/metrics`; it is derived, so nothing more is stored."""
    return sign_form(form_key, "metrics")


async def metrics(request: Request) -> Response:
    """Serve ``/metrics`` to a scraper with the token, or to the maintainer."""
    host = host_of(request)
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    known = kind.lower() == "bearer" and same(given.strip(), metrics_token(host.form_key))
    if not known and not await is_admin(request):
        text = "print the token with: otumat-usage host metrics-token"
        headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
        return problem(401, "metrics", "For the maintainer only", text, headers=headers)
    text = host.metrics.text(waiting=host.writer.waiting)
    return Response(text, headers={"Cache-Control": "no-store", "Content-Type": MEDIA_TYPE})
