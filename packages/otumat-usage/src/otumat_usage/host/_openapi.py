"""Describe the host's operations as an OpenAPI 3.1 document.

Routes, parameters, forms and answers come from the same table and the same classes
that serve the requests (`_routes`, `_forms`, `_messages`, `_wire`), so the document
cannot say anything that the host does not do.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from typing import TYPE_CHECKING, Any

from otumat_usage.host._messages import Problem
from otumat_usage.host._web import Request, Response, Route, host_of
from otumat_usage.host._wire import schemas, to_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    _Handler = Callable[[Request], Awaitable[Response]]

__all__ = [
    "CSV",
    "HTML",
    "JSONL",
    "REDIRECT",
    "Operation",
    "Parameter",
    "document",
    "routes_of",
    "serve",
]

#: What an answer carries when it is no object of `_messages`.
CSV = "text/csv"
HTML = "text/html"
JSONL = "application/jsonl"
REDIRECT = "redirect"

_BEARER = "installation"
_PERSONAL = "maintainer"


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query or the path, or a header."""

    name: str
    description: str
    required: bool = False
    schema: Mapping[str, object] = dataclasses.field(default_factory=lambda: {"type": "string"})
    place: str = "query"


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address.

    Attributes:
        answers: What each status carries: a class of `_messages`, such a class or, on
            demand, text of another media type, or one of the constants of this module;
            None for no body.
        forms: The forms it takes, any one of them.
        body: The JSON it takes.
        scope: The scope of the access token it needs, "" when it needs none.
        personal: The scope of the maintainer's personal token it needs, "" when it needs none.
    """

    method: str
    path: str
    name: str
    handler: _Handler
    summary: str
    answers: Mapping[int, object]
    parameters: Sequence[Parameter] = ()
    forms: Sequence[type] = ()
    body: type | None = None
    scope: str = ""
    personal: str = ""


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """Return one route for each address, so that a 405 names all methods that it takes."""
    by_path: dict[str, dict[str, _Handler]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation.handler
    return [Route(path, _one_of(each), methods=list(each)) for path, each in by_path.items()]


def _one_of(handlers: Mapping[str, _Handler]) -> _Handler:
    async def serve(request: Request) -> Response:
        # The web library answers HEAD where there is GET.
        method = "GET" if request.method == "HEAD" else request.method
        return await handlers[method](request)

    return serve


async def serve(request: Request) -> Response:
    """Serve ``/openapi.json``."""
    state = request.app.state
    if getattr(state, "description", None) is None:  # anybody may ask, and it never changes
        state.description = to_json(document(state.operations, host_of(request).issuer))
    return Response(state.description, 200, {"Cache-Control": "no-store"}, "application/json")


def document(operations: Sequence[Operation], issuer: str) -> dict[str, object]:
    """Return the OpenAPI document of *operations* at *issuer*."""
    references, components = schemas(_classes(operations))
    paths: dict[str, dict[str, object]] = {}
    for operation in operations:
        described = _describe(operation, references)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Otumat usage host",
            "summary": "The usage protocol, wire 2.",
            "version": importlib.metadata.version("otumat-usage"),
        },
        "servers": [{"url": issuer}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer"} for name in (_BEARER, _PERSONAL)
            },
        },
    }


def _classes(operations: Iterable[Operation]) -> list[type]:
    """Return every class that has a schema, once, in a stable order."""
    found: dict[type, None] = {Problem: None}
    for operation in operations:
        shapes = [*operation.forms, operation.body, *operation.answers.values()]
        shapes = [shape[0] if isinstance(shape, tuple) else shape for shape in shapes]
        found.update((shape, None) for shape in shapes if isinstance(shape, type))
    return list(found)


def _describe(operation: Operation, references: Mapping[type, Any]) -> dict[str, object]:
    described: dict[str, object] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {
            str(status): _answer(status, shape, references)
            for status, shape in sorted(operation.answers.items())
        },
    }
    if operation.parameters:
        described["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.forms:
        shapes = [references[form] for form in operation.forms]
        schema = shapes[0] if len(shapes) == 1 else {"oneOf": shapes}
        content = {"application/x-www-form-urlencoded": {"schema": schema}}
        described["requestBody"] = {"required": True, "content": content}
    if operation.body is not None:
        content = {"application/json": {"schema": references[operation.body]}}
        described["requestBody"] = {"required": True, "content": content}
    if operation.scope:
        described["security"] = [{_BEARER: []}]
        described["description"] = f"Needs an access token of scope `{operation.scope}`."
    if operation.personal:
        described["security"] = [{_PERSONAL: []}]
        described["description"] = f"Needs a personal token of scope `{operation.personal}`."
    return described


def _parameter(parameter: Parameter) -> dict[str, object]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _answer(status: int, shape: object, references: Mapping[type, Any]) -> dict[str, object]:
    described: dict[str, object] = {"description": _WORDS.get(status, "Done.")}
    if shape == REDIRECT:
        described["headers"] = {"Location": {"required": True, "schema": {"type": "string"}}}
    elif isinstance(shape, tuple):
        of_class, other = shape
        described["content"] = {
            "application/json": {"schema": references[of_class]},
            other: {"schema": {"type": "string"}},
        }
    elif isinstance(shape, type):
        kind = "application/problem+json" if shape is Problem else "application/json"
        described["content"] = {kind: {"schema": references[shape]}}
    elif shape is not None:
        described["content"] = {str(shape): {"schema": {"type": "string"}}}
    return described


_WORDS = {
    201: "Made.",
    303: "Back to the client, with the answer in the address.",
    304: "What the client holds is still right.",
    400: "The request cannot be right; nothing was done.",
    401: "No token, or one that is not good; for OAuth, not our client.",
    403: "Not with this token, this form or this package.",
    404: "There is no such thing here.",
    409: "The text has changed meanwhile, or this installation is enrolled.",
    410: "Everything about this installation was erased.",
    413: "Too large; the limits are in the answer.",
    415: "Neither this media type nor this encoding is read.",
    422: "The batch id was used for another body; no such answer, filter or parameter.",
    429: "Too many attempts; see Retry-After.",
    503: "The host cannot do it now; see Retry-After.",
}
