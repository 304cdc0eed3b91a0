"""Answer routes 1 and 2 for 0.3 clients, where a package's owner takes them.

The tokens go back in the address of a redirect, as these clients want it. There is no
state and no challenge that could bind them to the one who asked; so the page says where
they would go, and they go to a private network only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _grants, _legacy_grants, _packages
from otumat_usage.host._authorize import BadRequest
from otumat_usage.host._consent import ConsentText, legacy_text
from otumat_usage.host._discovery import ROUTES
from otumat_usage.host._enrolment import bad, count_decision, see_other, text_changed, wrong_answer
from otumat_usage.host._form_session import form_session, is_ours, keep_session
from otumat_usage.host._legacy_request import LegacyRequest, read
from otumat_usage.host._pages import message, page
from otumat_usage.host._secrets import new_secret, sign_form
from otumat_usage.host._sign_in import admitted, to_sign_in
from otumat_usage.host._survey import answered
from otumat_usage.host._web import (
    CSP,
    Request,
    Response,
    address_of,
    host_of,
    read_form,
    reading,
    writing,
)

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection
    from otumat_usage.host._host import Host

__all__ = ["ask", "decide", "show_text"]

_PURPOSE = "0.3"


async def ask(request: Request) -> Response:
    """Serve ``GET /user/usage-install``: the consent page."""
    wanted = read(request.url.query)
    if isinstance(wanted, BadRequest):
        return bad(wanted.description)
    if request.url.query != wanted.query:
        # What was not kept leaves the browser's address bar too, and every link from here.
        return see_other(f"{ROUTES['install']}?{wanted.query}")
    host = host_of(request)
    package = await _taken(host, wanted)
    if package is None:
        return _not_taken()
    if not admitted(request, package):
        return to_sign_in(request, package)
    session = form_session(request) or new_secret()
    return keep_session(host, _page(host, wanted, legacy_text(package), session), session)


async def decide(request: Request) -> Response:  # noqa: PLR0911 - one return per fault
    """Serve ``POST /user/usage-install``: record the decision and go back to the client."""
    host = host_of(request)
    form = await read_form(request)
    wanted = read(request.url.query)
    if isinstance(wanted, BadRequest):
        return bad(wanted.description)
    if form is None or not is_ours(request, form, _PURPOSE, request.url.query):
        return message(403, "Please try again", "This page was open too long, or came elsewhere.")
    package = await _taken(host, wanted)
    if package is None:
        return _not_taken()
    agreed = form.get("decision") == "yes"
    if not agreed:
        return await _refused(request, wanted, package)
    if not admitted(request, package):
        return to_sign_in(request, package)
    asker, now = address_of(request), host.now()
    if not host.enrolments.take(asker, now):
        answer = message(429, "Too many attempts", "Please try again in an hour.")
        answer.headers["Retry-After"] = str(host.enrolments.wait(asker, now))
        return answer
    text = legacy_text(package)
    if form.get("consent") != text.sha256:
        return text_changed()
    try:
        answers = answered(package.survey, form)
    except ValueError:
        return wrong_answer()
    return await _agreed(host, wanted, package, text, answers)


async def show_text(request: Request) -> Response:
    """Serve ``/p/{package}/consent/0.3``: the text by itself, for anyone to read."""
    name = request.path_params["package"]
    package = await reading(host_of(request), lambda connection: _packages.get(connection, name))
    if package is None or not package.legacy:
        return message(404, "Not here", "This host takes no such clients of the package.")
    return page("consent.html", {"text": legacy_text(package), "asking": False})


async def _refused(request: Request, wanted: LegacyRequest, package: _packages.Package) -> Response:
    host = host_of(request)
    now = host.now()
    if host.enrolments.take(address_of(request), now):
        await writing(
            host, lambda connection: count_decision(connection, package.id, now, agreed=False)
        )
        host.metrics.decisions.add("no")
    return see_other(wanted.cancelled)


async def _agreed(
    host: Host,
    wanted: LegacyRequest,
    package: _packages.Package,
    text: ConsentText,
    answers: str | None,
) -> Response:
    now = host.now()
    how = "browser-0.3" if package.sign_in == "anonymous" else f"{package.sign_in}-0.3"

    def write(connection: Connection) -> _legacy_grants.Credentials:
        count_decision(connection, package.id, now, agreed=True)
        consent = _grants.Consent(package.id, text.sha256, text.version, now, how, answers)
        return _legacy_grants.grant(connection, _grants.enrol(connection, consent), now)

    given = await writing(host, write)
    host.metrics.decisions.add("yes")
    answer = wanted.answer(
        accessToken=given.pair.access,
        refreshToken=given.pair.refresh,
        expiresIn=str(given.pair.expires_in),
        scope=given.pair.scope,
        installId=given.client.id,
        clientId=given.client.id,
        clientSecret=given.client.secret,
    )
    return see_other(answer)


async def _taken(host: Host, wanted: LegacyRequest) -> _packages.Package | None:
    package = await reading(host, lambda connection: _packages.get(connection, wanted.package))
    return package if package is not None and package.legacy and not package.closed else None


def _not_taken() -> Response:
    return message(
        400,
        "This version is too old",
        "This host takes no reports from the version of the package that asked you.",
        hint="Nothing was recorded. A newer version of the package may ask again.",
    )


def _page(host: Host, wanted: LegacyRequest, text: ConsentText, session: str) -> Response:
    values = {
        "text": text,
        "asking": True,
        "action": f"{ROUTES['install']}?{wanted.query}",
        "hidden": [("csrf", sign_form(host.form_key, session, _PURPOSE, wanted.query))],
        "code": "",
        "context": wanted.context,
        "origin": host.issuer,
        "listener": wanted.redirect,
    }
    csp = CSP.replace("form-action 'self'", f"form-action 'self' {wanted.origin}")
    return page("consent.html", values, csp=csp)
