"""Show the maintainer the answers: a list of packages, and pages of plots for each."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import quote

from otumat_usage.host import _exhibit, _packages
from otumat_usage.host._admin import LEAVE, is_admin, locked
from otumat_usage.host._answers import DIMENSIONS, Answers
from otumat_usage.host._catalogue import PAGES, ExhibitUnknown, exhibit, shown_on
from otumat_usage.host._expression import CALLED, FilterInvalid, condition
from otumat_usage.host._figures import Figures, figures
from otumat_usage.host._form_session import form_session, keep_session
from otumat_usage.host._pages import SCRIPTED, message, page
from otumat_usage.host._public import is_published
from otumat_usage.host._question import SPANS, Question, QuestionInvalid, ask
from otumat_usage.host._secrets import new_secret, sign_form
from otumat_usage.host._snippet import snippet
from otumat_usage.host._statistics import Summary, iso, summarise
from otumat_usage.host._web import (
    RedirectResponse,
    Request,
    Response,
    Route,
    host_of,
    problem,
    reading,
    run_in_threadpool,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.host._database import Connection
    from otumat_usage.host._exhibit import Exhibit
    from otumat_usage.host._packages import Package

__all__ = ["LAST_ROUTES", "ROUTES", "package_page", "start_page"]

_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json", "svg": "image/svg+xml"}
#: Values of one dimension that the filter's menu offers.
_OFFERED = 60


async def start_page(request: Request) -> Response:
    """Serve ``/``: every package with its users."""
    if not await is_admin(request):
        return locked()
    host = host_of(request)
    now = host.now()

    def read(connection: Connection) -> list[Summary]:
        names = _packages.names(connection)
        return [summarise(connection, _packages.find(connection, n), now) for n in names]

    session = form_session(request) or new_secret()
    values = {
        "summaries": await reading(host, read),
        "csrf": sign_form(host.form_key, session, LEAVE),
    }
    shown = await run_in_threadpool(page, "packages.html", values)
    return keep_session(host, shown, session)


@dataclasses.dataclass(frozen=True, slots=True)
class _Shown:
    """Everything that one page needs from the database."""

    package: Package
    asked: Question
    exhibits: list[Exhibit]
    figures: Figures | None
    choices: list[tuple[str, list[tuple[str, str]]]]
    empty: bool
    published: bool
    today: int


async def package_page(request: Request) -> Response:
    """Serve ``/p/{package}`` and ``/p/{package}/{page}``."""
    if not await is_admin(request):
        return locked()
    host = host_of(request)
    name, kind = request.path_params["package"], request.path_params.get("page", "")
    if kind not in PAGES:
        return message(404, "Not here", "There is no such page at this host.")
    query = request.query_params
    if query.get("pick"):
        return _narrowed(request)
    try:
        shown = await reading(host, lambda c: _look(c, name, kind, query, host.now()))
    except (FilterInvalid, QuestionInvalid) as error:
        filters = [text for text in (query.get("where"), query.get("without")) if text]
        asked = f"What was asked: {' and '.join(filters)[:200]}" if filters else ""
        back = f"/p/{quote(name, safe='')}/{kind}".rstrip("/")
        return message(400, "This cannot be asked", str(error), hint=asked, back=back)
    if shown is None:
        return message(404, "Not here", f"No package {name!r} is registered at this host.")
    values = _values(shown, kind, snippet(shown.package, host.issuer))
    return await run_in_threadpool(page, "dashboard.html", values, csp=SCRIPTED)


def _narrowed(request: Request) -> Response:
    """Send the browser to the page whose filter has one condition more."""
    query = dict(request.query_params)
    pick, how, text = query.pop("pick"), query.pop("how", "and"), query.get("where", "").strip()
    one = f"not {pick}" if how == "not" else pick
    if how == "or":
        query["where"] = f"{text} or {one}" if text else one
    else:
        # Kept together: what was there may hold an "or", which binds less than "and".
        query["where"] = f"({text}) and {one}" if " or " in text else f"{text} and {one}"
        query["where"] = query["where"] if text else one
    target = request.url.replace_query_params(**query)
    return RedirectResponse(f"{target.path}?{target.query}", 303, {"Cache-Control": "no-store"})


def _look(
    connection: Connection, name: str, kind: str, query: Mapping[str, str], now: int
) -> _Shown | None:
    package = _packages.get(connection, name)
    if package is None:
        return None
    answers = Answers(connection, package, now)
    asked = ask(answers, query)
    empty = answers.first_day() is None
    return _Shown(
        package,
        asked,
        [] if empty else [exhibit(each, answers, asked) for each in _on(kind, answers, asked)],
        None if kind else figures(answers, asked, now),
        [] if empty else _choices(answers),
        empty,
        is_published(connection, package),
        answers.today,
    )


def _on(kind: str, answers: Answers, asked: Question) -> list[str]:
    """Return what stands on a page: what was asked for in words comes first."""
    return sorted(shown_on(kind, answers), key=lambda name: not (name == "drop" and asked.without))


def _choices(answers: Answers) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what the filter's menu offers: per dimension, each value as a condition."""
    found = []
    for dimension in DIMENSIONS:
        values = answers.values(dimension)[-_OFFERED:]
        if values:
            offered = [(condition(dimension, value), value) for value in reversed(values)]
            found.append((CALLED[dimension], offered))
    return found


