"""Bind forms to the browser that they were given to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._secrets import is_secret, same, sign_form
from otumat_usage.host._web import Request, Response, host_of

if TYPE_CHECKING:
    from otumat_usage.host._host import Host

__all__ = ["cookie_of", "form_session", "is_ours", "keep_cookie", "keep_session"]

_COOKIE = "otumat_form"


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
    """Return the value that binds this browser to the forms it was given, "" where it has none."""
    found = cookie_of(request, _COOKIE)
    return found if is_secret(found) else ""


def keep_session(host: Host, response: Response, session: str) -> Response:
    """Return *response* with the cookie of `form_session`."""
    return keep_cookie(host, response, _COOKIE, session)


def keep_cookie(
    host: Host, response: Response, name: str, value: str, *, seconds: int | None = None
) -> Response:
    """Return *response* with a cookie that no script and no other host can read."""
    response.set_cookie(
        _cookie_name(host, name),
        value,
        max_age=seconds,
        httponly=True,
        secure=host.secure,
        samesite="lax",
        path="/",
    )
    return response


def cookie_of(request: Request, name: str) -> str:
    """Return the cookie that `keep_cookie` gave this browser as *name*, "" where it has none.

    As it was sent: to undo quotes, which none of ours has, lets any byte in, and takes Python
    before 3.10.15, 3.11.10 and 3.12.6 seconds for one long header (CVE-2024-7592).
    """
    sent = ";".join(request.headers.getlist("cookie")).split(";")
    found = dict(each.strip().partition("=")[::2] for each in sent)
    return found.get(_cookie_name(host_of(request), name), "")


def _cookie_name(host: Host, name: str) -> str:
    """Return how *name* is spelled at this host."""
    # The prefix makes browsers refuse the cookie from any other host or plain http.
    return f"__Host-{name}" if host.secure else name
