"""Own the template library: turn a template and values into a page."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from otumat_usage.host._svg import Markup, escape, grouped
from otumat_usage.host._web import CSP, HTMLResponse, Request, Response, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otumat_usage.host._exhibit import Exhibit

__all__ = ["SCRIPTED", "STATIC", "fill", "message", "not_now", "page"]

_HERE = Path(__file__).parent


def _cell(value: object) -> str:
    """Return what a table shows: an en dash for what is not known, one digit of a share."""
    if isinstance(value, int):
        return grouped(value)
    if value is None:
        return "\N{EN DASH}"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _rows(exhibit: Exhibit, only: Callable[[str, object], str]) -> Markup:
    """Return the rows of a table, whose names lead to *only* their users where they can.

    Not in the template, which is slow at what a page has hundreds of.
    """
    parts = []
    for name, *cells in exhibit.rows:
        shown: str = escape(name)
        if exhibit.dimension and name != "unknown":
            address = escape(only(exhibit.dimension, name))
            shown = f'<a href="{address}" title="only users of this">{shown}</a>'
        parts.append(f'<tr><th scope="row">{shown}</th>')
        for cell in cells:
            if isinstance(cell, str):
                parts.append(f'<td class="text">{escape(cell)}</td>')
            else:
                parts.append(f"<td>{_cell(cell)}</td>")
        parts.append("</tr>\n")
    return Markup("".join(parts))


#: Our own files that pages may load, and their types.
_TYPES = {"style.css": "text/css", "answers.js": "text/javascript"}
#: What a page may do that reads its plots with our script: load it, and let it ask this host.
SCRIPTED = f"{CSP}; script-src 'self'; connect-src 'self'"


@functools.cache
def _static(name: str) -> tuple[bytes, str]:
    """Return what is in one of our files, and a tag that changes with it."""
    data = (_HERE / "static" / name).read_bytes()
    return data, hashlib.sha256(data).hexdigest()[:12]


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = grouped
    environment.filters["cell"] = _cell
    environment.filters["rows"] = _rows
    for name in _TYPES:
        word = name.replace(".", "_")
        environment.globals[word] = f"/static/{_static(name)[1]}/{name}"
    return environment


def fill(template: str, values: Mapping[str, object]) -> str:
    """Return what *template* makes of *values*, every one of them escaped."""
    return _environment().get_template(template).render(values)


def page(
    template: str, values: Mapping[str, object], *, status: int = 200, csp: str = CSP
) -> Response:
    """Return the page that *template* makes of *values*; no cache keeps it."""
    body = fill(template, values)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": csp}
    return HTMLResponse(body, status, headers)


def message(status: int, title: str, text: str, *, hint: str = "", back: str = "") -> Response:
    """Return a page that says one thing; *back* is where its link leads."""
    values = {"title": title, "text": text, "hint": hint, "back": back}
    return page("message.html", values, status=status)


def not_now(text: str, seconds: str) -> Response:
    """Return a page that says to come back after *seconds*."""
    answer = message(503, "Not now", text)
    answer.headers["Retry-After"] = seconds
    return answer


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _TYPES or request.path_params["tag"] != _static(name)[1]:
        return Response(status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_static(name)[0], headers=headers, media_type=_TYPES[name])


STATIC = Route("/static/{tag}/{name}", _file, methods=["GET"])
