"""Show a user in a browser what is held about them, and let them save, stop or erase it.

The page is opened by a link that the user's own program asks for with its token
(`_self`). The link works once and leaves the address bar at once; what follows is a
session of a quarter of an hour, known by a cookie alone.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from otumat_usage.host import _held, _self_keys
from otumat_usage.host._form_session import (
    cookie_of,
    form_session,
    is_ours,
    keep_cookie,
    keep_session,
)
from otumat_usage.host._lines import gathered, sent
from otumat_usage.host._pages import message, page
from otumat_usage.host._rights import erase, export, stop
from otumat_usage.host._secrets import install_of, new_secret, sign_form
from otumat_usage.host._web import (
    RedirectResponse,
    Request,
    Response,
    Route,
    address_of,
    host_of,
    read_form,
    reading,
    run_in_threadpool,
    writing,
)

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection
    from otumat_usage.host._host import Host
    from otumat_usage.host._rights import Erased

__all__ = ["PATH", "ROUTES"]

PATH = "/user/my-data"
_COOKIE = "otumat_self"
_NO_STORE = {"Cache-Control": "no-store"}


async def _show(request: Request) -> Response:
    key = request.query_params.get("key")
    return await (_page(request) if key is None else _enter(request, key))


async def _enter(request: Request, key: str) -> Response:
    """Trade the key of a link for a session; a preview (HEAD) must not use it up."""
    host = host_of(request)
    address, now = address_of(request), host.now()
    if request.method != "GET":
        return _locked()
    if host.self_keys.spent(address, now):
        answer = message(429, "Too many attempts", "Please wait a minute, then try again.")
        answer.headers["Retry-After"] = "60"
        return answer
    install = install_of(key, "sl")
    session = await writing(
        host, lambda connection: _self_keys.open_session(connection, key, now), install=install
    )
    if session is None:
        host.self_keys.count(address, now)
        return _locked()
    life = _self_keys.SESSION_LIFE // 1000
    answer = RedirectResponse(PATH, 303, _NO_STORE)
    return keep_cookie(host, answer, _COOKIE, session, seconds=life)


async def _page(request: Request, *, wrong: str = "") -> Response:
    host, session = host_of(request), _session(request)
    now = host.now()

    def read(connection: Connection) -> _held.Held | None:
        install = _self_keys.owner_of(connection, session, now)
        return None if install is None else _held.held(connection, install)

    found = await reading(host, read)
    if found is None:
        return _locked()
    browser = form_session(request) or new_secret()
    values: dict[str, object] = {
        "held": found,
        "package": found.install["package"],
        "origin": host.issuer,
        "wrong": wrong,
        "csrf": {what: _mark(host, browser, what, session) for what in ("stop", "erase")},
    }
    status = 422 if wrong else 200
    shown = await run_in_threadpool(page, "my_data.html", values, status=status)
    return keep_session(host, shown, browser)


async def _download(request: Request) -> Response:
    host, session = host_of(request), _session(request)
    now = host.now()

    def read(connection: Connection) -> IO[bytes] | None:
        install = _self_keys.owner_of(connection, session, now)
        return None if install is None else gathered(export(connection, install))

    found = await reading(host, read)
    if found is None:
        return _locked()
    return sent(found, Content_Disposition='attachment; filename="my-usage-data.jsonl"')


async def _stop(request: Request) -> Response:
    form = await _own_form(request, "stop")
    if isinstance(form, Response):
        return form
    host, session = host_of(request), _session(request)

    def write(connection: Connection) -> bool:
        install = _self_keys.owner_of(connection, session, host.now())
        if install is not None:
            stop(connection, install)
        return install is not None

    if not await writing(host, write):
        return _locked()
    host.bearers.clear()
    return RedirectResponse(PATH, 303, _NO_STORE)


async def _erase(request: Request) -> Response:
    form = await _own_form(request, "erase")
    if isinstance(form, Response):
        return form
    if form.get("sure") != "yes":
        return await _page(
            request, wrong="Nothing was erased: tick the box to say that you mean it."
        )
    host, session = host_of(request), _session(request)

    def write(connection: Connection) -> Erased | None:
        install = _self_keys.owner_of(connection, session, host.now())
        return None if install is None else erase(connection, install)

    erased = await writing(host, write)
    if erased is None:
        return _locked()
    host.bearers.clear()
    await reading(host, host.database.flush)
    text = f"{erased.events} events of {erased.uploads} uploads, your consent, all tokens are gone."
    answer = message(
        200,
        "Everything about this installation was erased",
        f"{text} What waits on your own computer goes when its next upload is told so.",
        hint="To clear it there at once: otumat-usage erase PACKAGE",
    )
    return keep_cookie(host, answer, _COOKIE, "", seconds=0)


async def _own_form(request: Request, what: str) -> dict[str, str] | Response:
    """Return the form, or the page that refuses one from elsewhere."""
    form = await read_form(request) or {}
    if not is_ours(request, form, *_purpose(what, _session(request))):
        return message(403, "Please try again", "This page was open too long, or came elsewhere.")
    return form


def _mark(host: Host, browser: str, what: str, session: str) -> str:
    return sign_form(host.form_key, browser, *_purpose(what, session))


def _purpose(what: str, session: str) -> tuple[str, str, str]:
    return "my-data", what, session


def _session(request: Request) -> str:
    return cookie_of(request, _COOKIE)


def _locked() -> Response:
    """Return the page for those without a session; it never says what exists."""
    return message(
        401,
        "This page opens from your own computer",
        "It shows what is held about one installation, to its user alone. A link to it works once, "
        "for five minutes. Run this where you use the package:",
        hint="otumat-usage export --page PACKAGE",
    )


ROUTES = (
    Route(PATH, _show, methods=["GET"]),
    Route(f"{PATH}/download", _download, methods=["GET"]),
    Route(f"{PATH}/stop", _stop, methods=["POST"]),
    Route(f"{PATH}/erase", _erase, methods=["POST"]),
)
