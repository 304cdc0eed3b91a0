"""Answer the device flow: start one, and let the user decide on the page (RFC 8628)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _device_grants, _packages
from otumat_usage.host._authorize import SCOPES, scope_of
from otumat_usage.host._consent import consent_text
from otumat_usage.host._discovery import ROUTES
from otumat_usage.host._enrolment import count_decision
from otumat_usage.host._form_session import form_session, is_ours, keep_session
from otumat_usage.host._grants import Consent
from otumat_usage.host._messages import DeviceCodes
from otumat_usage.host._pages import message, page
from otumat_usage.host._secrets import new_secret, sign_form
from otumat_usage.host._sign_in import admitted, to_sign_in
from otumat_usage.host._survey import answered
from otumat_usage.host._token_endpoint import client_fault, oauth_busy, oauth_error
from otumat_usage.host._web import (
    Request,
    Response,
    address_of,
    host_of,
    json_answer,
    read_form,
    reading,
    writing,
)

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection
    from otumat_usage.host._host import Host

__all__ = ["decide", "start", "verify"]

_PURPOSE = "device"


async def start(request: Request) -> Response:
    """Serve ``POST /auth/device`` (RFC 8628, 3.1)."""
    host = host_of(request)
    form = await read_form(request)
    fault = client_fault(request, form)
    if form is None or fault is not None:
        return fault or oauth_error("invalid_request", "the form cannot be read")
    scope = scope_of(form.get("scope", ""))
    if scope is None:
        return oauth_error("invalid_scope", f"known scopes: {' '.join(SCOPES)}")
    name, now = form.get("package", ""), host.now()
    asker = address_of(request)
    if not host.device_starts.take(asker, now):
        wait = host.device_starts.wait(asker, now)
        return oauth_busy("too many grants were started from this network", str(wait), 429)

    def write(connection: Connection) -> tuple[str, str] | None:
        package = _packages.get(connection, name)
        if package is None or package.closed:
            return None
        return _device_grants.start(connection, package.id, scope, now)

    codes = await writing(host, write)
    if codes is None:
        return oauth_error("invalid_request", "this host does not take the package")
    device_code, user_code = codes
    address = host.issuer + ROUTES["verify"]
    return json_answer(
        DeviceCodes(
            device_code=device_code,
            user_code=user_code,
            verification_uri=address,
            verification_uri_complete=f"{address}?user_code={user_code}",
            expires_in=_device_grants.DEVICE_LIFE // 1000,
            interval=_device_grants.INTERVAL,
        )
    )


async def verify(request: Request) -> Response:
    """Serve ``GET /device``: ask for the code, or show the consent page of one."""
    host = host_of(request)
    given = request.query_params.get("user_code", "")
    if not given:
        return page("device.html", {"wrong": False})
    found = await _find(request, host, given)
    if isinstance(found, Response):
        return found
    package = found
    if not admitted(request, package):
        return to_sign_in(request, package)
    code = _device_grants.canonical_code(given)
    session = form_session(request) or new_secret()
    values = {
        "text": consent_text(package),
        "asking": True,
        "action": ROUTES["verify"],
        "hidden": [
            ("csrf", sign_form(host.form_key, session, _PURPOSE, code)),
            ("user_code", code),
        ],
        "code": f"{code[:4]}-{code[4:]}",
        "context": (),
        "origin": host.issuer,
        "listener": "",
    }
    return keep_session(host, page("consent.html", values), session)


async def decide(request: Request) -> Response:  # noqa: PLR0911 - one return per fault
    """Serve ``POST /device``: record what the user decided."""
    host = host_of(request)
    form = await read_form(request) or {}
    code = _device_grants.canonical_code(form.get("user_code", ""))
    if not is_ours(request, form, _PURPOSE, code):
        return message(403, "Please try again", "This page was open too long, or came elsewhere.")
    found = await _find(request, host, code)
    if isinstance(found, Response):
        return found
    package = found
    text = consent_text(package)
    agreed = form.get("decision") == "yes"
    if agreed and not admitted(request, package):
        return message(403, "Please sign in again", "Open the address with the code once more.")
    if agreed and form.get("consent") != text.sha256:
        return message(409, "The text has changed", "Please read it again before you decide.")
    try:
        answers = answered(package.survey, form)
    except ValueError:
        return message(422, "An answer cannot be right", "Go back and choose one that is there.")
    now = host.now()

    def write(connection: Connection) -> bool:
        pending = _device_grants.find(connection, code, now)
        if pending is None:
            return False
        how = "device" if package.sign_in == "anonymous" else f"device-{package.sign_in}"
        consent = Consent(package.id, text.sha256, text.version, now, how, answers)
        _device_grants.answer(connection, pending, consent if agreed else None)
        count_decision(connection, package.id, now, agreed=agreed)
        return True

    if not await writing(host, write):
        return page("device.html", {"wrong": True}, status=404)
    host.metrics.decisions.add("yes" if agreed else "no")
    if agreed:
        return message(200, "Thank you", "You can close this page; the program goes on by itself.")
    return message(200, "Nothing will be sent", "You can close this page.")


async def _find(request: Request, host: Host, code: str) -> _packages.Package | Response:
    """Return the package that waits under *code*; wrong guesses are counted per address."""
    address = address_of(request)
    now = host.now()
    # Before anybody else may guess, and not after: many who ask at once would all be let in.
    if not host.user_codes.take(address, now):
        answer = message(429, "Too many attempts", "Please wait a minute, then try again.")
        answer.headers["Retry-After"] = "60"
        return answer

    def read(connection: Connection) -> _packages.Package | None:
        pending = _device_grants.find(connection, code, now)
        return None if pending is None else _packages.by_id(connection, pending.package)

    found = await reading(host, read)
    if found is None:
        return page("device.html", {"wrong": True}, status=404)
    host.user_codes.give_back(address, now)
    return found
