"""Shape every JSON answer: what the handlers send is what the OpenAPI document describes."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

__all__ = [
    "Alive",
    "AuthorizationServer",
    "DeviceCodes",
    "Erasure",
    "NewTokens",
    "Nothing",
    "OAuthBusy",
    "OAuthError",
    "PackageConsent",
    "PackageInfo",
    "PackageLimits",
    "PackagePace",
    "PackageSchema",
    "Problem",
    "Ready",
    "SelfLink",
    "StatsAnswer",
    "StatsIndex",
    "StatsPackage",
    "Tokens",
    "UploadReceipt",
]


@dataclasses.dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """Where the OAuth endpoints are and what they take (RFC 8414, 2; RFC 9207, 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    device_authorization_endpoint: str
    response_types_supported: tuple[str, ...]
    response_modes_supported: tuple[str, ...]
    grant_types_supported: tuple[str, ...]
    code_challenge_methods_supported: tuple[str, ...]
    token_endpoint_auth_methods_supported: tuple[str, ...]
    revocation_endpoint_auth_methods_supported: tuple[str, ...]
    scopes_supported: tuple[str, ...]
    authorization_response_iss_parameter_supported: bool


@dataclasses.dataclass(frozen=True, slots=True)
class PackageLimits:
    """How large a batch may be: rows, bytes as sent, bytes after gzip."""

    rows: int
    body_bytes: int
    decoded_bytes: int
    encodings: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class PackageConsent:
    """Which text the users of a package agree to."""

    version: str
    sha256: str
    url: str


@dataclasses.dataclass(frozen=True, slots=True)
class PackageSchema:
    """The declared events: their names, and the kind of each property."""

    types: list[str]
    props: dict[str, dict[str, str]]


@dataclasses.dataclass(frozen=True, slots=True)
class PackagePace:
    """How often clients are to upload, in seconds."""

    min_interval_s: int
    window_s: int


@dataclasses.dataclass(frozen=True, slots=True)
class PackageInfo:
    """What this host takes for one package; *schema* null means any event, no properties."""

    wire: tuple[int, ...]
    package: str
    closed: bool
    sign_in: str
    install_route: str
    event_route: str
    refresh_route: str
    self_route: str
    limits: PackageLimits
    consent: PackageConsent
    schema: PackageSchema | None
    pace: PackagePace


@dataclasses.dataclass(frozen=True, slots=True)
class Tokens:
    """What a grant gives (RFC 6749, 5.1), with the install that it is for."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    scope: str
    install_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class NewTokens:
    """The tokens of an install that a maintainer's program enrolled."""

    installId: str  # noqa: N815 - the name on the wire since 0.3
    access_token: str
    refresh_token: str
    expires_in: int
    scope: str


@dataclasses.dataclass(frozen=True, slots=True)
class OAuthError:
    """Why an OAuth endpoint refused (RFC 6749, 5.2; RFC 8628, 3.5)."""

    error: str
    error_description: str


@dataclasses.dataclass(frozen=True, slots=True)
class OAuthBusy:
    """Why an OAuth endpoint refuses now and not later; 0.3 clients look at the last two members."""

    error: Literal["temporarily_unavailable"]
    error_description: str
    error_msg: str
    error_desc: str


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceCodes:
    """What a program shows and polls with (RFC 8628, 3.2); times in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


@dataclasses.dataclass(frozen=True, slots=True)
class UploadReceipt:
    """What became of a batch; sent only after it is durable.

    *latest_version* and *notice* are what the package's maintainer lets its users know;
    null says nothing.
    """

    accepted: int
    duplicate: bool
    rejected: list[dict[str, Any]]
    rejected_count: int
    batch: str
    receipt: str
    next_upload_after: int
    latest_version: str | None
    notice: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased."""

    erased: bool
    install_id: str
    uploads: int
    events: int


@dataclasses.dataclass(frozen=True, slots=True)
class SelfLink:
    """An address that opens the user's own page in a browser, once, within *expires_in* seconds."""

    url: str
    expires_in: int


@dataclasses.dataclass(frozen=True, slots=True)
class StatsPackage:
    """A package, and where its numbers are."""

    name: str
    url: str


@dataclasses.dataclass(frozen=True, slots=True)
class StatsIndex:
    """What a personal token may ask about, and the names of the answers."""

    packages: list[StatsPackage]
    answers: list[str]


@dataclasses.dataclass(frozen=True, slots=True)
class StatsAnswer:
    """One answer: a table; its first column names the row, null is a number that is not known.

    *note* is what a reader must know to read it right, *empty* what an empty table means.
    """

    package: str
    first_day: str
    last_day: str
    where: str
    name: str
    title: str
    note: str
    empty: str
    heads: list[str]
    rows: list[dict[str, Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class Alive:
    """The process answers."""

    status: str


@dataclasses.dataclass(frozen=True, slots=True)
class Ready:
    """The store takes a write now, and so many writes wait."""

    status: str
    waiting: int


@dataclasses.dataclass(frozen=True, slots=True)
class Nothing:
    """An empty object: it was done."""


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """RFC 9457, with the two members that 0.3 clients look at; others depend on the type."""

    type: str
    title: str
    status: int
    error_msg: str
    error_desc: str
    detail: str = ""
