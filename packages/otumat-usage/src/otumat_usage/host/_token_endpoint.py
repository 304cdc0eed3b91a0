"""Answer route 4 and revocation: read the form, check what is missing, ask the grants."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from otumat_usage.host import _legacy_grants
from otumat_usage.host._authorize import CLIENT_ID
from otumat_usage.host._device_grants import poll
from otumat_usage.host._forms import (
    DEVICE_GRANT,
    CodeForm,
    DevicePoll,
    RefreshForm,
    RevocationForm,
    missing,
)
from otumat_usage.host._grants import Pair, Refusal, redeem_code, refresh, revoke
from otumat_usage.host._messages import Nothing, OAuthBusy, OAuthError, Tokens
from otumat_usage.host._secrets import install_of
from otumat_usage.host._web import (
    Request,
    Response,
    host_of,
    json_answer,
    read_form,
    writing,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage.host._database import Connection
    from otumat_usage.host._host import Host

__all__ = ["client_fault", "oauth_busy", "oauth_error", "revocation", "token"]


async def token(request: Request) -> Response:
    """Serve ``POST /auth/token`` (RFC 6749, 3.2)."""
    form = await read_form(request)
    client = _legacy_grants.client_of(request)
    if form is not None and client is not None and form.get("grant_type") == "refresh_token":
        return await _by_secret(host_of(request), client, form)
    fault = client_fault(request, form)
    if form is None or fault is not None:
        return fault or oauth_error("invalid_request", "the form cannot be read")
    grant = form.get("grant_type", "")
    answer = _GRANTS.get(grant)
    if answer is not None:
        return await answer(host_of(request), form)
    if not grant:
        return oauth_error("invalid_request", "grant_type is missing")
    return oauth_error("unsupported_grant_type", f"grant_type {grant!r} is not supported")


async def revocation(request: Request) -> Response:
    """Serve ``POST /auth/revoke`` (RFC 7009): 200 for every token, known or not."""
    form = await read_form(request)
    fault = client_fault(request, form)
    if form is None or fault is not None:
        return fault or oauth_error("invalid_request", "the form cannot be read")
    fault = _missing(form, RevocationForm)
    if fault is not None:
        return fault
    host, value = host_of(request), form["token"]
    now = host.now()
    await writing(host, lambda connection: revoke(connection, value, now))
    host.bearers.clear()
    return json_answer(Nothing())


async def _by_code(host: Host, form: dict[str, str]) -> Response:
    fault = _missing(form, CodeForm)
    if fault is not None:
        return fault
    now = host.now()
    result = await writing(
        host,
        lambda connection: redeem_code(
            connection,
            form["code"],
            redirect_uri=form["redirect_uri"],
            verifier=form["code_verifier"],
            now=now,
        ),
    )
    return _tokens(host, "code", result)


async def _by_refresh(host: Host, form: dict[str, str]) -> Response:
    fault = _missing(form, RefreshForm)
    if fault is not None:
        return fault
    now, value, scope = host.now(), form["refresh_token"], form.get("scope")
    return await _renewed(
        host, "refresh", value, lambda connection: refresh(connection, value, scope, now)
    )


async def _by_secret(host: Host, client: _legacy_grants.Client, form: dict[str, str]) -> Response:
    """Answer a 0.3 client, which proves itself by HTTP Basic and by nothing in the form."""
    now, value = host.now(), form.get("refresh_token", "")
    if not value or "client_id" in form:
        return oauth_error("invalid_request", "send refresh_token, and the client in one place")
    return await _renewed(
        host,
        "secret",
        value,
        lambda connection: _legacy_grants.refresh(connection, client, value, now),
    )


async def _renewed(
    host: Host, grant: str, token: str, write: Callable[[Connection], Pair | Refusal]
) -> Response:
    """Answer who presents the refresh *token*; each answer stores one more: not without end."""
    install, now = (install_of(token, "rt") or b"").hex(), host.now()
    if not host.refreshes.take(install, now):
        wait = host.refreshes.wait(install, now)
        return oauth_busy("this installation has fetched too many tokens", str(wait), 429)
    result = await writing(host, write)
    if isinstance(result, Refusal):
        host.refreshes.give_back(install, now)  # whoever knows an install's id could spend them
        if result.error == "invalid_client":
            host.metrics.grants.add(grant, result.error)
            return _no_client(result.description)
    return _tokens(host, grant, result)


async def _by_device(host: Host, form: dict[str, str]) -> Response:
    fault = _missing(form, DevicePoll)
    if fault is not None:
        return fault
    now, code = host.now(), form["device_code"]
    result = await writing(host, lambda connection: poll(connection, code, now))
    return _tokens(host, "device", result)


_GRANTS = {
    "authorization_code": _by_code,
    "refresh_token": _by_refresh,
    DEVICE_GRANT: _by_device,
}


def client_fault(request: Request, form: dict[str, str] | None) -> Response | None:
    """Return the refusal of a form that is not from our one public client, else None."""
    if form is None:
        text = "send one form, application/x-www-form-urlencoded, each field once"
        return oauth_error("invalid_request", text)
    if "authorization" in request.headers:
        return _no_client("this client is public and has no secret")
    if "client_id" not in form:
        return oauth_error("invalid_request", "client_id is missing")
    if form["client_id"] != CLIENT_ID:
        return oauth_error("invalid_client", f"client_id must be {CLIENT_ID}", 401)
    return None


def _no_client(description: str) -> Response:
    # RFC 6749, 5.2: who tried the header is told in the header.
    answer = oauth_error("invalid_client", description, 401)
    answer.headers["WWW-Authenticate"] = 'Basic realm="otumat-usage"'
    return answer


def _missing(form: dict[str, str], shape: type) -> Response | None:
    lacking = missing(form, shape)
    if not lacking:
        return None
    return oauth_error("invalid_request", f"missing: {', '.join(lacking)}")


def _tokens(host: Host, grant: str, result: Pair | Refusal) -> Response:
    outcome = result.error if isinstance(result, Refusal) else "ok"
    host.metrics.grants.add(grant, outcome)
    if isinstance(result, Refusal):
        host.bearers.clear()  # it may have ended a family
        return oauth_error(result.error, result.description)
    tokens = Tokens(
        access_token=result.access,
        token_type="Bearer",  # noqa: S106 - the kind of token
        expires_in=result.expires_in,
        refresh_token=result.refresh,
        scope=result.scope,
        install_id=str(uuid.UUID(bytes=result.install)),
    )
    return json_answer(tokens, Pragma="no-cache")


def oauth_error(error: str, description: str, status: int = 400) -> Response:
    """Return an error as RFC 6749, 5.2 writes it."""
    # RFC 6749, 5.2 allows neither quotes nor backslashes in the description.
    safe = "".join(c if " " <= c <= "~" and c not in '"\\' else "'" for c in description)
    return json_answer(OAuthError(error, safe), status, Pragma="no-cache")


def oauth_busy(description: str, seconds: str, status: int = 503) -> Response:
    """Return that it cannot be done now, as an OAuth client reads it; come back after *seconds*."""
    # RFC 6749 has a code for it at the authorization endpoint only (4.1.2.1), and none that fits
    # better here.
    said = OAuthBusy("temporarily_unavailable", description, "Try again later", description)
    return json_answer(said, status, Pragma="no-cache", Retry_After=seconds)
