"""Let the maintainer make, see and revoke personal tokens on a page."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from otumat_usage.host import _api_tokens, _packages
from otumat_usage.host._admin import is_admin, locked
from otumat_usage.host._errors import PackageUnknown, TokenInvalid, TokenUnknown
from otumat_usage.host._form_session import form_session, is_ours, keep_session
from otumat_usage.host._operate_token import described
from otumat_usage.host._pages import message, page
from otumat_usage.host._secrets import new_secret, sign_form
from otumat_usage.host._web import (
    RedirectResponse,
    Request,
    Response,
    Route,
    host_of,
    read_form,
    reading,
    writing,
)

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection

__all__ = ["ROUTES"]

_PATH = "/admin/tokens"
_PURPOSE = "tokens"
#: What the form offers, and how it calls it; "" for no end.
_LIVES = {"30": "30 days", "90": "90 days", "365": "a year", "": "no end"}


async def _show(request: Request) -> Response:
    return await _form(request)


async def _add(request: Request) -> Response:
    """Make a token; its secret stands on this answer and nowhere else."""
    form = await _own_form(request)
    if isinstance(form, Response):
        return form
    host = host_of(request)
    days = form.get("days", "")
    if days not in _LIVES:
        return await _form(request, wrong="Choose how long it lasts.")

    def write(connection: Connection) -> str:
        return _api_tokens.add(
            connection,
            form.get("name", "").strip(),
            host.now(),
            scope=form.get("scope", ""),
            packages=form.get("packages", "").replace(",", " ").split(),
            days=int(days) if days else None,
        )

    try:
        secret = await writing(host, write)
    except (PackageUnknown, TokenInvalid) as error:
        return await _form(request, wrong=str(error))
    return await _form(request, secret=secret)


async def _revoke(request: Request) -> Response:
    form = await _own_form(request)
    if isinstance(form, Response):
        return form
    name = form.get("name", "")
    with contextlib.suppress(TokenUnknown):  # another page was quicker
        await writing(host_of(request), lambda connection: _api_tokens.revoke(connection, name))
    return RedirectResponse(_PATH, 303, {"Cache-Control": "no-store"})


async def _own_form(request: Request) -> dict[str, str] | Response:
    if not await is_admin(request):
        return locked()
    form = await read_form(request) or {}
    if not is_ours(request, form, _PURPOSE):
        return message(403, "Please try again", "This page was open too long, or came elsewhere.")
    return form


async def _form(request: Request, *, wrong: str = "", secret: str = "") -> Response:
    if not await is_admin(request):
        return locked()
    host = host_of(request)

    def read(connection: Connection) -> tuple[list[dict[str, object]], list[str]]:
        tokens = [described(token, host.now()) for token in _api_tokens.every(connection)]
        return tokens, _packages.names(connection)

    tokens, names = await reading(host, read)
    session = form_session(request) or new_secret()
    values: dict[str, object] = {
        "tokens": tokens,
        "names": names,
        "lives": list(_LIVES.items()),
        "csrf": sign_form(host.form_key, session, _PURPOSE),
        "wrong": wrong,
        "secret": secret,
        "issuer": host.issuer,
    }
    status = 422 if wrong else 200
    return keep_session(host, page("tokens.html", values, status=status), session)


ROUTES = (
    Route(_PATH, _show, methods=["GET"]),
    Route(_PATH, _add, methods=["POST"]),
    Route(f"{_PATH}/revoke", _revoke, methods=["POST"]),
)
