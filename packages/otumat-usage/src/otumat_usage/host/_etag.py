"""Answer with a tag of the body: who has it already is told so (RFC 9110, 8.8.3 and 13.1.2)."""

from __future__ import annotations

import hashlib

from otumat_usage.host._web import Request, Response

__all__ = ["tagged"]


def tagged(request: Request, body: bytes, media_type: str, **headers: str) -> Response:
    """Return *body*, or 304 when the client holds it; header names use ``_`` for ``-``."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    sent = {name.replace("_", "-"): text for name, text in headers.items()} | {"ETag": tag}
    # A proxy that compresses makes our tag a weak one; the comparison is weak too (13.1.2).
    held = request.headers.get("if-none-match", "").split(",")
    if any(each.strip().removeprefix("W/") in (tag, "*") for each in held):
        return Response(status_code=304, headers=sent)
    return Response(body, headers=sent, media_type=media_type)
