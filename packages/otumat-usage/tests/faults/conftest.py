"""A real host behind a proxy on loopback that does one named thing wrong for each upload."""

import collections
import contextlib
import email.utils
import hashlib
import http.client
import http.server
import itertools
import json
import os
import random
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest

EVENTS = "/api/usage-event"
DECLARED = {"used": {"number": "int"}}
RESET = struct.pack("ii", 1, 0)


def pytest_generate_tests(metafunc):
    """Fresh seeds for each run, the same in all its workers, in each test's name."""
    if "seed" not in metafunc.fixturenames:
        return
    pinned = os.environ.get("OTUMAT_SEED")
    draw = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID") or os.urandom(8))
    fresh = [draw.randrange(10**6) for _ in range(int(os.environ.get("OTUMAT_SEEDS", "3")))]
    metafunc.parametrize("seed", [int(pinned)] if pinned else fresh)


# --- what can go wrong with an upload ------------------------------------------------------------

FAULTS = {}


def fault(name):
    def keep(function):
        FAULTS[name] = function
        return function

    return keep


def _reset(call):
    """Have the connection end with a reset instead of an orderly close."""
    call.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    call.close_connection = True


def _drip(call, data):
    """Send a byte every now and then until the client has gone, or for as long as a test lasts."""
    with contextlib.suppress(OSError):
        for number in range(len(data)):
            call.wfile.write(data[number : number + 1])
            if call.proxy.release.wait(0.05):
                return
        call.proxy.release.wait(30)


@fault("answer lost")
def _answer_lost(call):
    call.ask(call.body())
    _reset(call)


@fault("reset in mid-request")
def _reset_in_request(call):
    call.rfile.read(min(call.size, 40))
    _reset(call)


