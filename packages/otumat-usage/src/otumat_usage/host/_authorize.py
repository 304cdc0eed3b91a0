"""Judge an authorization request: which faults get a page, which a redirect.

RFC 6749, 4.1.2.1 and RFC 9700, 2.1: while the client, the redirect or the challenge
is in doubt nobody may be redirected anywhere; everything else is told to the client.
"""

from __future__ import annotations

import dataclasses
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from otumat_usage.host._secrets import is_challenge

__all__ = [
    "CLIENT_ID",
    "SCOPES",
    "AuthorizationRequest",
    "BadRequest",
    "judge",
    "scope_of",
    "single_valued",
]

#: The one public client; it has no secret (RFC 8252, 8.4).
CLIENT_ID = "otumat-usage"
SCOPES = ("usage:write", "usage:self")

_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\]):([0-9]{1,5})(/[A-Za-z0-9._~/-]{0,200})")
_STATE_LENGTH = 1024
_PORTS = 65_535


@dataclasses.dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that may be answered by redirect.

    Attributes:
        error: The error code the client must be told, None when all is well.
    """

    package: str
    redirect_uri: str
    state: str
    challenge: str
    scope: str
    context: tuple[tuple[str, str], ...]
    error: str | None = None
    description: str = ""

    def answer(self, issuer: str, **values: str) -> str:
        """Return the redirect that carries *values*, the state and the issuer (RFC 9207)."""
        if self.state:
            values["state"] = self.state
        values["iss"] = issuer
        return f"{self.redirect_uri}?{urlencode(values)}"

    @property
    def origin(self) -> str:
        """The scheme, address and port of the redirect."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"


@dataclasses.dataclass(frozen=True, slots=True)
class BadRequest:
    """A request that must not be redirected; the text is for the person in front of it."""

    description: str


def single_valued(text: str, *, fields: int = 40) -> dict[str, str] | None:
    """Parse a query or form body; None when a name comes twice (RFC 6749, 3.1 and 3.2)."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=fields, errors="strict")
    except ValueError:
        return None
    found = dict(pairs)
    return found if len(found) == len(pairs) else None


def scope_of(text: str, granted: str = " ".join(SCOPES)) -> str | None:
    """Return the scopes that *text* asks for, each once: all of *granted* where it names none.

    None where one is not among them.
    """
    named, known = text.split(), granted.split()
    if not set(named) <= set(known):
        return None
    return " ".join(each for each in known if each in named or not named)


def judge(  # noqa: PLR0911 - one return per fault reads best
    query: dict[str, str] | None,
) -> AuthorizationRequest | BadRequest:
    """Check everything about an authorization request but whether its package exists."""
    if query is None:
        return BadRequest("a parameter was given twice, or the query cannot be read")
    if query.get("client_id") != CLIENT_ID:
        return BadRequest(f"client_id must be {CLIENT_ID}")
    redirect = query.get("redirect_uri", "")
    match = _LOOPBACK.fullmatch(redirect)
    if match is None or not 0 < int(match[2]) <= _PORTS:
        return BadRequest(
            "redirect_uri must be a literal loopback address with a port, such as "
            "http://127.0.0.1:49152/done (RFC 8252, 7.3)"
        )
    challenge = query.get("code_challenge", "")
    if query.get("code_challenge_method") != "S256" or not is_challenge(challenge):
        return BadRequest("a code_challenge with code_challenge_method S256 is required (RFC 7636)")
    package = query.get("package", "")
    if not package:
        return BadRequest("the name of the package is missing")
    if len(query.get("state", "")) > _STATE_LENGTH:
        return BadRequest(f"state is longer than {_STATE_LENGTH} characters")
    return _describe(query, package, redirect, challenge)


def _describe(
    query: dict[str, str], package: str, redirect: str, challenge: str
) -> AuthorizationRequest:
    scope = scope_of(query.get("scope", ""))
    error, description = None, ""
    if query.get("response_type") is None:
        error, description = "invalid_request", "response_type is missing"
    elif query["response_type"] != "code":
        error, description = "unsupported_response_type", "response_type must be code"
    elif scope is None:
        error, description = "invalid_scope", f"known scopes: {' '.join(SCOPES)}"
    given = ((name, query.get(name, "")[:64]) for name in ("package_version", "python", "os"))
    # Nothing that turns around what stands beside it on the page.
    context = tuple((name, text) for name, text in given if text and text.isprintable())
    state = query.get("state", "")
    return AuthorizationRequest(
        package, redirect, state, challenge, scope or "", context, error, description
    )
