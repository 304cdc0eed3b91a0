"""Answer a maintainer's programs: the same answers as the pages, as JSON or CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _exhibit, _packages, _report
from otumat_usage.host._answers import Answers
from otumat_usage.host._authorize import single_valued
from otumat_usage.host._catalogue import EXHIBITS, ExhibitUnknown, exhibit
from otumat_usage.host._days import iso
from otumat_usage.host._errors import PackageUnknown
from otumat_usage.host._etag import tagged
from otumat_usage.host._expression import FilterInvalid
from otumat_usage.host._maintainer import maintainer
from otumat_usage.host._messages import StatsAnswer, StatsIndex, StatsPackage
from otumat_usage.host._question import Question, QuestionInvalid, ask
from otumat_usage.host._statistics import Summary, summarise
from otumat_usage.host._web import Request, Response, host_of, problem, reading
from otumat_usage.host._wire import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.host._database import Connection
    from otumat_usage.host._exhibit import Exhibit

__all__ = ["answer", "index", "summary"]

_JSON, _CSV = "application/json", "text/csv"
_WORDS = ("from", "to", "days", "where", "order", "without", "ci", "format")


async def index(request: Request) -> Response:
    """Serve ``GET /api/stats``: the packages that the token is for, and what can be asked."""
    token = await maintainer(request, "read")
    if isinstance(token, Response):
        return token
    host = host_of(request)
    names = [name for name in await reading(host, _packages.names) if token.speaks_for(name)]
    packages = [StatsPackage(name, f"{host.issuer}/api/stats/{name}") for name in names]
    return _send(request, to_json(StatsIndex(packages, list(EXHIBITS))), _JSON)


async def summary(request: Request) -> Response:
    """Serve ``GET /api/stats/{package}``: how many, how often, which, as `report --json` has it."""
    name = request.path_params["package"]
    token = await maintainer(request, "read", name)
    if isinstance(token, Response):
        return token
    host = host_of(request)

    def read(connection: Connection) -> Summary | None:
        package = _packages.get(connection, name)
        return None if package is None else summarise(connection, package, host.now())

    found = await reading(host, read)
    if found is None:
        return _unknown()
    return _send(request, _report.as_json(found).encode(), _JSON)


async def answer(request: Request) -> Response:
    """Serve ``GET /api/stats/{package}/{answer}``: one answer."""
    name, wanted = request.path_params["package"], request.path_params["answer"]
    token = await maintainer(request, "read", name)
    if isinstance(token, Response):
        return token
    given = _given(request)
    if isinstance(given, Response):
        return given
    host = host_of(request)

    def read(connection: Connection) -> tuple[str, Question, Exhibit]:
        package = _packages.find(connection, name)
        answers = Answers(connection, package, host.now())
        asked = ask(answers, given)
        return package.name, asked, exhibit(wanted, answers, asked)

    try:
        found = await reading(host, read)
    except (ExhibitUnknown, FilterInvalid, PackageUnknown, QuestionInvalid) as error:
        return _refusal(error)
    if given.get("format") == "csv":
        return _send(request, _exhibit.as_csv(found[2]).encode(), _CSV)
    return _send(request, to_json(_message(*found)), _JSON)


def _refusal(error: Exception) -> Response:
    if isinstance(error, ExhibitUnknown):
        return problem(404, "not-found", "Not found", str(error))
    if isinstance(error, PackageUnknown):
        return _unknown()
    members = (
        {"parameter": "where", "position": error.at} if isinstance(error, FilterInvalid) else {}
    )
    return _unaskable(str(error), members)


def _given(request: Request) -> dict[str, str] | Response:
    """Return the query; a word that is misspelt must not silently ask for something else."""
    given = single_valued(request.url.query)
    if given is None:
        return _unaskable("a parameter was given twice, or the query cannot be read")
    for name in given:
        if name not in _WORDS:
            text = f"no parameter {name[:20]!r}; there are {', '.join(_WORDS)}"
            return _unaskable(text, {"parameter": name[:20]})
    if given.get("format", "json") not in ("json", "csv"):
        return _unaskable(
            f"{given['format'][:20]!r} is no format: json, csv", {"parameter": "format"}
        )
    if given.get("from") and given.get("days"):
        return _unaskable("from and days both say how long: leave one out", {"parameter": "days"})
    return given


def _message(package: str, asked: Question, found: Exhibit) -> StatsAnswer:
    heads = _exhibit.keys(found)
    return StatsAnswer(
        package=package,
        first_day=iso(asked.first),
        last_day=iso(asked.last),
        where=asked.text,
        name=found.name,
        title=found.title,
        note=found.note,
        empty=found.empty,
        heads=heads,
        rows=[dict(zip(heads, row, strict=True)) for row in found.rows],
    )


def _send(request: Request, body: bytes, kind: str) -> Response:
    # Kept by nobody but who asked, and asked for again each time.
    return tagged(request, body, kind, Cache_Control="private, no-cache", Vary="Authorization")


def _unknown() -> Response:
    return problem(404, "package", "Unknown package", "no such package at this host")


def _unaskable(text: str, members: Mapping[str, object] | None = None) -> Response:
    title = "This cannot be asked"
    return problem(422, "question", title, text, headers=None, **(members or {}))
