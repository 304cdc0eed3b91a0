"""Remember how users may sign in: the mail server and the OpenID provider of this host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from otumat_usage.host._mail import MailServer
from otumat_usage.host._settings import recall, remember

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection

__all__ = ["mail_server", "provider", "set_mail_server", "set_provider"]


def set_mail_server(connection: Connection, server: MailServer) -> None:
    """Keep the mail server; its password stays in the environment."""
    values = {"url": server.url, "sender": server.sender}
    remember(connection, "smtp", json.dumps(values))


def mail_server(connection: Connection) -> MailServer | None:
    """Return the mail server, None where none was named."""
    text = recall(connection, "smtp")
    return None if text is None else MailServer(**json.loads(text))


def set_provider(connection: Connection, issuer: str, client_id: str) -> None:
    """Keep the OpenID provider; our secret there stays in the environment."""
    values = {"issuer": issuer, "client_id": client_id}
    remember(connection, "oidc", json.dumps(values))


def provider(connection: Connection) -> tuple[str, str] | None:
    """Return the provider's issuer and our client id there, None where none was named."""
    text = recall(connection, "oidc")
    if text is None:
        return None
    found = json.loads(text)
    return str(found["issuer"]), str(found["client_id"])
