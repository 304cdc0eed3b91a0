"""Enrolment without a browser on this machine: RFC 8628.

The user opens an address on any device, compares a short code and decides on the same page.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otumat_usage._oauth import CLIENT_ID, SCOPE, error_of, plain
from otumat_usage.exceptions import EnrolmentDeniedError, EnrolmentError, HostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage._http import Client, Reply
    from otumat_usage._settings import Settings

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
#: Clocks of virtual machines run ahead of each other, and an early poll is punished.
_PATIENCE = 1.2


def enrol(
    client: Client,
    settings: Settings,
    route: str,
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, object]:
    """Return the host's token answer once the user has agreed on the page.

    Raises:
        EnrolmentDeniedError: the user said no.
        EnrolmentError: the code expired, or the host answered wrongly.
    """
    fields = {"client_id": CLIENT_ID, "scope": SCOPE, "package": settings.package}
    reply = client.form(route, fields)
    found = reply.parsed()
    if reply.status != 200:  # noqa: PLR2004
        raise EnrolmentError(f"{client.origin} could not enrol you: {error_of(reply)}")
    address, code = (plain(str(found.get(key, ""))) for key in ("verification_uri", "user_code"))
    device_code = found.get("device_code")
    if not isinstance(device_code, str) or not code or not address.startswith(client.origin + "/"):
        raise EnrolmentError(f"{client.origin} gave no usable code")
    say(f"On any device, open\n\n  {address}\n\nand enter the code  {code}\n")
    return _poll(client, settings, device_code, found, sleep)


def _poll(
    client: Client,
    settings: Settings,
    device_code: str,
    found: dict[str, object],
    sleep: Callable[[float], None],
) -> dict[str, object]:
    interval = _seconds(found.get("interval"), 5.0) * _PATIENCE
    end = time.monotonic() + _seconds(found.get("expires_in"), 900.0)
    fields = {"grant_type": _GRANT, "client_id": CLIENT_ID, "device_code": device_code}
    while client.left > interval and time.monotonic() < end:
        sleep(interval)
        try:
            reply = client.form(settings.token_route, fields)
        except HostError:
            interval *= 2  # RFC 8628, 3.5: a timeout is a reason to slow down
            continue
        if reply.status == 200:  # noqa: PLR2004
            return reply.parsed()
        interval += _judge(client, reply)
    raise EnrolmentError(f"nobody answered on the page within {settings.timeout:g} seconds")


def _judge(client: Client, reply: Reply) -> float:
    """Return how much longer to wait between polls from now on."""
    error = reply.parsed().get("error")
    if error == "authorization_pending":
        return 0.0
    if error == "slow_down" or reply.status == 429:  # noqa: PLR2004
        return 5.0
    if error == "access_denied":
        raise EnrolmentDeniedError("you said no on the page")
    if reply.status >= 500:  # noqa: PLR2004
        return 5.0
    raise EnrolmentError(f"{client.origin} could not enrol you: {error_of(reply)}")


def _seconds(value: object, default: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 86400:  # noqa: PLR2004
        return float(value)
    return default
