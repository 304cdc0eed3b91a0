"""Send one mail through the maintainer's mail server."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from otumat_usage.host._errors import SignInUnavailable, UrlInvalid

__all__ = ["PASSWORD", "MailServer", "domain_of", "mailbox_of", "send"]

#: The environment variable that holds the mail server's password.
PASSWORD = "OTUMAT_HOST_SMTP_PASSWORD"  # noqa: S105 - a name, not the secret
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SECONDS = 20
# What every mail server takes; quoted local parts and literals are left out on purpose.
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@((?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63})"
)


@dataclasses.dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over: ``smtp://user@name:587`` or ``smtps://…``, and its sender."""

    url: str
    sender: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.password:
            raise UrlInvalid(
                f"{self.url!r} is no mail server: expected smtp://user@mail.example.org:587 "
                f"(the password comes from {PASSWORD})"
            )
        if domain_of(self.sender) is None:
            raise UrlInvalid(f"{self.sender!r} is no mail address")


def domain_of(address: str) -> str | None:
    """Return the domain of a mail address in lower case, None when it is no address."""
    match = _ADDRESS.fullmatch(address) if len(address) <= 254 else None  # noqa: PLR2004 - RFC 5321
    return None if match is None else match[1].lower()


def mailbox_of(address: str) -> str:
    """Return what is the same for the spellings of *address* that many servers put in one box."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def send(  # noqa: PLR0913 - two of them by keyword
    server: MailServer,
    recipient: str,
    subject: str,
    text: str,
    *,
    html: str = "",
    name: str = "",
) -> None:
    """Hand one mail over.

    Args:
        server: Where, and who sends.
        recipient: Whose mailbox.
        subject: One line; a line break in it is refused by the library.
        text: What is read.
        html: The same for those who read HTML.
        name: What makes this mail that mail: sent twice, it has one Message-ID.

    Raises:
        SignInUnavailable: the mail server cannot be reached or refuses it.
    """
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = server.sender, recipient, subject
    mail["Auto-Submitted"] = "auto-generated"
    mail["Date"] = formatdate()
    if name:
        digest = hashlib.sha256(name.encode()).hexdigest()[:40]
        mail["Message-ID"] = f"<{digest}@{domain_of(server.sender)}>"
    mail.set_content(text, cte="quoted-printable" if html else None)
    if html:
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
    parts = urlsplit(server.url)
    there = parts.hostname or ""
    trusted = ssl.create_default_context()
    try:
        if parts.scheme == "smtps":
            channel: smtplib.SMTP = smtplib.SMTP_SSL(
                there, parts.port or 465, timeout=_SECONDS, context=trusted
            )
        else:
            channel = smtplib.SMTP(there, parts.port or 587, timeout=_SECONDS)
        with channel:
            if parts.scheme == "smtp" and there not in _LOOPBACK:
                channel.starttls(context=trusted)  # or not at all: a link is a secret
            if parts.username:
                channel.login(unquote(parts.username), os.environ.get(PASSWORD, ""))
            channel.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise SignInUnavailable(f"no mail can be sent by {there}: {error}") from error
