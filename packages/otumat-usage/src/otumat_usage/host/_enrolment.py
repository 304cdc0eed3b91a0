"""Answer routes 1 and 2: the consent page, and what the user decided on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _grants, _packages
from otumat_usage.host._authorize import AuthorizationRequest, BadRequest, judge, single_valued
from otumat_usage.host._consent import ConsentText, consent_text
from otumat_usage.host._database import Connection, consents, insert, select, update
from otumat_usage.host._discovery import ROUTES
from otumat_usage.host._pages import message, page
from otumat_usage.host._secrets import new_secret, same, sign_form
from otumat_usage.host._statistics import day_of
from otumat_usage.host._web import (
    CSP,
    RedirectResponse,
    Request,
    Response,
    host_of,
    read_form,
    reading,
    writing,
)

if TYPE_CHECKING:
    from otumat_usage.host._host import Host

__all__ = [
    "ask",
    "count_decision",
    "decide",
    "form_session",
    "is_ours",
    "keep_session",
    "show_text",
]

_COOKIE = "otumat_form"


async def ask(request: Request) -> Response:
    """Serve ``GET /user/usage-install``: the consent page, or a redirect with an error."""
    host = host_of(request)
    wanted = judge(single_valued(request.url.query))
    if isinstance(wanted, BadRequest):
        return _bad(wanted.description)
    package = await reading(host, lambda connection: _packages.get(connection, wanted.package))
    if package is None:
        return _bad("This host does not know the package.")
    refusal = _redirected(host, wanted, package)
    if refusal is not None:
        return refusal
    session = form_session(request) or new_secret()
    response = _consent_page(host, wanted, consent_text(package), request.url.query, session)
    return keep_session(host, response, session)


async def decide(request: Request) -> Response:
    """Serve ``POST /user/usage-install``: record the decision and go back to the client."""
    host = host_of(request)
    form = await read_form(request)
    query = request.url.query
    wanted = judge(single_valued(query))
    if isinstance(wanted, BadRequest):
        return _bad(wanted.description)
    if form is None or not is_ours(request, form, query):
        return message(
            403,
            "Please try again",
            "This page was open too long, or came from elsewhere.",
            hint="Start again from the package that asked you.",
        )
    package = await reading(host, lambda connection: _packages.get(connection, wanted.package))
    if package is None:
        return _bad("This host does not know the package.")
    refusal = _redirected(host, wanted, package)
    if refusal is not None:
        return refusal
    text = consent_text(package)
    if form.get("decision") == "yes" and form.get("consent") != text.sha256:
        return message(
            409,
            "The text has changed",
            "Please read it again before you decide.",
            hint="Start again from the package that asked you.",
        )
    return await _record(host, wanted, package, text, agreed=form.get("decision") == "yes")


async def show_text(request: Request) -> Response:
    """Serve ``/p/{package}/consent``: the text by itself, for anyone to read."""
    name = request.path_params["package"]
    host = host_of(request)
    package = await reading(host, lambda connection: _packages.get(connection, name))
    if package is None:
        return message(404, "Not here", "This host does not know the package.")
    values = {"text": consent_text(package), "asking": False}
    return page("consent.html", values)


async def _record(
    host: Host,
    wanted: AuthorizationRequest,
    package: _packages.Package,
    text: ConsentText,
    *,
    agreed: bool,
) -> Response:
    now = host.now()

    def write(connection: Connection) -> str | None:
        count_decision(connection, package.id, now, agreed=agreed)
        if not agreed:
            return None
        consent = _grants.Consent(package.id, text.sha256, text.version, now, "browser")
        install = _grants.enrol(connection, consent)
        return _grants.issue_code(connection, install, wanted, now)

    code = await writing(host, write)
    host.metrics.decisions.add("yes" if agreed else "no")
    if code is None:
        return _see_other(wanted.answer(host.issuer, error="access_denied"))
    return _see_other(wanted.answer(host.issuer, code=code))


def count_decision(connection: Connection, package: int, now: int, *, agreed: bool) -> None:
    """Count one answer on the page, which names nobody."""
    day, decision = day_of(now), "yes" if agreed else "no"
    key = (consents.c.package == package) & (consents.c.day == day)
    key &= consents.c.decision == decision
    if connection.scalar(select(consents.c.count).where(key)) is None:
        row = {"package": package, "day": day, "decision": decision, "count": 1}
        connection.execute(insert(consents).values(row))
    else:
        connection.execute(update(consents).where(key).values(count=consents.c.count + 1))


def _redirected(
    host: Host, wanted: AuthorizationRequest, package: _packages.Package
) -> Response | None:
    if wanted.error is not None:
        answer = {"error": wanted.error, "error_description": wanted.description}
        return _see_other(wanted.answer(host.issuer, **answer))
    if package.closed:
        return _see_other(wanted.answer(host.issuer, error="access_denied"))
    return None


def _consent_page(
    host: Host, wanted: AuthorizationRequest, text: ConsentText, query: str, session: str
) -> Response:
    # Browsers hold form-action against the redirect that answers a form. CSP has no
    # syntax for an IPv6 address, so there the scheme has to do.
    target = "http:" if "[" in wanted.origin else wanted.origin
    values = {
        "text": text,
        "asking": True,
        "action": f"{ROUTES['install']}?{query}",
        "hidden": [("csrf", sign_form(host.form_key, session, query))],
        "code": "",
        "context": wanted.context,
        "origin": host.issuer,
        "listener": wanted.origin,
    }
    csp = CSP.replace("form-action 'self'", f"form-action 'self' {target}")
    return page("consent.html", values, csp=csp)


def is_ours(request: Request, form: dict[str, str], *purpose: str) -> bool:
    """Hold a form against its session and *purpose*, and its origin against ours."""
    host = host_of(request)
    origin = request.headers.get("origin")
    if origin is not None and origin != host.issuer:
        return False
    session = form_session(request)
    expected = sign_form(host.form_key, session, *purpose)
    return bool(session) and same(form.get("csrf", ""), expected)


def form_session(request: Request) -> str:
    """Return the value that binds this browser to the forms it was given."""
    return request.cookies.get(_cookie_name(host_of(request)), "")


def keep_session(host: Host, response: Response, session: str) -> Response:
    """Return *response* with the cookie of `form_session`."""
    name = _cookie_name(host)
    response.set_cookie(name, session, httponly=True, secure=host.secure, samesite="lax", path="/")
    return response


def _cookie_name(host: Host) -> str:
    # The prefix makes browsers refuse the cookie from any other host or plain http.
    return f"__Host-{_COOKIE}" if host.secure else _COOKIE


def _see_other(target: str) -> Response:
    # 303, never 307: the form must not be posted again to the client (RFC 9700, 4.12).
    return RedirectResponse(target, 303, {"Cache-Control": "no-store"})


def _bad(text: str) -> Response:
    return message(
        400,
        "This request cannot be right",
        text,
        hint="Nothing was recorded. The package that sent you here may be out of date.",
    )
