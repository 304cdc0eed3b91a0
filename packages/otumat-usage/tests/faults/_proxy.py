"""A proxy on loopback that stands before a host and spoils one upload after the other."""

import collections
import contextlib
import http.client
import http.server
import json
import threading

from ._faults import EVENTS, FAULTS


class Call(http.server.BaseHTTPRequestHandler):
    """One connection to the proxy."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    @property
    def proxy(self):
        return self.server.proxy

    @property
    def size(self):
        return int(self.headers.get("Content-Length") or 0)

    def body(self):
        return self.rfile.read(self.size)

    def ask(self, body):
        """Ask the real host; return its status, headers and body."""
        link = http.client.HTTPConnection("127.0.0.1", self.proxy.behind, timeout=30)
        with contextlib.closing(link):
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            link.request(self.command, self.path, body, headers)
            answer = link.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def begin(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def reply(self, status, headers, data):
        self.begin(status, {**headers, "Content-Length": len(data)})
        self.wfile.write(data)

    def answer(self):
        path = self.path.partition("?")[0]
        proxy = self.proxy
        wrong = proxy.take() if path == EVENTS else ""
        proxy.requests.append((self.command, path, dict(self.headers)))
        with contextlib.suppress(OSError):
            if wrong:
                FAULTS[wrong](self)
                return
            body = self.body()
            if path == EVENTS and proxy.on_upload(body, self):
                return
            status, headers, data = self.ask(body)
            dropped = ("content-length", "transfer-encoding", "connection", "date", "server")
            kept = {k: v for k, v in headers.items() if k.lower() not in dropped}
            if proxy.before_answer and path == EVENTS:
                proxy.before_answer()
            self.reply(status, kept, data)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Say nothing: broken connections are what this is for."""

    def get_request(self):
        connection, address = super().get_request()
        return self.proxy.secured(connection), address


class Proxy:
    """Stands before the host at port *behind*; `faults` has one name per upload to spoil."""

    def __init__(self, behind, trap=None):
        self.behind = behind
        self.trap = trap
        self.faults = collections.deque()
        self.requests = []
        self.release = threading.Event()
        self.before_answer = None
        self.limit = 0
        self.secure = None
        self._lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), Call)
        self.server.proxy = self
        self.port = self.server.server_port
        self.origin = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=[0.02])
        self._thread.start()

    def take(self):
        with self._lock:
            return self.faults.popleft() if self.faults else ""

    def on_upload(self, body, call):
        """Refuse what passes the limit of rows, if there is one."""
        import gzip

        if self.limit and len(json.loads(gzip.decompress(body))["rows"]) > self.limit:
            call.reply(413, {}, b"{}")
            return True
        return False

    def secured(self, connection):
        return self.secure(connection) if self.secure else connection

    def uploads(self):
        return [headers for _, path, headers in self.requests if path == EVENTS]

    def end(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(10)
