"""Laws of the serving process: what it logs names nobody; told to stop, it answers first."""

import contextlib
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from urllib.parse import urlsplit

import httpx
import pytest

from otumat_usage.host import (
    _grants,
    _mail,
    _outgoing,
    _packages,
    _providers,
    _statistics,
    _subscriptions,
)
from otumat_usage.host._database import Database

pytestmark = pytest.mark.service

REDIRECT = "http://127.0.0.1:49152/done"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


class Process:
    """`host serve` in a process of its own, its stderr in a file."""

    def __init__(self, folder, *options):
        self.ready, self.log = folder.with_suffix(".ready"), folder.with_suffix(".log")
        command = [sys.executable, "-m", "otumat_usage.host", "serve", "-d", folder]
        command += ["--port", "0", "--ready-file", self.ready, *options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        self.until(self.ready.exists)
        said = json.loads(self.ready.read_text())
        self.url, self.admin = said["url"], said["admin"]
        self.port = urlsplit(self.url).port

    def until(self, true):
        deadline = time.monotonic() + 60
        while not true():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "host"
    database = Database.create(folder)
    with database.write() as connection:
        _packages.add(connection, "demo", time.time_ns() // 1_000_000)
    database.close()
    return folder


@pytest.fixture
def serve(folder):
    started = []

    def serve(*options):
        started.append(Process(folder, *options))
        return started[-1]

    yield serve
    for each in started:
        each.process.kill()
        each.process.wait()


def walk(url, admin, secrets):
    """Do everything that a user, a client, an admin and a stranger do; note every secret."""
    with httpx.Client(base_url=url) as client:
        query = {
            "response_type": "code", "client_id": "otumat-usage", "redirect_uri": REDIRECT,
            "state": "very-secret-state", "code_challenge": CHALLENGE, "package": "demo",
            "code_challenge_method": "S256",
        }  # fmt: skip
        page = client.get("/user/usage-install", params=query)
        fields = dict(re.findall(r'name="(csrf|consent)" value="([^"]+)"', page.text))
        target = re.search(r'action="([^"]+)"', page.text)[1].replace("&amp;", "&")
        back = client.post(target, data=fields | {"decision": "yes"}).headers["location"]
        code = re.search("code=([^&]+)", back)[1]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        form |= {"client_id": "otumat-usage", "code_verifier": VERIFIER}
        tokens = client.post("/auth/token", data=form).json()
        secrets |= {code, fields["csrf"], "very-secret-state", VERIFIER, CHALLENGE, "127.0.0.1"}
        secrets |= {tokens["access_token"], tokens["refresh_token"], tokens["install_id"]}
        secrets |= set(client.cookies.values())
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        batch = {
            "installId": tokens["install_id"], "batch": "secret-batch", "sent_at": at,
            "run": "secret-run", "first": 1, "last": 1, "rows": [[at, "secret-event"]],
            "headers": ["event_date", "event_type"],
        }  # fmt: skip
        secrets |= {"secret-batch", "secret-run", "secret-event"}
        assert client.post("/api/usage-event", json=batch, headers=bearer).status_code == 200
        client.post("/api/usage-event", content=gzip.compress(b"secret-event"), headers=bearer)
        client.post("/api/usage-event", params={"access_token": tokens["access_token"]})
        client.get(f"/nowhere/{tokens['refresh_token']}/secret-path?x=secret-query")
        client.get("/healthz", headers={"Host": "secret-name.example"})
        client.request("SECRET-METHOD", "/healthz")
        secrets |= {"secret-path", "secret-query", "secret-name", "SECRET-METHOD"}
        device = client.post("/auth/device", data={"client_id": "otumat-usage", "package": "demo"})
        codes = device.json()
        client.get("/device", params={"user_code": codes["user_code"]})
        secrets |= {codes["device_code"], codes["user_code"]}
        secrets.add(admin.partition("key=")[2])
        client.get(admin)
        client.get("/p/demo")
        secrets |= set(client.cookies.values())
        assert client.get("/api/usage-self", headers=bearer).status_code == 200
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        client.post("/auth/token", data=refresh | {"client_id": "otumat-usage"})
        assert client.delete("/api/usage-self", headers=bearer).status_code == 200


def test_the_log_of_a_whole_walk_names_nobody(serve):
    host, secrets = serve("--access-log"), set()
    walk(host.url, host.admin, secrets)
    with socket.create_connection(("127.0.0.1", host.port), 30) as raw:
        raw.sendall(b"GET /secret-raw HTTP/9.9\x00\r\n\r\n")
        raw.recv(100)
    host.stop()

    text = host.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["event"] == "start"
    assert lines[-1]["event"] == "stop"
    requests = [line for line in lines if line["event"] == "request"]
    assert len(requests) >= 15
    assert {"at", "event", "method", "route", "status", "ms"} == set(requests[0])
    assert {"/api/usage-event", "/auth/token", "none"} <= {each["route"] for each in requests}
    assert len(secrets) > 20
    for secret in secrets | {"secret", "otu_"}:
        assert secret not in text, secret


def test_without_the_option_only_trouble_is_logged(serve):
    """And what strangers send is none: else they could fill the disk with lines."""
    host = serve()
    httpx.get(f"{host.url}/healthz")
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    for malformed in (b"\x00\x01\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", upgrade):
        with socket.create_connection(("127.0.0.1", host.port), 30) as raw:
            raw.sendall(malformed)
            assert raw.recv(100).startswith(b"HTTP/1.1 400")
    host.stop()

    assert host.log.read_text() == ""


@pytest.mark.parametrize("trusted", [True, False])
def test_only_a_trusted_proxy_says_who_asks(serve, trusted):
    """Limits count the people behind a trusted proxy one by one; nobody else is believed."""
    host = serve(*(["--trust-proxy", "127.0.0.1"] if trusted else []))

    def guess(address):
        headers = {"X-Forwarded-For": address}
        params = {"user_code": "BBBB-BBBB"}
        return httpx.get(f"{host.url}/device", params=params, headers=headers).status_code

    one = [guess("203.0.113.1") for _ in range(6)]
    other = guess("203.0.113.2")
    host.stop()

    assert one == [404] * 5 + [429]
    assert other == (404 if trusted else 429)


def test_a_failure_is_logged_without_what_it_was_about(service):
    """An error nobody foresaw quotes what it met; the log tells only its kind and place."""
    import io

    from otumat_usage.host._app import make_app
    from otumat_usage.host._journal import Journal

    out = io.StringIO()
    app = make_app(service.host, journal=Journal(out))
    app._app._app.state.host = None  # every handler fails now
    browser = type(service.browser)(app, service.browser._loop)

    answer = browser.get("/.well-known/otumat-usage?package=secret")
    page = browser.get("/user/usage-install?package=secret")
    browser.close()

    assert (answer.status_code, page.status_code) == (500, 500)
    assert "secret" not in answer.text + page.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "<h1>It went wrong</h1>" in page.text
    line = json.loads(out.getvalue().splitlines()[0])
    assert (line["event"], line["type"]) == ("failure", "AssertionError")
    assert line["route"] == "/.well-known/otumat-usage"
    assert any("_web.py" in frame for frame in line["frames"])
    assert "secret" not in out.getvalue()


def test_a_store_that_cannot_be_used_is_told_once_a_minute(service):
    """Not by each request that it fails, and without what that was about."""
    import io

    from otumat_usage.host._app import make_app
    from otumat_usage.host._journal import Journal

    out, now = io.StringIO(), [0.0]
    app = make_app(service.host, journal=Journal(out, clock=lambda: now[0]))
    browser = type(service.browser)(app, service.browser._loop)
    with service.host.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE package")

    told = []
    for now[0] in (0, 30, 59, 60):
        answer = browser.get("/.well-known/otumat-usage?package=secret")
        assert answer.status_code == 503
        told.append(len(out.getvalue().splitlines()))
    browser.close()

    assert told == [1, 1, 1, 2]
    line = json.loads(out.getvalue().splitlines()[0])
    assert (line["event"], line["text"].split(";")[0]) == ("store", "the store cannot be used")
    assert line["type"] in ("OperationalError", "UndefinedTable")
    assert line["code"] in ("SQLITE_ERROR", "42P01") or sys.version_info < (3, 11)
    assert "secret" not in out.getvalue()


@pytest.fixture
def client(folder):
    """An installation that may upload: its id and its access token."""
    database = Database.open(folder)
    now = time.time_ns() // 1_000_000
    with database.write() as connection:
        package = _packages.find(connection, "demo")
        consent = _grants.Consent(package.id, "0" * 64, "1-0", now, "browser")
        install = _grants.enrol(connection, consent)
        pair = _grants.Family(connection, install, os.urandom(16), now).open("usage:write")
    database.close()
    return str(uuid.UUID(bytes=install)), pair.access


def request(client):
    """Return head and body of one upload of two events."""
    install, token = client
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    body = json.dumps({
        "installId": install, "batch": uuid.uuid4().hex, "sent_at": at,
        "run": uuid.uuid4().hex, "first": 1, "last": 2,
        "headers": ["event_date", "event_type"], "rows": [[at, "plot"]] * 2,
    }).encode()  # fmt: skip
    head = f"POST /api/usage-event HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}"
    head += f"\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n\r\n"
    return head.encode(), body


def uploads(folder):
    database = Database.open(folder)
    with database.read() as connection:
        package = _packages.find(connection, "demo")
        summary = _statistics.summarise(connection, package, time.time_ns() // 1_000_000)
    database.close()
    return summary.health["uploads"]


@pytest.fixture
def many_files():
    """This process may hold a connection to each of a thousand of the host's."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, enough), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows counts handles otherwise")
@pytest.mark.usefixtures("many_files")
def test_a_thousand_connections_at_once_are_all_answered(serve, folder, client):
    host = serve()
    with contextlib.ExitStack() as stack:
        connected = [
            stack.enter_context(socket.create_connection(("127.0.0.1", host.port), 60))
            for _ in range(1000)
        ]
        for raw in connected:
            raw.sendall(b"".join(request(client)))
        answers = {raw.recv(12) for raw in connected}

    assert answers == {b"HTTP/1.1 200"}
    host.stop()
    assert uploads(folder) == 1000


def test_headers_without_end_fill_no_memory(serve):
    host = serve()
    sent = 0
    with socket.create_connection(("127.0.0.1", host.port), 60) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nX: ")
        with contextlib.suppress(ConnectionError):
            while sent < 256 << 20:
                raw.sendall(b"x" * 100_000)
                sent += 100_000

    assert sent < 32 << 20  # what the system's buffers may hold
    assert httpx.get(f"{host.url}/healthz").status_code == 200
    host.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_every_accepted_request_first(serve, folder, client, number):
    """Forty uploads are half sent when the signal comes; all are answered, and stored."""
    host = serve()
    sent = []
    for _ in range(40):
        head, body = request(client)
        raw = socket.create_connection(("127.0.0.1", host.port), 60)
        raw.sendall(head + body[:50])
        sent.append((raw, body[50:]))
    httpx.get(f"{host.url}/healthz")  # answered after the heads above were read

    host.process.send_signal(number)
    deadline = time.monotonic() + 60
    while listens(host.port):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    answers = []
    for raw, rest in sent:
        raw.sendall(rest)
    for raw, _ in sent:
        answers.append(raw.recv(12))
        raw.close()

    assert answers == [b"HTTP/1.1 200"] * 40
    assert host.process.wait(60) == 0
    assert uploads(folder) == 40


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


@pytest.mark.interop
def test_a_serving_host_sends_what_waits(folder, serve, mails):
    database = Database.open(folder)
    with database.write() as connection:
        package = _packages.find(connection, "demo").id
        server = _mail.MailServer(f"smtp://127.0.0.1:{mails.port}", "usage@example.org")
        _providers.set_mail_server(connection, server)
        _subscriptions.subscribe(connection, package, "ann@example.org", "alerts", 0)
        waits = _outgoing.Outgoing(package, "ann@example.org", "alert silence 1", "nothing came")
        _outgoing.put(connection, waits, time.time_ns() // 1_000_000)
    database.close()

    process = serve()
    process.until(lambda: mails.taken)
    process.stop()

    ((recipients, mail),) = mails.taken
    assert recipients == ["ann@example.org"]
    assert mail["Subject"] == "demo: no uploads"
    assert process.log.read_text() == ""


def test_behind_a_public_address_it_says_where_it_listens(folder):
    """The port comes from the environment where no option names one."""
    command = [sys.executable, "-m", "otumat_usage.host", "serve", "-d", folder]
    with subprocess.Popen(
        [*command, "--url", "https://usage.example.org"],
        env=os.environ | {"OTUMAT_HOST_PORT": "0"}, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        said = process.stdout.readline()
        process.terminate()

    public, local = re.fullmatch(r"serving on (\S+), listening on (\S+)\n", said).groups()
    assert public == "https://usage.example.org"
    assert local.startswith("http://127.0.0.1:")
    assert urlsplit(local).port not in {0, 8080}