def _values(shown: _Shown, kind: str, code: str) -> dict[str, object]:
    asked = shown.asked
    base = f"/p/{shown.package.name}"
    here = f"{base}/{kind}".rstrip("/")
    days = f"{iso(asked.first)} to {iso(asked.last)}"

    def only(dimension: str, value: object) -> str:
        more = condition(dimension, str(value))
        text = asked.text
        joined = f"({text}) and {more}" if " or " in text else f"{text} and {more}"
        return here + asked.query(where=joined if text else more)

    return {
        "package": shown.package.name,
        "base": base,
        "kind": kind,
        "here": here,
        "title": PAGES[kind][0],
        "pages": [(f"{base}/{k}".rstrip("/"), title, k) for k, (title, _) in PAGES.items()],
        "asked": asked,
        "spans": SPANS,
        "exhibits": shown.exhibits,
        "figures": shown.figures,
        "choices": shown.choices,
        "only": only,
        "empty": shown.empty,
        "published": shown.published,
        "snippet": code,
        "today": iso(shown.today),
        "days": days,
        "span": days if asked.until else "",
    }


async def data(request: Request) -> Response:
    """Serve ``/p/{package}/data/{name}.{kind}``: one answer as CSV, JSON or SVG."""
    if not await is_admin(request):
        return locked()
    host = host_of(request)
    package_name = request.path_params["package"]
    name, _, kind = request.path_params["file"].rpartition(".")
    if kind not in _TYPES:
        return problem(404, "not-found", "Not found", "names end in .csv, .json or .svg")

    def read(connection: Connection) -> str | None:
        package = _packages.get(connection, package_name)
        if package is None:
            return None
        answers = Answers(connection, package, host.now())
        found = exhibit(name, answers, ask(answers, request.query_params))
        return _exhibit.write(found, kind)

    try:
        text = await reading(host, read)
    except ExhibitUnknown as error:
        return problem(404, "not-found", "Not found", str(error))
    except (FilterInvalid, QuestionInvalid) as error:
        return problem(400, "question", "This cannot be asked", str(error))
    if text is None:
        return problem(404, "not-found", "Not found", "there is no such plot")
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'inline; filename="{package_name}-{name}.{kind}"',
    }
    return Response(text, headers=headers, media_type=_TYPES[kind])


ROUTES = [
    Route("/", start_page, methods=["GET"]),
    Route("/p/{package}", package_page, methods=["GET"]),
    Route("/p/{package}/data/{file}", data, methods=["GET"]),
]
#: After every other address below a package, because it takes any word.
LAST_ROUTES = [Route("/p/{package}/{page}", package_page, methods=["GET"])]
