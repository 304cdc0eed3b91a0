"""Own the template library: turn a template and values into a page."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import jinja2

from otumat_usage.host._web import CSP, HTMLResponse, Request, Response, Route

__all__ = ["STATIC", "message", "page"]

_HERE = Path(__file__).parent


def _number(value: float) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _cell(value: object) -> str:
    """Return what a table shows: an en dash for what is not known, one digit of a share."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, float):
        return f"{value:.1f}"
    return _number(value) if isinstance(value, int) else str(value)


@functools.cache
def _style() -> tuple[bytes, str]:
    data = (_HERE / "static" / "style.css").read_bytes()
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
    environment.filters["number"] = _number
    environment.filters["cell"] = _cell
    environment.globals["style_url"] = f"/static/{_style()[1]}/style.css"
    return environment


def page(
    template: str, values: dict[str, object], *, status: int = 200, csp: str = CSP
) -> Response:
    """Return the page that *template* makes of *values*; no cache keeps it."""
    body = _environment().get_template(template).render(values)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": csp}
    return HTMLResponse(body, status, headers)


def message(status: int, title: str, text: str, *, hint: str = "") -> Response:
    """Return a page that says one thing."""
    return page("message.html", {"title": title, "text": text, "hint": hint}, status=status)


async def _style_sheet(request: Request) -> Response:
    data, tag = _style()
    if request.path_params["tag"] != tag:
        return Response(status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(data, headers=headers, media_type="text/css")


STATIC = Route("/static/{tag}/style.css", _style_sheet, methods=["GET"])
