"""Let a maintainer's programs in: the one place where a personal token is checked."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from otumat_usage.host import _api_tokens
from otumat_usage.host._days import day_of
from otumat_usage.host._errors import StoreBusy, StoreUnavailable
from otumat_usage.host._web import (
    Request,
    Response,
    address_of,
    host_of,
    problem,
    reading,
    writing,
)

if TYPE_CHECKING:
    from otumat_usage.host._api_tokens import ApiToken

__all__ = ["CHALLENGE", "maintainer"]

_REALM = 'Bearer realm="otumat-usage maintainer"'
#: What a 401 asks for (RFC 9110, 15.5.2).
CHALLENGE = {"WWW-Authenticate": _REALM}


async def maintainer(request: Request, scope: str, package: str = "") -> ApiToken | Response:
    """Return the personal token that *request* carries, or the answer that refuses it.

    401 without a good token, 403 for one of another scope or for other packages, 429 for an
    address that tries too many (RFC 6750, 3). Whether *package* exists is not looked at, so that
    a token for others cannot tell.

    Args:
        request: What is asked.
        scope: The scope that it needs, ``read`` or ``admin``.
        package: The package that it is about; "" for the host as a whole.
    """
    found = await _token(request)
    if isinstance(found, Response):
        return found
    if not found.may(scope):
        challenge = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
        text = f"the token {found.name!r} has the scope {found.scope}; this needs {scope}"
        headers = {"WWW-Authenticate": challenge}
        return problem(403, "scope", "Insufficient scope", text, headers=headers)
    if package and not found.speaks_for(package):
        text = f"the token {found.name!r} is for other packages"
        return problem(403, "token-package", "Another package", text)
    return found


async def _token(request: Request) -> ApiToken | Response:
    host, address = host_of(request), address_of(request)
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    secret, now = secret.strip(), host.now()
    if kind.lower() != "bearer" or not secret:
        return _refused("", "make a token with: otumat-usage host token add")
    # What lacks the checksum is a slip of the pen and no guess: it never reaches the store.
    if not _api_tokens.is_personal(secret):
        return _refused("invalid_token", "this is no personal token of a host (otu_pt_...)")
    if host.api_tokens.spent(address, now):
        text = "too many unknown tokens came from this address; wait a minute"
        return problem(429, "attempts", "Too many attempts", text, headers={"Retry-After": "60"})
    found = await reading(
        host, lambda connection: _api_tokens.look_up(connection, secret), single=True
    )
    if found is None:
        host.api_tokens.count(address, now)
        return _refused("invalid_token", "the token is unknown, or was revoked")
    if found.is_over(now):
        return _refused("invalid_token", f"the token {found.name!r} has expired")
    if found.used != day_of(now):
        # A host that cannot write at the moment answers all the same.
        with contextlib.suppress(StoreBusy, StoreUnavailable):
            await writing(host, lambda connection: _api_tokens.note(connection, found, now))
    return found


def _refused(error: str, text: str) -> Response:
    challenge = f'{_REALM}, error="{error}"' if error else _REALM
    headers = {"WWW-Authenticate": challenge}
    return problem(401, "maintainer-token", "A personal token is needed", text, headers=headers)
