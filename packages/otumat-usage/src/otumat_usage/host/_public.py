"""Show strangers what a maintainer chose to publish: one page, badges, their files.

Nothing here reaches an answer except through the gate, and nothing is published
before the maintainer says so. A package that is not published and one that does not
exist answer alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _badges, _exhibit, _kept_badges, _packages
from otumat_usage.host._answers import Answers
from otumat_usage.host._catalogue import exhibit
from otumat_usage.host._consent import consent_text
from otumat_usage.host._gate import LEAST, PUBLIC, public
from otumat_usage.host._pages import SCRIPTED, message, page
from otumat_usage.host._question import ask
from otumat_usage.host._retention import Policy, policy_of
from otumat_usage.host._settings import recall, remember
from otumat_usage.host._web import (
    Request,
    Response,
    Route,
    host_of,
    problem,
    reading,
    run_in_threadpool,
)
from otumat_usage.host._wire import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.host._database import Connection
    from otumat_usage.host._exhibit import Exhibit
    from otumat_usage.host._host import Host

__all__ = ["ROUTES", "is_published", "publish"]

_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json", "svg": "image/svg+xml"}
#: Days that the public sees: it cannot choose, so it cannot compare spans.
_DAYS = "90"
_CACHED = {"Cache-Control": f"public, max-age={_badges.KEPT}"}


def publish(connection: Connection, package: _packages.Package, *, on: bool) -> None:
    """Open or close the public page and the badges of *package*."""
    remember(connection, f"published:{package.id}", "yes" if on else "no")


def is_published(connection: Connection, package: _packages.Package) -> bool:
    """Say whether the maintainer published *package*."""
    return recall(connection, f"published:{package.id}") == "yes"


def _opened(connection: Connection, name: str) -> _packages.Package | None:
    found = _packages.get(connection, name)
    return found if found is not None and is_published(connection, found) else None


async def public_page(request: Request) -> Response:
    """Serve ``/public/{package}``."""
    host = host_of(request)
    name = request.path_params["package"]

    def read(connection: Connection) -> list[Exhibit] | None:
        package = _opened(connection, name)
        if package is None:
            return None
        answers = Answers(connection, package, host.now())
        asked = ask(answers, {"days": _DAYS})
        return [public(exhibit(each, answers, asked)) for each in PUBLIC]

    found = await reading(host, read)
    if found is None:
        return message(404, "Not here", "Nothing of that name is published at this host.")
    values = {"package": _packages.canonical(name), "exhibits": found, "least": LEAST}
    return await run_in_threadpool(page, "public.html", values, csp=SCRIPTED)


async def data(request: Request) -> Response:
    """Serve ``/public/{package}/{name}.{kind}``: one public answer as CSV, JSON or SVG."""
    host = host_of(request)
    name, _, kind = request.path_params["file"].rpartition(".")

    def read(connection: Connection) -> str | None:
        package = _opened(connection, request.path_params["package"])
        if package is None:
            return None
        answers = Answers(connection, package, host.now())
        found = public(exhibit(name, answers, ask(answers, {"days": _DAYS})))
        return _exhibit.write(found, kind)

    known = name in PUBLIC and kind in _TYPES
    text = await reading(host, read) if known else None
    if text is None:
        return problem(404, "not-found", "Not found", "nothing of that name is published")
    return Response(text, headers=_CACHED, media_type=_TYPES[kind])


async def badge(request: Request) -> Response:
    """Serve ``/badge/{package}/{metric}.svg`` and ``.json``."""
    host = host_of(request)
    metric, _, kind = request.path_params["file"].rpartition(".")

    known = metric in _badges.METRICS and kind in ("svg", "json")
    found = await _badge(host, request.path_params["package"], metric) if known else None
    if found is None:
        metrics = ", ".join(_badges.METRICS)
        return problem(404, "not-found", "Not found", f"published badges are {metrics} .svg, .json")
    if kind == "svg":
        return Response(_badges.as_svg(found), headers=_CACHED, media_type=_TYPES["svg"])
    return Response(to_json(_badges.as_shields(found)), headers=_CACHED, media_type=_TYPES["json"])


async def _badge(host: Host, name: str, metric: str) -> _badges.Badge | None:
    """Return the badge of package *name*, None where nothing of that name is published."""
    now = host.now()

    def look(connection: Connection) -> Mapping[str, int | None] | None:
        return _kept_badges.said(connection, name, now)

    def work_out(connection: Connection) -> Mapping[str, int | None] | None:
        package = _opened(connection, name)
        if package is None:
            return None
        return {metric: _badges.users(metric, Answers(connection, package, now))}

    users = await reading(host, look, single=True)
    if users is not None and metric not in users:
        users = await reading(host, work_out)
    return None if users is None else _badges.badge(metric, users[metric])


async def privacy(request: Request) -> Response:
    """Serve ``/p/{package}/privacy``: what is collected, from the schema in force."""
    host = host_of(request)

    def read(connection: Connection) -> tuple[_packages.Package, bool, Policy] | None:
        package = _packages.get(connection, request.path_params["package"])
        if package is None:
            return None
        return package, is_published(connection, package), policy_of(connection)

    found = await reading(host, read)
    if found is None:
        return message(404, "Not here", "No such package is registered at this host.")
    package, published, policy = found
    values = {
        "text": consent_text(package),
        "published": published,
        "policy": policy,
        "least": LEAST,
        "origin": host.issuer,
        "old": package.legacy,
    }
    return page("privacy.html", values)


ROUTES = [
    Route("/public/{package}", public_page, methods=["GET"]),
    Route("/public/{package}/{file}", data, methods=["GET"]),
    Route("/badge/{package}/{file}", badge, methods=["GET"]),
    Route("/p/{package}/privacy", privacy, methods=["GET"]),
]
