"""Fixtures of the host's tests: a host on a temporary folder and a browser-like client."""

import asyncio
import base64
import contextlib
import dataclasses
import email
import functools
import gzip
import hashlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from importlib.metadata import version
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from click.testing import CliRunner, Result

from otumat_usage.host import _grants, _log, _mail, _packages, _providers, _wire
from otumat_usage.host._admin import new_link
from otumat_usage.host._app import make_app
from otumat_usage.host._host import open_host
from otumat_usage.host._server import bind, uvicorn

pytest.register_assert_rewrite(f"{__package__}._pages")

if version("click") < "8.2":  # there stderr is mixed into stdout, and there is no output of both
    CliRunner.__init__ = functools.partialmethod(CliRunner.__init__, mix_stderr=False)
    Result.output = property(lambda done: done.stdout + done.stderr)

ISSUER = "http://127.0.0.1:8080"
REDIRECT = "http://127.0.0.1:49152/done"
VERIFIER = "a-verifier-that-is-at-least-forty-three-characters-long"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
NOON = 1_780_315_200_000  # 2026-06-01T12:00:00Z


@pytest.fixture(autouse=True)
def _isolation(tmp_path, monkeypatch):
    """No test sees a home, a CI or an opt-out of the machine it runs on."""
    for name in list(os.environ):
        if name.startswith(("OTUMAT_", "XDG_")) and name not in ("OTUMAT_SEED", "OTUMAT_SEEDS"):
            monkeypatch.delenv(name)
    for name in ("CI", "DO_NOT_TRACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


class Clock:
    """A clock that moves only when told."""

    def __init__(self):
        self.at = NOON

    def __call__(self):
        return self.at

    def forward(self, *, seconds=0.0, days=0.0):
        self.at += round((seconds + days * 86_400) * 1000)


@pytest.fixture
def clock():
    return Clock()


@contextlib.contextmanager
def _on_a_port(app_of):
    listener = bind("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(app_of(address), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield address
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


@pytest.fixture(scope="session")
def on_a_port():
    """Return a context that serves, on a real port, the app that a function of its address makes;
    it yields that address."""
    return _on_a_port


class Loop:
    """An event loop on a thread of its own, as a server has it."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def close(self):
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Browser:
    """Ask the application in this process, keeping cookies as a browser does."""

    def __init__(self, app, loop):
        self._loop = loop
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url=ISSUER)

    def __call__(self, method, url, **kwargs):
        return self._loop.run(self._client.request(method, url, **kwargs))

    def together(self, *requests):
        """Send requests at the same time; return their answers in order."""

        async def run():
            sent = [self._client.request(m, u, **k) for m, u, k in requests]
            return await asyncio.gather(*sent)

        return self._loop.run(run())

    def get(self, url, **kwargs):
        return self("GET", url, **kwargs)

    def post(self, url, **kwargs):
        return self("POST", url, **kwargs)

    def close(self):
        self._loop.run(self._client.aclose())


@dataclasses.dataclass
class Service:
    """A running host, seen from outside, with shortcuts for the client's dialogue."""

    host: object
    app: object
    browser: Browser
    clock: Clock
    numbers: object

    def new_browser(self):
        return Browser(self.app, self.browser._loop)

    def add(self, name, events=None):
        with self.host.database.write() as connection:
            return _packages.add(connection, name, self.clock(), events=events)

    def admin(self):
        with self.host.database.write() as connection:
            link = new_link(connection, ISSUER, self.clock())
        return self.browser.get(link)

    def authorization(self, **changes):
        query = {
            "response_type": "code",
            "client_id": "otumat-usage",
            "redirect_uri": REDIRECT,
            "state": "s-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "scope": "usage:write usage:self",
            "package": "demo",
        } | changes
        return "/user/usage-install?" + urlencode({k: v for k, v in query.items() if v is not None})

    def decide(self, decision="yes", browser=None, **changes):
        """Open the consent page and press a button; return the answer's redirect."""
        browser = browser or self.browser
        url = self.authorization(**changes)
        page = browser.get(url)
        assert page.status_code == 200, page.text
        fields = dict(re.findall(r'name="(csrf|consent)" value="([^"]+)"', page.text))
        return browser.post(url, data=fields | {"decision": decision})

    def code(self, **changes):
        answer = self.decide(**changes)
        assert answer.status_code == 303, answer.text
        return self.values(answer)["code"]

    def values(self, answer):
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        return {name: value[0] for name, value in query.items()}

    def token(self, **form):
        return self.browser.post("/auth/token", data={"client_id": "otumat-usage"} | form)

    def redeem(self, code, /, **changes):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        } | changes
        return self.token(**{k: v for k, v in form.items() if v is not None})

    def refresh(self, token, **changes):
        return self.token(grant_type="refresh_token", refresh_token=token, **changes)

    def enrol(self, package="demo"):
        answer = self.redeem(self.code(package=package))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def batch(self, tokens, *names, **changes):
        """Return a batch of one event per name, one second apart, now."""
        number = next(self.numbers)
        at = [self.clock() - 1000 * (len(names) - i) for i in range(len(names))]
        body = {
            "installId": tokens["install_id"],
            "batch": f"batch-{number}",
            "sent_at": instant(self.clock()),
            "run": f"run-{number}",
            "first": 1,
            "last": max(1, len(names)),
            "headers": ["event_date", "event_type"],
            "rows": [[instant(t), name] for t, name in zip(at, names, strict=True)],
            "context": {"package_version": "1.2.3", "python": "3.12", "os": "Linux"},
        }
        return body | changes

    def past(self, *uploads):
        """Store uploads as if they had come: (instant, events, how many were refused)."""
        package = self.add("demo").id
        with self.host.database.write() as connection:
            consent = _grants.Consent(package, "0" * 64, "1-0", 0, "browser")
            install = _grants.enrol(connection, consent)
            for at, count, refused in uploads:
                name = f"past-{next(self.numbers)}"
                batch = _wire.Batch(
                    str(uuid.UUID(bytes=install)), name, instant(at), name, 1, max(1, count), [], []
                )
                events = [_wire.Event(i, i + 1, at, "plot", 1, None) for i in range(count)]
                rejected = [{"row": count + i, "reason": "event_type"} for i in range(refused)]
                sha256 = hashlib.sha256(name.encode()).digest()
                upload = _log.Upload(batch, events, rejected, sha256, at)
                _log.append(connection, install=install, package=package, upload=upload)

    def mail_by(self, port):
        """Name the mail server at a port of this machine."""
        server = _mail.MailServer(f"smtp://127.0.0.1:{port}", "usage@example.org")
        with self.host.database.write() as connection:
            _providers.set_mail_server(connection, server)

    def upload(self, tokens, body, *, browser=None, **headers):
        data = body if isinstance(body, bytes) else gzip.compress(json.dumps(body).encode())
        sent = {
            "Authorization": f"Bearer {tokens['access_token']}",
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value is not None}
        return (browser or self.browser).post("/api/usage-event", content=data, headers=sent)


@pytest.fixture
def on_the_loop(service):
    """Return a context; it yields the names of our functions that ran on the event loop in it."""

    async def watch(seen):
        def note(frame, event, _argument):
            if event == "call" and "otumat_usage" in frame.f_code.co_filename:
                seen.add(frame.f_code.co_name)

        sys.setprofile(None if seen is None else note)

    @contextlib.contextmanager
    def on_the_loop():
        seen = set()
        service.browser._loop.run(watch(seen))
        try:
            yield seen
        finally:
            service.browser._loop.run(watch(None))

    return on_the_loop


def instant(milliseconds):
    import datetime as dt

    moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture(name="instant")
def _instant():
    return instant


class Mailbox:
    """What a mail server took; while *refuses* it takes nothing."""

    def __init__(self):
        self.taken, self.refuses, self.port = [], False, 0

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - its name
        if self.refuses:
            return "451 try again later"
        self.taken.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 OK"


@pytest.fixture
def mails():
    """A mail server on loopback; the mails that it took."""
    from aiosmtpd.smtp import SMTP

    keep, loop = Mailbox(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)

    serving = loop.create_server(lambda: SMTP(keep, loop=loop), "127.0.0.1", 0)
    server = run(serving)
    keep.port = server.sockets[0].getsockname()[1]
    yield keep

    async def close():
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    run(close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Files:
    """Hosts in SQLite: an empty one is copied, which is faster than making its tables."""

    name = "sqlite"

    def __init__(self, folder):
        open_host(folder, issuer=ISSUER).database.close()
        self._template = folder / "host.sqlite3"

    def place(self, folder):
        """Put an empty host into *folder*."""
        folder.mkdir(0o700)
        shutil.copy(self._template, folder)


class Postgresql:
    """A real PostgreSQL that listens on a socket in a folder of its own, and hosts in it."""

    name = "postgresql"

    def __init__(self, folder):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        initdb = str(found[-1]) if found else shutil.which("initdb")
        if initdb is None:
            pytest.fail("no PostgreSQL: install the Debian package postgresql", pytrace=False)
        self._bin = pathlib.Path(initdb).resolve().parent
        # Short, as a socket's path must be; not below a folder that only root can enter.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="otumat-pg-", dir="/tmp"))
        self._as = []
        if os.getuid() == 0:  # which the server refuses to run as
            shutil.chown(self.folder, "nobody")
            self._as = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        self.data = self.folder / "data"
        self.options = ["fsync=off", "full_page_writes=off", "max_connections=60"]
        self.server = None
        self._numbers = itertools.count(1)
        self.run(
            "initdb", "-D", self.data, "-U", "otumat", "--auth=trust", "--no-sync",
            "--encoding=UTF8", "--locale=C",
        )  # fmt: skip
        self.start()
        try:
            (folder / "host").mkdir()
            (folder / "host" / "database.url").write_text(self.url("postgres") + "\n")
            open_host(folder / "host", issuer=ISSUER).database.close()
        except BaseException:
            self.close()
            raise

    def run(self, program, *arguments):
        done = subprocess.run(
            [*self._as, self._bin / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self):
        options = [f"-c{option}" for option in self.options]
        self.server = subprocess.Popen(
            [*self._as, self._bin / "postgres", "-D", self.data, "-k", self.folder,
             "-clisten_addresses=", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
        )  # fmt: skip
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(AssertionError):
                self.run("pg_isready", "-q", "-h", self.folder, "-d", "postgres")
                return
            assert self.server.poll() is None, "PostgreSQL did not start"
            assert time.monotonic() < end, "PostgreSQL does not answer"
            time.sleep(0.05)

    def stop(self, how=signal.SIGINT):
        """Stop the server; SIGQUIT is as if the machine had lost its power."""
        # A signal to the server itself: setpriv has become it.
        self.server.send_signal(how)
        self.server.wait(60)

    def close(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def url(self, name):
        return f"postgresql://otumat@/{name}?host={self.folder}"

    def sql(self, statement, name="template1"):
        return self.run("psql", "-XAtq", "-h", self.folder, "-U", "otumat", "-d", name,
                        "-v", "ON_ERROR_STOP=1", "-c", statement)  # fmt: skip

    def place(self, folder):
        """Put an empty host of a database of its own into *folder*."""
        folder.mkdir(0o700)
        name = f"host{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE postgres")
        (folder / "database.url").write_text(self.url(name) + "\n")


@pytest.fixture(
    scope="session",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
)
def engine(request, tmp_path_factory):
    """Where hosts live: each test that needs one runs on both."""
    if request.param == "sqlite":
        yield Files(tmp_path_factory.mktemp("template"))
        return
    with contextlib.closing(Postgresql(tmp_path_factory.mktemp("template"))) as server:
        yield server


@contextlib.contextmanager
def running(folder, engine, clock):
    """Run a host with the package `demo` in this process."""
    engine.place(folder)
    host = open_host(folder, issuer=ISSUER, now=clock)
    host.start()
    loop = Loop()
    app = make_app(host)
    found = Service(host, app, Browser(app, loop), clock, itertools.count(1))
    found.add("demo")
    try:
        yield found
    finally:
        found.browser.close()
        loop.close()
        host.stop()


@pytest.fixture
def service(tmp_path, clock, engine):
    """A host of this test's own."""
    with running(tmp_path / "host", engine, clock) as found:
        yield found


@pytest.fixture(scope="module")
def steady(tmp_path_factory, engine):
    """A host for a module's tests that are all refused, so that none can see another."""
    with running(tmp_path_factory.mktemp("steady") / "host", engine, Clock()) as found:
        yield found
