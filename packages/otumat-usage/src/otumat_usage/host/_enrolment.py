"""Answer routes 1 and 2: the consent page, and what the user decided on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _grants, _packages
from otumat_usage.host._authorize import AuthorizationRequest, BadRequest, judge, single_valued
from otumat_usage.host._consent import ConsentText, consent_text
from otumat_usage.host._database import Connection, consents, insert, select, update
from otumat_usage.host._discovery import ROUTES
from otumat_usage.host._form_session import form_session, is_ours, keep_session
from otumat_usage.host._pages import message, page
from otumat_usage.host._secrets import new_secret, sign_form
from otumat_usage.host._sign_in import admitted, to_sign_in
from otumat_usage.host._statistics import day_of
from otumat_usage.host._survey import answered
from otumat_usage.host._web import (
    CSP,
    RedirectResponse,
    Request,
    Response,
    address_of,
    host_of,
    read_form,
    reading,
    writing,
)

if TYPE_CHECKING:
    from otumat_usage.host._host import Host

__all__ = [
    "ask",
    "bad",
    "count_decision",
    "decide",
    "see_other",
    "show_text",
    "text_changed",
    "wrong_answer",
]


async def ask(request: Request) -> Response:
    """Serve ``GET /user/usage-install``: the consent page, or a redirect with an error."""
    host = host_of(request)
    wanted = judge(single_valued(request.url.query))
    if isinstance(wanted, BadRequest):
        return bad(wanted.description)
    package = await reading(host, lambda connection: _packages.get(connection, wanted.package))
    if package is None:
        return bad("This host does not know the package.")
    refusal = _redirected(host, wanted, package)
    if refusal is not None:
        return refusal
    if not admitted(request, package):
        return to_sign_in(request, package)
    session = form_session(request) or new_secret()
    response = _consent_page(host, wanted, consent_text(package), request.url.query, session)
    return keep_session(host, response, session)


async def decide(request: Request) -> Response:  # noqa: PLR0911 - one return per fault
    """Serve ``POST /user/usage-install``: record the decision and go back to the client."""
    host = host_of(request)
    form = await read_form(request)
    query = request.url.query
    wanted = judge(single_valued(query))
    if isinstance(wanted, BadRequest):
        return bad(wanted.description)
    if form is None or not is_ours(request, form, query):
        return message(
            403,
            "Please try again",
            "This page was open too long, or came from elsewhere.",
            hint="Start again from the package that asked you.",
        )
    package = await reading(host, lambda connection: _packages.get(connection, wanted.package))
    if package is None:
        return bad("This host does not know the package.")
    refusal = _redirected(host, wanted, package)
    if refusal is not None:
        return refusal
    agreed = form.get("decision") == "yes"
    if agreed and not admitted(request, package):
        return to_sign_in(request, package)
    if not host.enrolments.take(address_of(request), host.now()):
        # A no is believed, but not counted: else whose share agrees would be up to a stranger.
        error = "temporarily_unavailable" if agreed else "access_denied"
        return see_other(wanted.answer(host.issuer, error=error))
    text = consent_text(package)
    if agreed and form.get("consent") != text.sha256:
        return text_changed()
    try:
        answers = answered(package.survey, form)
    except ValueError:
        return wrong_answer()
    return await _record(host, wanted, package, text, answers, agreed=agreed)


async def show_text(request: Request) -> Response:
    """Serve ``/p/{package}/consent``: the text by itself, for anyone to read."""
    name = request.path_params["package"]
    host = host_of(request)
    package = await reading(host, lambda connection: _packages.get(connection, name))
    if package is None:
        return message(404, "Not here", "This host does not know the package.")
    values = {"text": consent_text(package), "asking": False}
    return page("consent.html", values)


async def _record(  # noqa: PLR0913 - what is to be recorded
    host: Host,
    wanted: AuthorizationRequest,
    package: _packages.Package,
    text: ConsentText,
    answers: str | None,
    *,
    agreed: bool,
) -> Response:
    now = host.now()

    def write(connection: Connection) -> str | None:
        count_decision(connection, package.id, now, agreed=agreed)
        if not agreed:
            return None
        how = "browser" if package.sign_in == "anonymous" else f"browser-{package.sign_in}"
        consent = _grants.Consent(package.id, text.sha256, text.version, now, how, answers)
        install = _grants.enrol(connection, consent)
        return _grants.issue_code(connection, install, wanted, now)

    code = await writing(host, write)
    host.metrics.decisions.add("yes" if agreed else "no")
    if code is None:
        return see_other(wanted.answer(host.issuer, error="access_denied"))
    return see_other(wanted.answer(host.issuer, code=code))


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
        return see_other(wanted.answer(host.issuer, **answer))
    if package.closed:
        return see_other(wanted.answer(host.issuer, error="access_denied"))
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


def text_changed() -> Response:
    """Return the page for a decision about a text that is no longer in force."""
    return message(
        409,
        "The text has changed",
        "Please read it again before you decide.",
        hint="Start again from the package that asked you.",
    )


def wrong_answer() -> Response:
    """Return the page for an answer that was not offered."""
    return message(422, "An answer cannot be right", "Go back and choose one that is there.")


def see_other(target: str) -> Response:
    """Go to *target* by GET, whatever was asked."""
    # 303, never 307: the form must not be posted again to the client (RFC 9700, 4.12).
    return RedirectResponse(target, 303, {"Cache-Control": "no-store"})


def bad(text: str) -> Response:
    """Return the page for a request that nobody may be redirected for."""
    return message(
        400,
        "This request cannot be right",
        text,
        hint="Nothing was recorded. The package that sent you here may be out of date.",
    )
