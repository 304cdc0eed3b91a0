"""Let the maintainer in: a one-time link from the console, then a session cookie."""

from __future__ import annotations

from otumat_usage.host._database import (
    Connection,
    admin_links,
    bindparam,
    delete,
    insert,
    select,
    sessions,
)
from otumat_usage.host._form_session import cookie_of, is_ours, keep_cookie
from otumat_usage.host._pages import message
from otumat_usage.host._prepared import Prepared
from otumat_usage.host._secrets import digest, new_secret
from otumat_usage.host._web import (
    RedirectResponse,
    Request,
    Response,
    address_of,
    host_of,
    read_form,
    reading,
    writing,
)

__all__ = ["LEAVE", "enter", "is_admin", "leave", "locked", "new_link"]

_LINK_LIFE = 3_600_000
_SESSION_LIFE = 30 * 86_400_000
_COOKIE = "otumat_admin"
_HINT = "otumat-usage host admin-link -d FOLDER"
_SESSION = Prepared(
    select(sessions.c.hash)
    .where(sessions.c.hash == bindparam("hash"))
    .where(sessions.c.expires > bindparam("now"))
)
#: What the CSRF value of the form that signs out is for.
LEAVE = "leave"


def new_link(connection: Connection, issuer: str, now: int) -> str:
    """Return an address that opens one admin session, once, within an hour."""
    connection.execute(delete(admin_links).where(admin_links.c.expires <= now))
    key = new_secret()
    connection.execute(insert(admin_links).values(hash=digest(key), expires=now + _LINK_LIFE))
    return f"{issuer}/admin/enter?key={key}"


async def enter(request: Request) -> Response:
    """Serve ``GET /admin/enter``: trade the one-time key for a session.

    A preview (HEAD) must not use it up.
    """
    host = host_of(request)
    if request.method != "GET":
        return locked()
    key = request.query_params.get("key", "")
    address, now = address_of(request), host.now()
    if host.admin_keys.spent(address, now):
        answer = message(429, "Too many attempts", "Please wait a minute, then try again.")
        answer.headers["Retry-After"] = "60"
        return answer
    secret = await writing(host, lambda connection: _trade(connection, key, now))
    if secret is None:
        host.admin_keys.count(address, now)
        return locked()
    response = RedirectResponse("/", 303, {"Cache-Control": "no-store"})
    return keep_cookie(host, response, _COOKIE, secret, seconds=_SESSION_LIFE // 1000)


async def leave(request: Request) -> Response:
    """Serve ``POST /admin/leave``: end every session, and every link that would open one."""
    if not await is_admin(request):
        return locked()
    form = await read_form(request) or {}
    if not is_ours(request, form, LEAVE):
        return message(403, "Please try again", "This page was open too long, or came elsewhere.")
    host = host_of(request)

    def end_all(connection: Connection) -> None:
        for table in (sessions, admin_links):
            connection.execute(delete(table))

    await writing(host, end_all)
    answer = message(
        200, "Signed out", "On every device; to come back, make a new link:", hint=_HINT
    )
    return keep_cookie(host, answer, _COOKIE, "", seconds=0)


async def is_admin(request: Request) -> bool:
    """Say whether *request* comes from an admin's session."""
    host = host_of(request)
    secret = cookie_of(request, _COOKIE)
    if not secret:
        return False
    asked = {"hash": digest(secret), "now": host.now()}
    return bool(await reading(host, lambda c: _SESSION.rows(c, **asked), single=True))


def locked() -> Response:
    """Return the page for those without a session; it never says what exists."""
    return message(
        401,
        "This page is for the maintainer",
        "Open the one-time link that the host printed when it started, or make a new one:",
        hint=_HINT,
    )


def _trade(connection: Connection, key: str, now: int) -> str | None:
    valid = (admin_links.c.hash == digest(key)) & (admin_links.c.expires > now)
    if connection.execute(delete(admin_links).where(valid)).rowcount != 1:
        return None
    connection.execute(delete(sessions).where(sessions.c.expires <= now))
    secret = new_secret()
    expires = now + _SESSION_LIFE
    connection.execute(insert(sessions).values(hash=digest(secret), expires=expires))
    return secret
