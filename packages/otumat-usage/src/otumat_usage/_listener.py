"""The loopback listener that the browser returns to (RFC 8252 section 7.3).

Any local program or web page can reach it: it answers only one path with random letters in it,
only the right ``Host``, only GET, and a wrong or missing ``state`` leaves it waiting.
"""

from __future__ import annotations

import hmac
import queue
import secrets
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_MAX_CONNECTIONS = 64
_SECONDS_PER_CONNECTION = 2.0
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<body style="font:1.1em/1.5 sans-serif;max-width:34em;margin:15vh auto;padding:0 1em">
<h1 style="font-size:1.3em">{title}</h1><p>{text}</p></body></html>
"""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Connection": "close",
}


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], listener: Listener) -> None:
        self.listener = listener
        self.slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer asks DNS for its own name here, which can take seconds.
        socket_option = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        if socket_option is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket_option, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: object, client_address: object) -> None:
        if self.slots.acquire(blocking=False):
            super().process_request(request, client_address)  # type: ignore[arg-type]
        else:
            self.shutdown_request(request)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self.slots.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about a broken connection: this is a stranger's terminal."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _SECONDS_PER_CONNECTION
    protocol_version = "HTTP/1.0"
    server: _Server

    def do_GET(self) -> None:
        status, title, text = self.server.listener.judge(self.path, self.headers.get_all("Host"))
        body = _PAGE.format(title=title, text=text).encode()
        self.send_response_only(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Log nothing."""


class Listener:
    """Wait on 127.0.0.1 for the answer that carries our state."""

    def __init__(self) -> None:
        self.state = secrets.token_urlsafe(32)
        self._path = f"/otumat-{secrets.token_urlsafe(9)}"
        self._answers: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._done = False
        self._server = _Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def authority(self) -> str:
        """Where it listens, as ``Host`` has to say."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def redirect_uri(self) -> str:
        """Where the browser is to be sent: a literal address, never a name (RFC 8252, 8.3)."""
        return f"http://{self.authority}{self._path}"

    def judge(self, target: str, hosts: list[str] | None) -> tuple[int, str, str]:
        """Return status, title and text for a GET of *target*."""
        parts = urlsplit(target)
        if hosts != [self.authority]:  # a page that rebound its DNS name to us
            return 400, "Not here", "This address is for one answer only."
        if parts.path != self._path:
            return 404, "Not here", "This address is for one answer only."
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=20)
        found = dict(pairs)
        if len(found) != len(pairs) or not hmac.compare_digest(
            found.get("state", "").encode(), self.state.encode()
        ):
            return 400, "Not this one", "This answer does not belong to the question we asked."
        with self._lock:
            if self._done:
                return 400, "Already answered", "You can close this page."
            self._done = True
        self._answers.put(found)
        if "error" in found:
            return 200, "Nothing is recorded", "You can close this page."
        return 200, "Thank you", "You can close this page and return to your program."

    def wait(self, seconds: float) -> dict[str, str] | None:
        """Return the parameters of the true answer, or None when *seconds* have passed."""
        try:
            return self._answers.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            return None
