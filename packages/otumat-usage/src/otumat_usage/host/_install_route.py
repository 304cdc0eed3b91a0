"""Hand routes 1 and 2 to the wire that the client speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _enrolment, _legacy_enrolment
from otumat_usage.host._legacy_request import speaks_legacy

if TYPE_CHECKING:
    from otumat_usage.host._web import Request, Response

__all__ = ["ask", "decide"]


async def ask(request: Request) -> Response:
    """Serve ``GET /user/usage-install``."""
    if speaks_legacy(request.url.query):
        return await _legacy_enrolment.ask(request)
    return await _enrolment.ask(request)


async def decide(request: Request) -> Response:
    """Serve ``POST /user/usage-install``."""
    if speaks_legacy(request.url.query):
        return await _legacy_enrolment.decide(request)
    return await _enrolment.decide(request)
