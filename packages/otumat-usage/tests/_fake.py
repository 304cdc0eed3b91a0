"""A host that answers as a test says."""

import contextlib
import http.server
import json
import threading


class Fake:
    """A host that answers as a test says: route -> (status, headers, body), or a function.

    The function gets the body of the request. ``requests`` has (method, path, body, headers).
    """

    def __init__(self):
        self.routes = {}
        self.requests = []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                path = self.path.partition("?")[0]
                headers = {name.lower(): value for name, value in self.headers.items()}
                fake.requests.append((self.command, path, body, headers))
                found = fake.routes.get(path, (404, {}, b""))
                status, headers, data = found(body) if callable(found) else found
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.02])
        self.thread.start()

    def json(self, route, value, status=200):
        self.routes[route] = (
            status,
            {"Content-Type": "application/json"},
            json.dumps(value).encode(),
        )

    def metadata(self, **more):
        self.json("/.well-known/oauth-authorization-server", {"issuer": self.origin, **more})

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)
