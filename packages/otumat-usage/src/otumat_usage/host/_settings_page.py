"""Let the maintainer change on a page what a package asks, tells and collects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _packages, _providers
from otumat_usage.host._admin import is_admin, locked
from otumat_usage.host._errors import PackageInvalid
from otumat_usage.host._form_session import form_session, is_ours, keep_session
from otumat_usage.host._pages import message, page
from otumat_usage.host._secrets import new_secret, sign_form
from otumat_usage.host._subscriptions import KINDS, replace, subscriptions
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
    from collections.abc import Mapping

    from otumat_usage.host._database import Connection
    from otumat_usage.host._packages import Package
    from otumat_usage.host._subscriptions import Subscription

__all__ = ["PURPOSE", "ROUTES"]

#: What the page's CSRF value is for, together with the package's name.
PURPOSE = "settings"
_WAYS = {
    "anonymous": "anyone who reads the consent page",
    "email": "people who open a link that is sent to their mail address",
    "oidc": "people whom the OpenID provider knows",
}


async def _show(request: Request) -> Response:
    return await _form(request, "", {})


async def _change(request: Request) -> Response:
    if not await is_admin(request):
        return locked()
    host, name = host_of(request), request.path_params["package"]
    form = await read_form(request) or {}
    if not is_ours(request, form, PURPOSE, name):
        return message(403, "Please try again", "This page was open too long, or came elsewhere.")
    try:
        known = await writing(host, lambda connection: _apply(connection, name, form, host.now()))
    except PackageInvalid as error:  # and nothing of the form was stored
        return await _form(request, str(error), form)
    if not known:
        return _missing()
    host.bearers.clear()
    return RedirectResponse(f"/admin/p/{name}", 303, {"Cache-Control": "no-store"})


def _apply(connection: Connection, name: str, form: Mapping[str, str], now: int) -> bool:
    """Store what the form says, all of it or nothing; return whether there is such a package."""
    if _packages.get(connection, name) is None:
        return False
    way = form.get("sign_in", "")
    if way not in _ready(connection):
        raise PackageInvalid(f"This host cannot do that yet: otumat-usage host sign-in {way[:10]}")
    _packages.admit(connection, name, way, _split(form.get("domains", "")))
    _packages.news(connection, name, form.get("latest"), form.get("notice"))
    package = _packages.close(connection, name, closed=form.get("closed") == "yes")
    _packages.take_legacy(connection, name, on=form.get("legacy") == "yes")
    for kind in KINDS:
        replace(connection, package.id, kind, _split(form.get(f"mail-{kind}", "")), now)
    return True


def _split(text: str) -> list[str]:
    return text.replace(",", " ").split()


async def _form(request: Request, wrong: str, typed: Mapping[str, str]) -> Response:
    if not await is_admin(request):
        return locked()
    host, name = host_of(request), request.path_params["package"]

    def read(connection: Connection) -> tuple[Package, frozenset[str], list[Subscription]] | None:
        package = _packages.get(connection, name)
        if package is None:
            return None
        return package, _ready(connection), subscriptions(connection, package.id)

    found = await reading(host, read)
    if found is None:
        return _missing()
    package, ready, mailed = found
    session = form_session(request) or new_secret()
    kept = {
        "domains": " ".join(package.domains),
        "latest": package.latest or "",
        "notice": package.notice or "",
    }
    for kind in KINDS:
        kept[f"mail-{kind}"] = " ".join(each.address for each in mailed if each.kind == kind)
    values: dict[str, object] = {
        "package": package,
        "ways": [(way, text, way in ready) for way, text in _WAYS.items()],
        "csrf": sign_form(host.form_key, session, PURPOSE, name),
        "can_mail": "email" in ready,
        "fields": {field: typed.get(field, text) for field, text in kept.items()},
        "wrong": wrong,
    }
    status = 422 if wrong else 200
    return keep_session(host, page("settings.html", values, status=status), session)


def _ready(connection: Connection) -> frozenset[str]:
    """Return the ways to sign in that this host can offer."""
    ways = {"anonymous"}
    if _providers.mail_server(connection):
        ways.add("email")
    if _providers.provider(connection):
        ways.add("oidc")
    return frozenset(ways)


def _missing() -> Response:
    return message(404, "Not here", "No such package is registered at this host.")


ROUTES = (
    Route("/admin/p/{package}", _show, methods=["GET"]),
    Route("/admin/p/{package}", _change, methods=["POST"]),
)
