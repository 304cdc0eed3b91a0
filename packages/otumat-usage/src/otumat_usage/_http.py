"""HTTP to the maintainer's host: the only module that knows httpx.

https only (loopback excepted), no redirect is ever followed (a bearer token must not travel), an
answer is at most 64 KiB, and everything ends at one deadline. It must not know what is said.

A request runs in a thread of its own, because nothing else bounds the look-up of a name, or an
answer whose headers drip in byte by byte: at the deadline its sockets are cut and it is left alone.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from otumat_usage import _origin
from otumat_usage.exceptions import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

MAX_ANSWER = 64 * 1024
#: How long one step of a request (to connect, to read a piece) may take, in seconds.
_STEP = 10.0


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


def in_ascii(name: str) -> str | None:
    """Return *name* as it is looked up (RFC 5891: xn--…), None where it has no such form."""
    try:
        return httpx.URL(scheme="https", host=name).raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError):
        return None


class Client:
    """A connection to one origin that ends *seconds* from now, whatever the host does."""

    def __init__(self, origin: str, *, seconds: float) -> None:
        self.origin = _origin.of(origin)
        self._end = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._left_alone = False
        # Proxies and CA files of the environment are honoured, but nothing stands between us
        # and our own machine.
        direct = {self.origin: None} if _origin.is_loopback(self.origin) else None
        self._client = httpx.Client(
            base_url=self.origin,
            follow_redirects=False,
            mounts=direct,
            # Not compressed: 64 KiB could unfold to anything.
            headers={
                "user-agent": "otumat-usage",
                "accept": "application/json",
                "accept-encoding": "identity",
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._left_alone:
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

    def fetch(self, route: str, headers: Mapping[str, str], *, limit: int) -> Reply:
        """Return the answer to GET *route*, which may have up to *limit* bytes.

        Raises:
            HostError: there was no complete answer before the deadline.
        """
        return self._ask("GET", route, headers=dict(headers), limit=limit)

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

    def _ask(  # noqa: PLR0913 - what httpx takes, by keyword
        self,
        method: str,
        route: str,
        *,
        data: dict[str, str] | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        limit: int = MAX_ANSWER,
    ) -> Reply:
        if self.left <= 0:
            raise self._late()
        request = self._client.build_request(
            method,
            route,
            data=data,
            content=content,
            headers=headers,
            timeout=httpx.Timeout(min(_STEP, self.left)),
            extensions={"trace": self._note},
        )
        try:
            return self._within_deadline(lambda: self._exchange(request, limit))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            why = str(error).partition("\n")[0] or type(error).__name__
            raise HostError(f"{self.origin} cannot be reached: {why}") from error

    def _late(self) -> HostError:
        return HostError(f"{self.origin} took too long to answer")

    def _exchange(self, request: httpx.Request, limit: int) -> Reply:
        answer = self._client.send(request, stream=True)
        with contextlib.closing(answer):
            body = self._read(answer, limit)
        return Reply(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, body)

    def _read(self, answer: httpx.Response, limit: int) -> bytes:
        body = b""
        for chunk in answer.iter_raw(4096):
            body += chunk
            if len(body) > limit:
                raise HostError(f"{self.origin} answered more than {limit} bytes")
            if self.left <= 0:
                raise self._late()
        return body

    def _note(self, event: str, info: Mapping[str, object]) -> None:
        """Remember each connection that httpx makes (its "trace" extension)."""
        ask = getattr(info.get("return_value"), "get_extra_info", None)
        if event.endswith(".complete") and ask is not None:
            self._sockets.append(ask("socket"))

    def _within_deadline(self, exchange: Callable[[], Reply]) -> Reply:
        """Return what *exchange* returns, or raise what it raises, at the deadline at last."""
        outcome: queue.SimpleQueue[Reply | BaseException] = queue.SimpleQueue()

        def work() -> None:
            try:
                outcome.put(exchange())
            except BaseException as error:  # noqa: BLE001 - raised again by who waits
                outcome.put(error)
            if self._left_alone:
                self._client.close()

        thread = threading.Thread(target=work, name="otumat-usage", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, and starts no threads any more
            return exchange()
        try:
            found = outcome.get(timeout=max(self.left, 0.0))
        except BaseException as error:  # noqa: BLE001 - Ctrl-C too
            self._cut(thread)
            raise self._late() if isinstance(error, queue.Empty) else error from None
        thread.join()
        if isinstance(found, BaseException):
            raise found
        return found

    def _cut(self, thread: threading.Thread) -> None:
        """End all connections under the hands of *thread*; leave it alone if it still goes on."""
        self._left_alone = True
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        thread.join(0.5)