@fault("reset in mid-answer")
def _reset_in_answer(call):
    _, _, data = call.ask(call.body())
    call.begin(200, {"Content-Type": "application/json", "Content-Length": len(data)})
    call.wfile.write(data[: len(data) // 2])
    _reset(call)


@fault("answer cut short")
def _answer_cut(call):
    _, _, data = call.ask(call.body())
    call.begin(200, {"Content-Length": len(data) + 7})
    call.wfile.write(data[:-1])
    call.close_connection = True


@fault("not HTTP")
def _not_http(call):
    call.body()
    call.wfile.write(b"\x15\x03\x01\x00\x02\x02\x50")
    call.close_connection = True


@fault("headers drip")
def _headers_drip(call):
    status, _, data = call.ask(call.body())
    head = f"HTTP/1.1 {status} OK\r\nX-Slow: {'x' * 2000}\r\nContent-Length: {len(data)}\r\n\r\n"
    _drip(call, head.encode() + data)


@fault("body drips")
def _body_drips(call):
    _, _, data = call.ask(call.body())
    call.begin(200, {"Content-Length": len(data)})
    _drip(call, data)


@fault("hangs")
def _hangs(call):
    call.body()
    call.proxy.release.wait(30)


@fault("takes it and hangs")
def _takes_and_hangs(call):
    call.ask(call.body())
    call.proxy.release.wait(30)


def _says(name, status, headers=None, data=b"{}"):
    def answer(call):
        call.body()
        found = {
            key: value() if callable(value) else value for key, value in (headers or {}).items()
        }
        call.reply(status, found, data)

    FAULTS[name] = answer


def _in_two_minutes():
    return email.utils.formatdate(time.time() + 120, usegmt=True)


PORTAL = b"<html><title>Welcome to the hotel</title>Please log in</html>"
_says("408", 408)
_says("425", 425)
_says("429 for seconds", 429, {"Retry-After": "120"})
_says("429 until a date", 429, {"Retry-After": _in_two_minutes})
_says("500", 500, {"Content-Type": "text/html"}, b"oops")
_says("502", 502, {"Content-Type": "text/html"}, PORTAL)
_says("503", 503, {"Retry-After": "1"})
_says("401 whatever the token", 401)
_says("captive portal", 200, {"Content-Type": "text/html"}, PORTAL)
_says("captive portal with JSON", 200, {"Content-Type": "application/json"}, b'{"ok": true}')
_says("204", 204, None, b"")
_says("an answer without an end", 200, None, b" " * 200_000)
_says("an answer of brackets", 200, None, b"[" * 60_000)


def _sends_elsewhere(status):
    def answer(call):
        call.body()
        call.reply(status, {"Location": f"{call.proxy.trap.origin}{EVENTS}"}, b"")

    FAULTS[f"redirect {status}"] = answer


for _status in (301, 302, 303, 307, 308):
    _sends_elsewhere(_status)


@fault("redirect to itself")
def _to_itself(call):
    call.body()
    call.reply(308, {"Location": EVENTS}, b"")


# --- the proxy -----------------------------------------------------------------------------------


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


# --- the host, and an installation ---------------------------------------------------------------


@pytest.fixture(scope="session")
def behind(tmp_path_factory):
    """Start one real host for all tests, which knows the package tracked; return its port."""
    folder = tmp_path_factory.mktemp("host")
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "otumat_usage.host"]
    data = ["-d", str(folder / "data")]
    events = folder / "events.json"
    events.write_text(json.dumps(DECLARED))
    add = [*command, "add-package", "tracked", "--events", str(events), *data]
    subprocess.run(add, check=True, capture_output=True)
    with folder.joinpath("log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "serve", *data, "--port", "0", "--ready-file", str(ready)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        end = time.monotonic() + 60
        while not ready.exists():
            assert server.poll() is None, folder.joinpath("log").read_text()
            assert time.monotonic() < end, "the host did not start"
            time.sleep(0.02)
        found = json.loads(ready.read_text())
        url = next(str(v) for v in found.values() if str(v).startswith("http://"))
        yield urllib.parse.urlsplit(url).port
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(20)


def _ask(port, method, path, fields=None, **headers):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(link):
        body = urllib.parse.urlencode(fields) if fields else None
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        link.request(method, path, body, headers)
        answer = link.getresponse()
        return answer, answer.read().decode()


def _enrol(port):
    """Say yes on the consent page as a browser does; return the token endpoint's answer."""
    import base64

    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode()
    asked = {
        "response_type": "code",
        "client_id": "otumat-usage",
        "redirect_uri": "http://127.0.0.1:49152/done",
        "state": "s" * 22,
        "code_challenge": challenge.rstrip("="),
        "code_challenge_method": "S256",
        "scope": "usage:write usage:self",
        "package": "tracked",
    }
    page = "/user/usage-install?" + urllib.parse.urlencode(asked)
    answer, text = _ask(port, "GET", page)
    fields = dict(re.findall(r'name="(csrf|consent)" value="([^"]*)"', text))
    cookie = answer.getheader("set-cookie").partition(";")[0]
    answer, text = _ask(port, "POST", page, {**fields, "decision": "yes"}, Cookie=cookie)
    assert answer.status == 303, text
    came = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.getheader("location")).query)
    form = {
        "grant_type": "authorization_code",
        "code": came["code"][0],
        "redirect_uri": asked["redirect_uri"],
        "client_id": "otumat-usage",
        "code_verifier": verifier,
    }
    return json.loads(_ask(port, "POST", "/auth/token", form)[1])


UPLOADER = """
import sys, time
off = float(sys.argv[1])
real = time.time
time.time = lambda: real() + off
from otumat_usage import _home, _settings, _upload
_upload.DEADLINE = float(sys.argv[2])
_upload.run(_home.folder(), now=True, wait=float(sys.argv[3]))
"""

WRITER = """
import sys, time
off = float(sys.argv[4])
real = time.time
time.time = lambda: real() + off
from otumat_usage import UsageAgent
agent = UsageAgent(
    author="a", data_directory="d", package_name="tracked", host=sys.argv[1],
    events={"used": {"number": int}},
)
assert agent.refusal() is None, agent.refusal()
first = int(sys.argv[2])
for number in range(first, first + int(sys.argv[3])):
    agent.log(event_type="used", number=number)
"""


