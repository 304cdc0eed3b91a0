"""HTTP to the maintainer's host: the only module that knows httpx.

https only (loopback excepted), no redirect is ever followed (a bearer token must not travel), an
answer is at most 64 KiB, and everything ends at one deadline. It must not know what is said.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from otumat_usage import _origin
from otumat_usage.exceptions import HostError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

MAX_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer: its status, its headers (lower-case names) and its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def parsed(self) -> dict[str, object]:
        """Return the body as a JSON object, or {} when it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class Client:
    """A connection to one origin that ends *seconds* from now, whatever the host does."""

    def __init__(self, origin: str, *, seconds: float) -> None:
        self.origin = _origin.of(origin)
        self._end = time.monotonic() + seconds
        # Proxies and CA files of the environment are honoured, but nothing stands between us
        # and our own machine.
        self._client = httpx.Client(
            base_url=self.origin,
            follow_redirects=False,
            trust_env=not _origin.is_loopback(self.origin),
            headers={"user-agent": "otumat-usage", "accept": "application/json"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self._end - time.monotonic()

    def get(self, route: str) -> Reply:
        """Return the answer to GET *route*.

        Raises:
            HostError: there was no complete answer before the deadline.
        """
        return self._ask("GET", route)

    def form(self, route: str, fields: Mapping[str, str]) -> Reply:
        """Return the answer to a POSTed form.

        Raises:
            HostError: there was no complete answer before the deadline.
        """
        return self._ask("POST", route, data=dict(fields))

    def delete(self, route: str, headers: Mapping[str, str]) -> Reply:
        """Return the answer to DELETE *route*.

        Raises:
            HostError: there was no complete answer before the deadline.
        """
        return self._ask("DELETE", route, headers=dict(headers))

    def post(self, route: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Return the answer to a POST of *body*.

        Raises:
            HostError: there was no complete answer before the deadline.
        """
        return self._ask("POST", route, content=body, headers=dict(headers))

    def _ask(
        self,
        method: str,
        route: str,
        *,
        data: dict[str, str] | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        if self.left <= 0:
            raise HostError(f"{self.origin} took too long to answer")
        limit = httpx.Timeout(min(10.0, self.left))
        try:
            with self._client.stream(
                method, route, data=data, content=content, headers=headers, timeout=limit
            ) as answer:
                body = self._read(answer)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            why = str(error).partition("\n")[0] or type(error).__name__
            raise HostError(f"{self.origin} cannot be reached: {why}") from error
        return Reply(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, body)

    def _read(self, answer: httpx.Response) -> bytes:
        body = b""
        for chunk in answer.iter_bytes(4096):
            body += chunk
            if len(body) > MAX_ANSWER:
                raise HostError(f"{self.origin} answered more than {MAX_ANSWER} bytes")
            if self.left <= 0:
                raise HostError(f"{self.origin} took too long to answer")
        return body
