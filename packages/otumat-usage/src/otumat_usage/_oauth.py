"""OAuth with a browser on this machine: authorization code and PKCE; and the renewal of tokens.

RFC 6749 sections 4.1 and 6, RFC 7636 (S256), RFC 8252 (loopback), RFC 9207 (issuer). The user
confirms on the host's page in their own browser; no secret is in any URL.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from otumat_usage import _browser, _schema, _tokens
from otumat_usage._listener import Listener
from otumat_usage.exceptions import EnrolmentDeniedError, EnrolmentError, HostError, TokenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage._http import Client, Reply
    from otumat_usage._settings import Settings

CLIENT_ID = "otumat-usage"
SCOPE = "usage:write usage:self"


def by_browser(
    client: Client, settings: Settings, issuer: str, say: Callable[[str], None]
) -> _tokens.Tokens:
    """Return the tokens that the user grants on the host's page, opened here.

    Raises:
        EnrolmentDeniedError: the user said no on the page.
        EnrolmentError: the answer is wrong, or nobody gave one in time.
        OSError: there is no local port to listen on.
    """
    verifier = secrets.token_urlsafe(32)
    with Listener() as listener:
        url = _page(settings, listener, verifier)
        say(f"Opening {settings.origin} in your browser. If no page opens, go to:\n\n  {url}\n")
        with _browser.showing(url):
            answer = listener.wait(client.left)
    if answer is None:
        raise EnrolmentError(f"nobody answered on the page within {settings.timeout:g} seconds")
    # RFC 9207: an answer that names another server was mixed up on the way.
    if answer.get("iss") != issuer:
        came = plain(answer.get("iss", ""))
        raise EnrolmentError(f"the answer came from {came!r}, not from {issuer!r}")
    if answer.get("error") == "access_denied":
        raise EnrolmentDeniedError("you said no on the page")
    if "error" in answer or not answer.get("code"):
        raise EnrolmentError(f"{issuer} could not enrol you: {plain(answer.get('error', ''))}")
    return _exchange(client, settings, answer["code"], listener.redirect_uri, verifier)


def _page(settings: Settings, listener: Listener, verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    version, python, system = _schema.context(settings.name)
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": listener.redirect_uri,
        "state": listener.state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "scope": SCOPE,
        "package": settings.package,
        "package_version": version,
        "python": python,
        "os": system,
    }
    return f"{settings.origin}{settings.install_route}?{urlencode(query)}"


def _exchange(
    client: Client, settings: Settings, code: str, redirect_uri: str, verifier: str
) -> _tokens.Tokens:
    reply = client.form(
        settings.token_route,
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": CLIENT_ID,
            "code_verifier": verifier,
        },
    )
    if reply.status != 200:  # noqa: PLR2004
        raise EnrolmentError(f"{settings.origin} refused the code: {error_of(reply)}")
    try:
        return _tokens.parse(reply.parsed())
    except TokenError as error:
        raise EnrolmentError(str(error)) from error


def refresh(client: Client, token_route: str, tokens: _tokens.Tokens) -> _tokens.Tokens:
    """Return renewed tokens (RFC 6749 section 6).

    Raises:
        TokenError: the host no longer honours them (``invalid_grant``).
        HostError: it cannot say now; the old tokens are still good.
    """
    reply = client.form(
        token_route,
        {
            "grant_type": "refresh_token",
            "refresh_token": tokens.refresh_token,
            "client_id": CLIENT_ID,
        },
    )
    if reply.status == 200:  # noqa: PLR2004
        return _tokens.parse(reply.parsed(), was=tokens)
    if reply.status in (400, 401) and reply.parsed().get("error") == "invalid_grant":
        raise TokenError(f"{client.origin} no longer honours this installation's tokens")
    raise HostError(f"{client.origin} did not renew the tokens: {error_of(reply)}")


def error_of(reply: Reply) -> str:
    """Return status and error code of an OAuth answer (RFC 6749, 5.2)."""
    return plain(f"status {reply.status} {reply.parsed().get('error', '')}".strip())


def plain(text: str) -> str:
    """Return a host's text without what could play tricks on a terminal."""
    return "".join(c for c in text if c.isprintable())[:200]
