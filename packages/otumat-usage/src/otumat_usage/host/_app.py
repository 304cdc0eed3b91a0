"""Put the routes together into one application."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from otumat_usage.host import (
    _admin,
    _dashboard,
    _enrolment,
    _legacy_enrolment,
    _own_page,
    _public,
    _settings_page,
    _sign_in,
    _tokens_page,
)
from otumat_usage.host._discovery import ROUTES
from otumat_usage.host._errors import SignInUnavailable, StoreBusy, StoreUnavailable
from otumat_usage.host._journal import Journal
from otumat_usage.host._observe import Observer
from otumat_usage.host._openapi import routes_of
from otumat_usage.host._pages import STATIC, message, not_now
from otumat_usage.host._routes import OPERATIONS
from otumat_usage.host._token_endpoint import oauth_busy
from otumat_usage.host._web import (
    ClientDisconnect,
    Guard,
    Request,
    Response,
    Route,
    Starlette,
    busy,
    later,
    problem,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

    from otumat_usage.host._host import Host

__all__ = ["make_app"]

#: Where programs expect errors as RFC 6749, 5.2 writes them.
_OAUTH = frozenset(ROUTES[name] for name in ("token", "revoke", "device"))
#: Where programs ask, and never a person in a browser.
_PROGRAMS = ("/api/", "/auth/", "/.well-known/", "/healthz", "/readyz", "/metrics", "/openapi.json")

#: Every address of a host, in the order in which they are looked at.
_ROUTES = [
    *routes_of(OPERATIONS),
    *_dashboard.ROUTES,
    Route("/admin/enter", _admin.enter, methods=["GET"]),
    Route("/admin/leave", _admin.leave, methods=["POST"]),
    Route("/p/{package}/consent", _enrolment.show_text),
    Route("/p/{package}/consent/0.3", _legacy_enrolment.show_text),
    *_public.ROUTES,
    *_dashboard.LAST_ROUTES,
    *_settings_page.ROUTES,
    *_tokens_page.ROUTES,
    *_own_page.ROUTES,
    Route(_sign_in.SIGN_IN, _sign_in.show, methods=["GET"]),
    Route(_sign_in.SIGN_IN, _sign_in.sent, methods=["POST"]),
    Route(f"{_sign_in.SIGN_IN}/link", _sign_in.by_link, methods=["GET"]),
    Route(f"{_sign_in.SIGN_IN}/oidc", _sign_in.by_provider, methods=["GET"]),
    STATIC,
]


def make_app(
    host: Host,
    *,
    allowed: frozenset[str] = frozenset(),
    journal: Journal | None = None,
    access: Journal | None = None,
) -> ASGIApp:
    """Return the ASGI application of *host*, which starts and stops with it.

    Failures are told to *journal* and answers to *access*; None tells nobody.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        host.start()
        yield
        host.stop()

    app = Starlette(
        routes=_ROUTES,
        lifespan=lifespan,
        exception_handlers={
            404: _not_found,
            405: _wrong_method,
            500: _failed,
            StoreBusy: _busy,
            StoreUnavailable: _busy,
            SignInUnavailable: _signed_out,
            ClientDisconnect: _gone,
        },
    )
    # Its answer names an address by what the proxy spoke to us: a key in it would go in the clear.
    app.router.redirect_slashes = False
    app.state.host = host
    app.state.operations = OPERATIONS
    app.state.journal = journal or Journal()
    patterns = {route.endpoint: route.path for route in app.routes if isinstance(route, Route)}
    guarded = Guard(app, host.names | allowed)
    return Observer(guarded, patterns, host.metrics, app.state.journal, access or Journal())


async def _not_found(request: Request, _error: Exception) -> Response:
    if request.url.path.startswith(_PROGRAMS):
        return problem(404, "not-found", "Not found", "no such address at this host")
    return message(404, "Not here", "There is no such page at this host.")


async def _wrong_method(request: Request, error: Exception) -> Response:
    headers = getattr(error, "headers", None)
    text = f"{request.method} is not allowed here"
    return problem(405, "method", "Method not allowed", text, headers=headers)


async def _busy(request: Request, error: Exception) -> Response:
    if isinstance(error, StoreUnavailable):
        request.app.state.journal.store_outage(error)
    if request.url.path in _OAUTH:
        return oauth_busy("the host cannot store anything now", later())
    if request.url.path.startswith(_PROGRAMS):
        return busy()
    text = "This host cannot store anything now. Nothing was changed; try again in a minute."
    return not_now(text, later())


async def _signed_out(request: Request, error: Exception) -> Response:
    text = "nobody can sign in: the mail server or the provider does not take what we ask"
    request.app.state.journal.outage(error, "sign-in", text)
    return not_now("Signing in does not work now: the server behind it does not answer.", "600")


async def _gone(_request: Request, _error: Exception) -> Response:
    # Nobody is there to read it; the server drops it.
    return problem(400, "disconnected", "Client disconnected")


async def _failed(request: Request, _error: Exception) -> Response:
    if request.url.path.startswith(_PROGRAMS):
        return problem(500, "internal", "Internal error", "the failure is in the host's log")
    return message(500, "It went wrong", "The failure is this host's, and in its log.")
