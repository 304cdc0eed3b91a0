"""Let users prove who they are where a package asks for it, and keep nothing about them.

A package says who may enrol: anyone, whoever reads mail at an address (a link is
sent), or whoever an OpenID provider knows. What is proven stays with the browser for
an hour, sealed and bound to its session; the address itself is never stored, only its
domain is in the seal, because a package may ask for one.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from otumat_usage.host import _mail, _oidc, _packages, _providers
from otumat_usage.host._discovery import ROUTES
from otumat_usage.host._errors import SignInRefused
from otumat_usage.host._form_session import (
    cookie_of,
    form_session,
    is_ours,
    keep_cookie,
    keep_session,
)
from otumat_usage.host._pages import message, not_now, page
from otumat_usage.host._sealed import seal, unseal
from otumat_usage.host._secrets import challenge_of, new_secret, sign_form
from otumat_usage.host._web import (
    RedirectResponse,
    Request,
    Response,
    address_of,
    host_of,
    read_form,
    reading,
    run_in_threadpool,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage.host._host import Host
    from otumat_usage.host._packages import Package

__all__ = ["SIGN_IN", "admitted", "by_link", "by_provider", "sent", "show", "to_sign_in"]

_T = TypeVar("_T")

SIGN_IN = "/user/sign-in"
_COOKIE = "otumat_user"
_MINUTE = 60_000
_LINK_LIFE = 15 * _MINUTE
_SIGNED_LIFE = 60 * _MINUTE
#: Seconds after which somebody may try again who cannot sign in now.
_WAIT = "600"
_CROWD = "Too many have tried to sign in from this network. Please wait, then try again."
# Only our own two pages, and nothing that a browser could read as another address.
_NEXT = re.compile(
    rf"(?:{re.escape(ROUTES['install'])}|{re.escape(ROUTES['verify'])})\?[!-\[\]-~]{{1,4000}}"
)


def admitted(request: Request, package: Package) -> bool:
    """Say whether this browser may enrol for *package* now."""
    if package.sign_in == "anonymous":
        return True
    host = host_of(request)
    sealed = cookie_of(request, _COOKIE)
    found = unseal(host.form_key, "user", form_session(request), sealed, host.now())
    return (
        found is not None and found["how"] == package.sign_in and _welcome(package, found["domain"])
    )


def to_sign_in(request: Request, package: Package) -> Response:
    """Send the browser to prove who its user is, and back here afterwards."""
    here = f"{request.url.path}?{request.url.query}"
    query = urlencode({"package": package.name, "next": here})
    return _see_other(f"{SIGN_IN}?{query}")


async def show(request: Request) -> Response:
    """Serve ``GET /user/sign-in``: the form for a mail address, or the way to the provider."""
    host = host_of(request)
    package, there = await _asked(request)
    if package is None:
        return _lost()
    session = form_session(request) or new_secret()
    if package.sign_in == "oidc":
        return keep_session(host, await _to_provider(request, session, there), session)
    query = request.url.query
    values: dict[str, object] = {
        "package": package.name,
        "action": f"{SIGN_IN}?{query}",
        "csrf": sign_form(host.form_key, session, "sign-in", query),
        "domains": package.domains,
        "wrong": "",
    }
    return keep_session(host, page("sign_in.html", values), session)


async def sent(request: Request) -> Response:
    """Serve ``POST /user/sign-in``: send the link."""
    host = host_of(request)
    form = await read_form(request) or {}
    package, there = await _asked(request)
    if package is None or package.sign_in != "email":
        return _lost()
    if not is_ours(request, form, "sign-in", request.url.query):
        return message(403, "Please try again", "This page was open too long, or came elsewhere.")
    address = form.get("email", "").strip()
    domain = _mail.domain_of(address)
    if domain is None or not _welcome(package, domain):
        return message(
            422,
            "This address cannot be used",
            f"{package.name} takes addresses of: {', '.join(package.domains) or 'any domain'}.",
            hint="Go back and correct it.",
        )
    now, asker, mailbox = host.now(), address_of(request), _mail.mailbox_of(address)
    if not host.mails.take(asker, now) or not host.mailboxes.take(mailbox, now):
        return not_now("Too many links were asked for. Please wait, then try again.", _WAIT)
    session = form_session(request)
    until = host.now() + _LINK_LIFE
    token = seal(host.form_key, "link", session, until, domain=domain, next=there)
    return await _mailed(host, package, address, f"{host.issuer}{SIGN_IN}/link?token={token}")


async def by_link(request: Request) -> Response:
    """Serve ``GET /user/sign-in/link``: the link of the mail was opened."""
    host, session = host_of(request), form_session(request)
    token = request.query_params.get("token", "")
    found = unseal(host.form_key, "link", session, token, host.now())
    if found is None:
        return message(
            403,
            "This link is not good here",
            "Open it within fifteen minutes, in the browser in which you asked for it.",
        )
    return _signed(host, session, "email", found["domain"], found["next"])


async def by_provider(request: Request) -> Response:
    """Serve ``GET /user/sign-in/oidc``: the provider sent the browser back."""
    host, session = host_of(request), form_session(request)
    given = request.query_params
    found = unseal(host.form_key, "state", session, given.get("state", ""), host.now())
    if found is None:
        return message(403, "Please try again", "This sign-in took too long, or began elsewhere.")
    known = await reading(host, _providers.provider)
    if known is None:
        return not_now("Signing in is not set up at this host.", _WAIT)
    # RFC 9207: an answer that names another provider was mixed up on the way.
    if given.get("iss", known[0]) != known[0] or not given.get("code"):
        return message(403, "You were not signed in", "The provider gave no good answer.")
    if not host.provider.take(address_of(request), host.now()):
        return not_now(_CROWD, _WAIT)
    nonce, verifier = _derived(host, session, found["random"])

    def ask() -> str:
        provider = _oidc.discover(*known)
        token = _oidc.exchange(
            provider,
            given["code"],
            redirect_uri=f"{host.issuer}{SIGN_IN}/oidc",
            verifier=verifier,
            secret=os.environ.get(_oidc.SECRET, ""),
        )
        claims = _oidc.claims_of(provider, token, nonce=nonce, now=host.now())
        proven = claims.get("email_verified") is True
        return (_mail.domain_of(str(claims.get("email", ""))) or "") if proven else ""

    try:
        domain = await _outside(host, ask)
    except SignInRefused:
        return message(403, "You were not signed in", "The provider's answer could not be checked.")
    return _signed(host, session, "oidc", domain, found["next"])


def _welcome(package: Package, domain: str) -> bool:
    return not package.domains or domain in package.domains


async def _asked(request: Request) -> tuple[Package | None, str]:
    """Return the package that asks for a sign-in, and where to go afterwards."""
    host = host_of(request)
    name, there = request.query_params.get("package", ""), request.query_params.get("next", "")
    if _NEXT.fullmatch(there) is None:
        return None, ""
    found = await reading(host, lambda connection: _packages.get(connection, name))
    return (None if found is None or found.sign_in == "anonymous" else found), there


async def _mailed(host: Host, package: Package, address: str, link: str) -> Response:
    server = await reading(host, _providers.mail_server)
    text = (
        f"Someone, most likely you, wants to decide about usage reports of {package.name}.\n"
        f"Open this within fifteen minutes, in the same browser:\n\n{link}\n\n"
        "If it was not you, do nothing: your address is not kept.\n"
    )
    if server is None:
        return not_now("Signing in is not set up at this host.", _WAIT)
    subject = f"Usage reports of {package.name}: confirm your address"
    await _outside(host, lambda: _mail.send(server, address, subject, text))
    return message(200, "Look into your mailbox", "The link in it leads back to the question.")


async def _to_provider(request: Request, session: str, there: str) -> Response:
    host = host_of(request)
    known = await reading(host, _providers.provider)
    if known is None:
        return not_now("Signing in is not set up at this host.", _WAIT)
    if not host.provider.take(address_of(request), host.now()):
        return not_now(_CROWD, _WAIT)
    random = new_secret()
    until = host.now() + _LINK_LIFE
    state = seal(host.form_key, "state", session, until, next=there, random=random)
    nonce, verifier = _derived(host, session, random)
    provider = await _outside(host, lambda: _oidc.discover(*known))
    target = provider.address(
        f"{host.issuer}{SIGN_IN}/oidc", state=state, nonce=nonce, challenge=challenge_of(verifier)
    )
    return _see_other(target)


async def _outside(host: Host, work: Callable[[], _T]) -> _T:
    """Do *work*, which waits for another machine, without taking every thread for it.

    Raises:
        SignInUnavailable: that machine does not answer; the application says so on a page.
    """
    async with host.outside:
        return await run_in_threadpool(work)


def _derived(host: Host, session: str, random: str) -> tuple[str, str]:
    """Return nonce and PKCE verifier of one sign-in; only this host can work them out."""
    parts = ("nonce", "verifier")
    nonce, verifier = (sign_form(host.form_key, "oidc", part, session, random) for part in parts)
    return nonce, verifier


def _signed(host: Host, session: str, how: str, domain: str, there: str) -> Response:
    until = host.now() + _SIGNED_LIFE
    sealed = seal(host.form_key, "user", session, until, how=how, domain=domain)
    return keep_cookie(host, _see_other(there), _COOKIE, sealed, seconds=_SIGNED_LIFE // 1000)


def _see_other(target: str) -> Response:
    return RedirectResponse(target, 303, {"Cache-Control": "no-store"})


def _lost() -> Response:
    return message(400, "This request cannot be right", "Start again from the package that asked.")