class Lab:
    """An installation of the package tracked that reports through a proxy, and what it recorded."""

    def __init__(self, data, behind, proxy):
        self.data, self.behind, self.proxy = data, behind, proxy
        self.events = collections.Counter()
        self.children = []
        self._number = 0

    def enrol(self):
        from otumat_usage import UsageAgent, _answer, _schema, _tokens

        origin, events = self.proxy.origin, {"used": {"number": int}}
        self.agent = UsageAgent(
            author="a", data_directory="d", package_name="tracked", host=origin, events=events
        )
        self.agent.save_config()
        tokens = _tokens.parse(_enrol(self.behind))
        with _tokens.lock(str(self.data), "tracked"):
            _tokens.save(str(self.data), "tracked", origin, tokens)
        _answer.say_yes(str(self.data), "tracked", origin, _schema.text_id(events), "test")
        assert self.agent.refusal() is None

    def tokens(self):
        from otumat_usage import _tokens

        return _tokens.load(str(self.data), "tracked", self.proxy.origin)

    def change_tokens(self, **values):
        import dataclasses

        from otumat_usage import _tokens

        changed = dataclasses.replace(self.tokens(), **values)
        _tokens.save(str(self.data), "tracked", self.proxy.origin, changed)

    def record(self, number):
        """Record *number* more events, in this process."""
        for _ in range(number):
            self._number += 1
            self.agent.log(event_type="used", number=self._number)
            self.events[self._number] += 1
        self.agent.seal()

    def write(self, number, off=0.0):
        """Start a process that records *number* events."""
        first = self._number + 1
        self._number += number
        self.events.update(range(first, first + number))
        return self._start(WRITER, self.proxy.origin, str(first), str(number), str(off))

    def start(self, deadline=25.0, off=0.0, wait=0.0):
        """Start an uploader of its own."""
        return self._start(UPLOADER, str(off), str(deadline), str(wait))

    def _start(self, code, *words):
        child = subprocess.Popen(
            [sys.executable, "-c", code, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.children.append(child)
        return child

    def finish(self, child, killed=False):
        """Wait for *child*, which must have said nothing."""
        said, _ = child.communicate(timeout=90)
        assert said == b""
        assert child.returncode == 0 or (killed and child.returncode == -signal.SIGKILL)

    def upload(self):
        """Make one pass in this process; return its outcome."""
        from otumat_usage import _upload

        begun = time.monotonic()
        (outcome,) = _upload.run(str(self.data), now=True)
        # Generous, because the machine may be busy; without a deadline it would be 30 and more.
        assert time.monotonic() - begun < _upload.DEADLINE + 8
        return outcome

    def counted(self):
        """Return what the host counted, by event; asked of the host itself."""
        held = self.held()
        assert not [line for line in held if line.get("rejected") or line.get("dropped")]
        uploads = [line for line in held if line["kind"] == "upload"]
        settled = sorted((line["run"], line["first"], line["last"]) for line in uploads)
        for (run, _, last), (other, first, _) in itertools.pairwise(settled):
            assert run != other or first == last + 1, settled
        return collections.Counter(row[3]["number"] for line in uploads for row in line["rows"])

    def held(self):
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self.tokens().refresh_token,
            "client_id": "otumat-usage",
        }
        fresh = json.loads(_ask(self.behind, "POST", "/auth/token", form)[1])
        token = f"Bearer {fresh['access_token']}"
        answer, text = _ask(self.behind, "GET", "/api/usage-self", Authorization=token)
        assert answer.status == 200, text
        return [json.loads(line) for line in text.splitlines()]

    def ask_host(self, method, path, fields=None, **headers):
        return _ask(self.behind, method, path, fields, **headers)

    def end(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait(20)
            child.stdout.close()


@pytest.fixture(name="faults")
def _faults():
    """The names of all faults."""
    return list(FAULTS)


@pytest.fixture(name="proxy")
def _proxy(behind):
    """A proxy before the host, with a second server to which nothing must ever be sent."""
    trap = Proxy(behind)
    proxy = Proxy(behind, trap)
    yield proxy
    proxy.end()
    trap.end()
    assert trap.requests == [], "the token travelled"


@pytest.fixture(name="lab")
def _lab(data, behind, proxy, capfd):
    """An installation that reports through the proxy, and prints nothing."""
    lab = Lab(data, behind, proxy)
    lab.enrol()
    yield lab
    lab.end()
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.fixture(scope="session", name="certificates")
def _certificates(tmp_path_factory):
    """Certificates that sign themselves: for this address, for another, and of somebody else."""
    folder = tmp_path_factory.mktemp("certificates")
    made = {}
    for name, whose in (
        ("right", "IP:127.0.0.1"),
        ("wrong name", "DNS:other.example"),
        ("stranger", "IP:127.0.0.1"),
    ):
        path = folder / f"{len(made)}.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec",
             "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", f"/CN={name}", "-addext", f"subjectAltName={whose}",
             "-keyout", str(path.with_suffix(".key")), "-out", str(path)],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path, path.with_suffix(".key"))
        made[name] = (context, path)
    return made
