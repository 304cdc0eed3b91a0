"""Tell clients what this host speaks: RFC 8414 metadata and our own limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _packages
from otumat_usage.host._authorize import SCOPES
from otumat_usage.host._consent import consent_text
from otumat_usage.host._etag import tagged
from otumat_usage.host._forms import DEVICE_GRANT
from otumat_usage.host._messages import (
    AuthorizationServer,
    PackageConsent,
    PackageInfo,
    PackageLimits,
    PackagePace,
    PackageSchema,
)
from otumat_usage.host._web import Request, Response, host_of, json_answer, problem, reading
from otumat_usage.host._wire import LIMITS, to_json

if TYPE_CHECKING:
    from otumat_usage.host._host import Host

__all__ = ["ROUTES", "authorization_server", "usage"]

#: Every address a client may call, by its purpose.
ROUTES = {
    "install": "/user/usage-install",
    "token": "/auth/token",
    "revoke": "/auth/revoke",
    "device": "/auth/device",
    "verify": "/device",
    "event": "/api/usage-event",
    "self": "/api/usage-self",
    "self_link": "/api/usage-self/link",
    "enrol": "/api/usage-install",
}


async def authorization_server(request: Request) -> Response:
    """Serve ``/.well-known/oauth-authorization-server``."""
    issuer = host_of(request).issuer
    return json_answer(
        AuthorizationServer(
            issuer=issuer,
            authorization_endpoint=issuer + ROUTES["install"],
            token_endpoint=issuer + ROUTES["token"],
            revocation_endpoint=issuer + ROUTES["revoke"],
            device_authorization_endpoint=issuer + ROUTES["device"],
            response_types_supported=("code",),
            response_modes_supported=("query",),
            grant_types_supported=("authorization_code", "refresh_token", DEVICE_GRANT),
            code_challenge_methods_supported=("S256",),
            token_endpoint_auth_methods_supported=("none",),
            revocation_endpoint_auth_methods_supported=("none",),
            scopes_supported=SCOPES,
            authorization_response_iss_parameter_supported=True,
        )
    )


async def usage(request: Request) -> Response:
    """Serve ``/.well-known/otumat-usage?package=P``."""
    host = host_of(request)
    name = request.query_params.get("package", "")
    package = await reading(host, lambda connection: _packages.get(connection, name))
    if package is None:
        return problem(404, "package", "Unknown package", "no such package at this host")
    body = to_json(_describe(host, package))
    return tagged(request, body, "application/json", Cache_Control="max-age=3600")


def _describe(host: Host, package: _packages.Package) -> PackageInfo:
    text = consent_text(package)
    schema = None
    if package.events is not None:
        props = {name: dict(kinds) for name, kinds in package.events.items()}
        schema = PackageSchema(sorted(props), props)
    return PackageInfo(
        wire=(1, 2) if package.legacy else (2,),
        package=package.name,
        closed=package.closed,
        sign_in=package.sign_in,
        install_route=ROUTES["install"],
        event_route=ROUTES["event"],
        refresh_route=ROUTES["token"],
        self_route=ROUTES["self"],
        limits=PackageLimits(**LIMITS, encodings=("gzip", "identity")),
        consent=PackageConsent(
            text.version, text.sha256, f"{host.issuer}/p/{package.name}/consent"
        ),
        schema=schema,
        pace=PackagePace(package.pace // 2, package.pace),
    )
