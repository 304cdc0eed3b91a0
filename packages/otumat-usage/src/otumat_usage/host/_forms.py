"""Shape every form: the fields a handler requires are those the OpenAPI document names."""

from __future__ import annotations

import dataclasses
from typing import Literal

__all__ = [
    "DEVICE_GRANT",
    "CodeForm",
    "Decision",
    "DeviceDecision",
    "DeviceForm",
    "DevicePoll",
    "RefreshForm",
    "RevocationForm",
    "missing",
]

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclasses.dataclass(frozen=True, slots=True)
class CodeForm:
    """Exchange an authorization code (RFC 6749, 4.1.3; RFC 7636, 4.5)."""

    grant_type: Literal["authorization_code"]
    client_id: Literal["otumat-usage"]
    code: str
    redirect_uri: str
    code_verifier: str


@dataclasses.dataclass(frozen=True, slots=True)
class RefreshForm:
    """Exchange a refresh token (RFC 6749, 6)."""

    grant_type: Literal["refresh_token"]
    client_id: Literal["otumat-usage"]
    refresh_token: str
    scope: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class DevicePoll:
    """Ask how a device grant stands (RFC 8628, 3.4)."""

    grant_type: Literal["urn:ietf:params:oauth:grant-type:device_code"]
    client_id: Literal["otumat-usage"]
    device_code: str


@dataclasses.dataclass(frozen=True, slots=True)
class RevocationForm:
    """End the grant behind a token (RFC 7009, 2.1)."""

    client_id: Literal["otumat-usage"]
    token: str
    token_type_hint: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceForm:
    """Start a device grant (RFC 8628, 3.1)."""

    client_id: Literal["otumat-usage"]
    package: str
    scope: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What the user decided on the consent page; all but `decision` comes from the page."""

    csrf: str
    consent: str
    decision: str


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceDecision:
    """What the user decided on the device page."""

    csrf: str
    consent: str
    user_code: str
    decision: str


def missing(form: dict[str, str], shape: type) -> list[str]:
    """Return the required fields of *shape* that *form* leaves out or empty."""
    required = [
        field.name for field in dataclasses.fields(shape) if field.default is dataclasses.MISSING
    ]
    return [name for name in required if not form.get(name)]
