"""Enrolment: from a yes at the terminal to tokens, by the way that this machine allows.

A browser here (`_oauth`), or a code for any other device (`_device`), as the host's metadata offers
it (RFC 8414).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from otumat_usage import _browser, _device, _oauth, _tokens
from otumat_usage._http import Client
from otumat_usage.exceptions import EnrolmentError, HostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage._settings import Settings


def enrol(settings: Settings, say: Callable[[str], None]) -> _tokens.Tokens:
    """Lead the user through the host's page and return the tokens it grants.

    *say* shows a line to the user. Everything ends ``settings.timeout`` seconds from now.

    Raises:
        EnrolmentDeniedError: the user said no on the page.
        EnrolmentError: the host cannot be reached, answers wrongly, or nobody answered in time.
    """
    try:
        with Client(settings.origin, seconds=settings.timeout) as client:
            issuer, device = _metadata(client)
            if device and not _browser.is_here(os.environ):
                return _tokens.parse(_device.enrol(client, settings, device, say))
            return _oauth.by_browser(client, settings, issuer, say)
    except EnrolmentError:
        raise
    except HostError as error:
        raise EnrolmentError(str(error)) from error
    except OSError as error:
        raise EnrolmentError(f"no local port to listen on: {error}") from error


def _metadata(client: Client) -> tuple[str, str]:
    """Return the host's issuer and its device route, or "".

    Also the proof that it is there, before anything is opened.
    """
    reply = client.get("/.well-known/oauth-authorization-server")
    found = reply.parsed()
    issuer = found.get("issuer")
    # RFC 8414, 3.3: metadata that names another issuer must not be used.
    if reply.status != 200 or issuer != client.origin:  # noqa: PLR2004 - HTTP's own number
        raise EnrolmentError(
            f"{client.origin} does not speak this protocol (status {reply.status}, "
            f"issuer {_oauth.plain(str(issuer))!r}; expected {client.origin!r})"
        )
    address = str(found.get("device_authorization_endpoint", ""))
    device = address.removeprefix(client.origin) if address.startswith(f"{client.origin}/") else ""
    return client.origin, device
