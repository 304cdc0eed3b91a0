"""Own the HTTP server: bind first, so that a port in use is known before anything starts."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from otumat_usage.host._errors import AddressInUse

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from starlette.types import ASGIApp

__all__ = ["Hurried", "bind", "serve"]

#: Seconds that accepted requests get to finish when the host is told to stop.
GRACE = 10
_CONNECTIONS = 65_536
#: Seconds in which requests on connections accepted a moment before are still read.
LINGER = 0.2
#: How many connections are accepted in one turn of the loop: uvloop takes one for each listening
#: descriptor, so that among busy clients new ones would wait for minutes.
_DOORS = 64
#: Seconds by which a timer of the loop may be early.
_MOMENT = 0.01
#: Bytes that a request's line and headers may have together.
HEAD_BYTES = 65_536


def bind(address: str, port: int) -> socket.socket:
    """Return a listening socket on *address*; port 0 takes any free one.

    Raises:
        AddressInUse: another program listens there, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # Named, because asyncio sends small answers at once (TCP_NODELAY) on sockets of that name only.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise AddressInUse(
                f"port {port} on {address} is in use: choose another --port"
            ) from error
        reason = getattr(error, "strerror", None) or error
        raise AddressInUse(f"cannot listen on {address} port {port}: {reason}") from error
    return listener


def _allow_connections() -> None:
    """Raise the soft limit of open files, which is 1,024 by habit, to what the system allows."""
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, _CONNECTIONS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Hurried(HttpToolsProtocol):
    """A connection that is closed when its client keeps us waiting, or its headers do not end.

    The library waits for a request without end, and keeps headers without bound.
    """

    #: Seconds in which a request's head must be there, and in which so much more of its body.
    patience = 20.0
    least = 10_000

    _timer: asyncio.TimerHandle | None = None
    _in_head = False
    _in_body = False
    _received = 0
    _since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_more()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head or self._in_body:
            self._received += len(data)
            if self._in_head and self._received > HEAD_BYTES:
                self.transport.close()
        elif self._timer is None:  # else blank lines would keep it open
            self._await_more()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._await_more()

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        self._received = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _await_more(self) -> None:
        self._received = 0
        self._since = self.loop.time()
        if self._timer is None:  # one timer per connection, as most requests are there at once
            self._timer = self.loop.call_later(self.patience, self._look)

    def _look(self) -> None:
        left = self._since + self.patience - self.loop.time()
        self._timer = None
        answering = bool(self.cycle) and not self.cycle.response_complete
        if left > _MOMENT:
            self._timer = self.loop.call_later(left, self._look)
        elif self._in_body and (self._received >= self.least or self.flow.read_paused):
            self._await_more()
        elif self._in_body or not answering:
            self.transport.close()


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        # A request that is on its way on an accepted connection is not yet known to the library,
        # which would close the connection on it.
        await asyncio.sleep(LINGER)
        await super().shutdown(sockets)


def serve(
    app: ASGIApp,
    listener: socket.socket,
    ready: Callable[[], None],
    *,
    proxies: tuple[str, ...] = (),
) -> None:
    """Serve until SIGTERM or SIGINT, call *ready* once, finish accepted requests.

    What *proxies* (addresses or networks) say about who asks is believed; nobody else is.
    """
    _allow_connections()
    config = uvicorn.Config(
        app,
        http=Hurried,
        ws="none",
        log_config=None,  # `_journal` has its loggers
        access_log=False,  # it would hold addresses of users
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        lifespan="on",
        timeout_graceful_shutdown=GRACE,
    )

    def ignore(_signal: int, _frame: FrameType | None) -> None:
        # The server has shut down already; it raises the signal again for its parent.
        return

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ignore)
    doors = [listener, *(listener.dup() for _ in range(_DOORS - 1))]
    _Server(config, ready).run(sockets=doors)
