"""Tell a supervisor whether the process lives and whether it can take uploads."""

from __future__ import annotations

from otumat_usage.host._messages import Alive, Ready
from otumat_usage.host._web import Request, Response, host_of, json_answer, writing

__all__ = ["alive", "ready"]


async def alive(_request: Request) -> Response:
    """Serve ``/healthz``: the process answers."""
    return json_answer(Alive("ok"))


async def ready(request: Request) -> Response:
    """Serve ``/readyz``: the store takes a write now; otherwise the answer is 503."""
    host = host_of(request)
    await writing(host, lambda _connection: None)
    return json_answer(Ready("ok", host.writer.waiting))
