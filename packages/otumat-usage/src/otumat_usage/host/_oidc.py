"""Sign users in at an OpenID provider: own the JWT library, check every claim of an ID token.

OpenID Connect Core 1.0, 3.1 (code flow) with PKCE (RFC 7636); Discovery 1.0; RFC 9207.
Only the address that the maintainer configured is ever asked.
"""

from __future__ import annotations

import base64
import dataclasses
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from otumat_usage.exceptions import UsageError
from otumat_usage.host._errors import SignInRefused, SignInUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage._http import Client

__all__ = ["SECRET", "Provider", "claims_of", "discover", "exchange", "require_library"]

#: The environment variable that holds our client's secret at the provider.
SECRET = "OTUMAT_HOST_OIDC_SECRET"  # noqa: S105 - a name, not the secret
_SECONDS = 15.0
_LEEWAY = 60
_OK = 200
#: Signatures only a holder of a private key can make; never `none`, never a shared secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")


@dataclasses.dataclass(frozen=True, slots=True)
class Provider:
    """What a provider says about itself, and who we are there."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    client_id: str

    def address(self, redirect_uri: str, *, state: str, nonce: str, challenge: str) -> str:
        """Return where the user's browser is sent."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        mark = "&" if "?" in self.authorization_endpoint else "?"
        return f"{self.authorization_endpoint}{mark}{urlencode(query)}"


def require_library() -> None:
    """Load the JWT library, so that a missing one is known before a user needs it."""
    import joserfc.jwt  # noqa: F401 - the loading is the point


def discover(issuer: str, client_id: str) -> Provider:
    """Ask the provider where its endpoints are.

    Raises:
        SignInUnavailable: it does not answer, or names another issuer.
    """
    found = _get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != issuer:
        raise SignInUnavailable(f"{issuer} says that its issuer is {found.get('issuer')!r}")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not isinstance(found.get(name), str):
            raise SignInUnavailable(f"{issuer} does not name its {name}")
    return Provider(
        issuer,
        str(found["authorization_endpoint"]),
        str(found["token_endpoint"]),
        str(found["jwks_uri"]),
        client_id,
    )


def exchange(
    provider: Provider, code: str, *, redirect_uri: str, verifier: str, secret: str
) -> str:
    """Trade the code for an ID token.

    Raises:
        SignInRefused: the provider refuses the code.
        SignInUnavailable: it does not answer.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if secret:
        pair = f"{quote(provider.client_id, safe='')}:{quote(secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = provider.client_id
    origin, path = _split(provider.token_endpoint)
    try:
        with _client(origin) as client:
            reply = client.post(path, urlencode(form).encode(), headers)
    except UsageError as error:
        raise SignInUnavailable(str(error)) from error
    token = reply.parsed().get("id_token")
    if reply.status != _OK or not isinstance(token, str):
        raise SignInRefused(f"the provider refused the code (status {reply.status})")
    return token


def claims_of(provider: Provider, token: str, *, nonce: str, now: int) -> Mapping[str, Any]:
    """Return the claims of an ID token for us, from this sign-in (Core, 3.1.3.7).

    Raises:
        SignInRefused: a claim or the signature is wrong; the text names which.
        SignInUnavailable: the provider's keys cannot be had.
    """
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    registry = jwt.JWTClaimsRegistry(
        now=now // 1000,
        leeway=_LEEWAY,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    keys = _get(provider.jwks_uri)
    try:
        known = KeySet.import_key_set(keys)  # type: ignore[arg-type]
        claims = jwt.decode(token, known, algorithms=list(_ALGORITHMS)).claims
        registry.validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise SignInRefused(f"the provider's ID token is not good: {error}") from error
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != provider.client_id:
        raise SignInRefused("the provider's ID token was made for another client (azp)")
    return claims


def _get(url: str) -> dict[str, object]:
    try:
        origin, path = _split(url)
        with _client(origin) as client:
            reply = client.get(path)
    except UsageError as error:
        raise SignInUnavailable(str(error)) from error
    if reply.status != _OK or not reply.parsed():
        raise SignInUnavailable(f"{url} answered {reply.status} and no JSON object")
    return reply.parsed()


def _split(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    path = parts.path or "/"
    return f"{parts.scheme}://{parts.netloc}", f"{path}?{parts.query}" if parts.query else path


def _client(origin: str) -> Client:
    # A fifth of the start of every host, and only those with a provider need it.
    from otumat_usage._http import Client

    return Client(origin, seconds=_SECONDS)
