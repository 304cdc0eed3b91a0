"""Watch every request from outside: count it, time it, write it down, survive its failure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from otumat_usage.host._journal import Journal
    from otumat_usage.host._metrics import Metrics

__all__ = ["Observer"]

_METHODS = frozenset(("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"))


class Observer:
    """Count each answer of *app* by the pattern of its route, never by its address.

    Args:
        app: The application inside.
        patterns: The pattern of each endpoint's route.
        metrics: Where answers are counted.
        journal: Where failures are told.
        access: Where answers are told.
    """

    def __init__(
        self,
        app: ASGIApp,
        patterns: Mapping[Any, str],
        metrics: Metrics,
        journal: Journal,
        access: Journal,
    ) -> None:
        self._app = app
        self._patterns = patterns
        self._metrics = metrics
        self._journal = journal
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        began = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            self._journal.failure(error, route=self._route(scope))
            if not status:  # else the answer has been sent: the failure was told as a 500
                raise
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = self._route(scope)
        self._metrics.requests.add(route, str(status))
        self._metrics.seconds.observe(route, seconds)
        if self._access:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            took = round(seconds * 1000, 1)
            self._access.note("request", method=method, route=route, status=status, ms=took)

    def _route(self, scope: Scope) -> str:
        """Return the pattern of the route that took the request, `none` where no route did."""
        return self._patterns.get(scope.get("endpoint"), "none")
