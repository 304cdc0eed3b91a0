"""Talk to any server by plain HTTP, one request at a time, and read all of its answer.

The conformance rules send what a careful client never would (a parameter twice, a
body that is too large), so this stands below any client library.
"""

from __future__ import annotations

import contextlib
import dataclasses
import html.parser
import http.client
import json
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from otumat_usage.host._errors import ServerSilent, UrlInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Form", "Reply", "Server", "form_of"]

_LARGEST = 1 << 20
_SECONDS = 20.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer; header names in lower case, repeated ones joined by a comma."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object, {} when it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def redirect(self) -> dict[str, str]:
        """The parameters that a redirect carries, each once; {} when this is none."""
        query = parse_qs(urlsplit(self.headers.get("location", "")).query, keep_blank_values=True)
        return {name: values[0] for name, values in query.items()}


class Server:
    """One origin, and the cookies that it set.

    Args:
        url: The address: scheme, name and port.

    Raises:
        UrlInvalid: it is neither https nor loopback, or holds more than these.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            self._port = parts.port
        except ValueError:
            raise UrlInvalid(f"{url!r} is no address: the port is no number") from None
        self._name = parts.hostname or ""
        self._secure = parts.scheme == "https"
        if not self._name or not (self._secure or parts.scheme == "http"):
            raise UrlInvalid(f"{url!r} is no address: expected https://usage.example.org")
        if not self._secure and self._name not in _LOOPBACK:
            raise UrlInvalid(f"{url!r}: plain http is taken for loopback addresses only")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise UrlInvalid(f"{url!r}: a server is an origin: only scheme, name and port")
        self.origin = f"{parts.scheme}://{parts.netloc.lower()}"
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **headers: str) -> Reply:
        """Return the answer to GET *path*; header names use ``_`` for ``-``."""
        return self.ask("GET", path, b"", headers)

    def form(
        self, path: str, fields: Mapping[str, str | None] | bytes, **headers: str | None
    ) -> Reply:
        """Return the answer to a POSTed form; fields that are None are left out."""
        data = fields
        if not isinstance(data, bytes):
            data = urlencode({k: v for k, v in data.items() if v is not None}).encode()
        kind = {"Content_Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, data, kind | headers)

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str | None]) -> Reply:
        """Return the complete answer to one request.

        Raises:
            ServerSilent: there was none.
        """
        sent = {k.replace("_", "-"): v for k, v in headers.items() if v is not None}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        connection = self._connect()
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                # A server may refuse a body before it has read it all.
                connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            data = answer.read(_LARGEST)
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise ServerSilent(f"{self.origin} did not answer {method} {path}: {why}") from error
        finally:
            connection.close()
        for line in answer.headers.get_all("set-cookie") or ():
            self._keep(line)
        joined: dict[str, str] = {}
        for name, value in answer.getheaders():
            known = joined.get(name.lower())
            joined[name.lower()] = value if known is None else f"{known}, {value}"
        return Reply(answer.status, joined, data)

    def path_of(self, address: str) -> str:
        """Return the path and query of *address*."""
        parts = urlsplit(address)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._name, self._port, timeout=_SECONDS)

    def _keep(self, line: str) -> None:
        with contextlib.suppress(CookieError):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value


@dataclasses.dataclass(slots=True)
class Form:
    """The first form of a page: where it goes, what it carries, what its buttons say."""

    action: str = ""
    method: str = "get"
    fields: dict[str, str] = dataclasses.field(default_factory=dict)
    buttons: dict[str, set[str]] = dataclasses.field(default_factory=dict)


class _Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form" and self.form is None:
            self.form = Form(named.get("action", ""), named.get("method", "get").lower())
            self._inside = True
        elif self._inside and self.form is not None and named.get("name"):
            if tag == "button" or named.get("type") == "submit":
                self.form.buttons.setdefault(named["name"], set()).add(named.get("value", ""))
            elif tag == "input" and (
                named.get("type") not in ("radio", "checkbox") or "checked" in named
            ):
                self.form.fields[named["name"]] = named.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def form_of(reply: Reply) -> Form | None:
    """Return the first form of an HTML page, None when there is none."""
    reader = _Reader()
    reader.feed(reply.text)
    return reader.form
