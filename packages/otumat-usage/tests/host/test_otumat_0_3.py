"""An outside oracle for wire 1: the real otumat 0.3.1 asks, renews, uploads and gives up.

It runs in an environment of its own, with the versions of its time. What it does is its
own code's doing; only what would leave this machine stays here: the look-up of its
place is answered by a proxy, its address towards the world is the loopback's.
"""

import contextlib
import dataclasses
import http.server
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from otumat_usage.host import _packages
from otumat_usage.host._app import make_app
from otumat_usage.host._database import log, metadata, select
from otumat_usage.host._host import open_host
from otumat_usage.host._statistics import summarise

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="the terminal of the test is Unix's"),
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="0.3.1's own libraries end at 3.13"),
]
# 0.3.1 loads pkg_resources and stops its server through werkzeug; both have dropped that since.
WANTED = ["otumat==0.3.1", "setuptools<81", "flask<2.1", "werkzeug<2.1"]
#: What is run in the old environment: one step of a package that embeds 0.3.1.
PROGRAM = """
import json, os, pathlib, socket, sys

plain = socket.socket.connect

def connect(self, address):
    # Sends nothing even there; it only asks which address this machine has.
    return plain(self, ("127.0.0.1", 80) if address[0] == "8.8.8.8" else address)

socket.socket.connect = connect

from otumat.usage import UsageAgent

agent = UsageAgent(
    author="Us", data_directory="demo", package_name="demo", host=sys.argv[1],
    install_route="/user/usage-install", event_route="/api/usage-event",
    refresh_route="/auth/token", response_timeout=120, upload_frequency="1s",
)
for name in sys.argv[3:]:
    agent.log(event_type=name)
for line in sys.stdin if sys.argv[2] == "steps" else ():
    agent.log(event_type="plot") if line == "log\\n" else agent.send()
    print("done", flush=True)
failed = ""
if sys.argv[2] == "send":
    try:
        agent.send()
    except Exception as error:
        failed = str(error)
found = {"config": agent.config, "failed": failed, "left": len(agent.show_logs() or ())}
pathlib.Path(os.environ["TOLD"]).write_text(json.dumps(found))
"""


@pytest.fixture(scope="session")
def old(tmp_path_factory):
    """Install the archived client; return its environment."""
    folder = tmp_path_factory.mktemp("otumat") / "0.3.1"
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *WANTED]
    for words in ([sys.executable, "-m", "venv", folder], pip):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder


class Locator(http.server.BaseHTTPRequestHandler):
    """Answer as ipinfo.io does, whoever is asked."""

    def do_GET(self):
        place = {"city": "Wien", "region": "Wien", "country": "AT", "timezone": "Europe/Vienna"}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(place).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def proxy():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Locator) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class Line:
    """The way to the host, on which an answer may be lost, or a token grow old."""

    def __init__(self, app, clock):
        self.app, self.clock = app, clock
        self.lose = self.age = 0
        self.seen = []

    async def __call__(self, scope, receive, send):
        self.seen.append((scope["method"], scope["path"]))
        upload = scope["path"] == "/api/usage-event"
        if upload and self.age:
            self.age -= 1
            self.clock.forward(seconds=3601)
        if not (upload and self.lose):
            await self.app(scope, receive, send)
            return
        self.lose -= 1

        async def swallow(_message):
            pass

        await self.app(scope, receive, swallow)
        await send({"type": "http.response.start", "status": 502, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


@dataclasses.dataclass
class Machine:
    """A user's machine with the old client on it, and the host it reports to."""

    host: object
    line: Line
    url: str
    home: pathlib.Path
    environment: dict
    python: pathlib.Path

    def start(self, *words, terminal=None):
        return subprocess.Popen(
            [self.python, "-W", "ignore", "-c", PROGRAM, self.url, *words],
            env=self.environment, stdin=terminal or subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    @contextlib.contextmanager
    def steps(self):
        """Start a program that does one step each time it is asked, and keeps what it read."""
        process = self.start("steps", terminal=subprocess.PIPE)

        def step(word):
            process.stdin.write(word + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        try:
            yield step
        finally:
            process.communicate(timeout=60)

    def run(self, *words):
        """Run the program in the background, as its uploader does; return what it found."""
        return self.told(self.start(*words))

    def told(self, process):
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        return json.loads((self.home / "told").read_text()) | {"said": said}

    def agree(self, decision="yes"):
        """Answer y at a terminal, then *decision* on the page; return what the client has."""
        ours, its = os.openpty()
        process = self.start("idle", terminal=its)
        os.write(ours, b"y\n")
        link = self.home / "link"
        until(link.exists, process)
        with httpx.Client(trust_env=False, timeout=60) as browser:
            page = browser.get(link.read_text(), follow_redirects=True)
            assert page.status_code == 200, page.text
            fields = dict(re.findall(r'name="(csrf|consent)" value="([^"]+)"', page.text))
            form = fields | {"decision": decision}
            answer = browser.post(str(page.url), data=form)
            assert answer.status_code == 303, answer.text
            assert answer.headers["location"].split("?")[0] in page.text or decision == "no"
            assert browser.get(answer.headers["location"]).status_code == 200
        found = self.told(process)
        os.close(ours)
        os.close(its)
        return found

    def events(self):
        with self.host.database.read() as connection:
            package = _packages.find(connection, "demo")
            return summarise(connection, package, self.line.clock()).events

    @property
    def config(self):
        (found,) = self.home.rglob("config.json")
        return found


def until(condition, process=None, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.fixture
def machine(tmp_path, old, proxy, clock, engine, on_a_port):
    clock.at = time.time_ns() // 1_000_000
    engine.place(tmp_path / "host")
    home = tmp_path / "home"
    programs = home / "bin"
    programs.mkdir(parents=True)
    script(programs / "browser", f'printf %s "$1" > {home}/.link && mv {home}/.link {home}/link')
    # Its uploader is noted and not started: a test that wants it starts and ends it itself.
    real = old / "bin" / "otumat"
    note = f'case "$1" in upload) echo "$@" >> {home}/uploader;; *) exec {real} "$@";; esac'
    script(programs / "otumat", note)
    about = home / "site" / "demo-1.2.3.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1.2.3\n")
    environment = {
        "HOME": str(home), "PATH": f"{programs}:{old / 'bin'}:/usr/bin:/bin",
        "PYTHONPATH": str(home / "site"), "BROWSER": f"{programs / 'browser'} %s",
        "TOLD": str(home / "told"), "http_proxy": proxy, "no_proxy": "127.0.0.1",
    }  # fmt: skip
    made = []

    def app_of(address):
        host = open_host(tmp_path / "host", issuer=address, now=clock)
        host.start()
        made.append((host, Line(make_app(host), clock)))
        return made[0][1]

    with contextlib.ExitStack() as stack:
        url = stack.enter_context(on_a_port(app_of))
        host, line = made[0]
        stack.callback(host.stop)
        with host.database.write() as connection:
            _packages.add(connection, "demo", clock())
            _packages.take_legacy(connection, "demo", on=True)
        yield Machine(host, line, url, home, environment, old / "bin" / "python")


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_it_installs_renews_and_uploads(machine):
    """From the question to the count, with what it betrays in the address and nowhere else."""
    config = machine.agree()["config"]

    link = parse_qs(urlsplit((machine.home / "link").read_text()).query)
    assert link["macAddress"] == [config["mac_address"]]
    assert link["location"] == ["Wien, Wien, AT"]
    assert config["collect"] is True
    assert config["client_id"] == config["install_id"]
    machine.line.seen.clear()
    sent = machine.run("send", "plot", "fit", "plot")

    assert (sent["failed"], sent["left"], machine.events()) == ("", 0, 3)
    assert machine.line.seen == [("POST", "/auth/token"), ("POST", "/api/usage-event")]
    assert sent["config"]["refresh_token"] == config["refresh_token"]
    assert sent["config"]["access_token"] != config["access_token"]
    with machine.host.database.read() as connection:
        held = "".join(
            str(tuple(row))
            for table in metadata.sorted_tables
            for row in connection.execute(select(table))
        ).encode()
        held += b"".join(row.body for row in connection.execute(select(log.c.body)))
    folder = machine.host.database.path.parent
    held += b"".join(path.read_bytes() for path in folder.iterdir())
    port = urlsplit(link["redirect"][0]).port
    for secret in (config["mac_address"], "Wien", "Vienna", f"127.0.0.1:{port}", "1.2.3",
                   config["access_token"], config["client_secret"]):  # fmt: skip
        assert secret.encode() not in held, secret


def test_a_token_that_expired_meanwhile_is_renewed(machine):
    machine.agree()
    machine.line.age = 1
    machine.line.seen.clear()

    sent = machine.run("send", "plot")

    assert (sent["failed"], sent["left"], machine.events()) == ("", 0, 1)
    assert machine.line.seen == [("POST", "/auth/token"), ("POST", "/api/usage-event")] * 2


def test_what_it_sends_again_after_a_lost_answer_counts_once(machine):
    machine.agree()
    machine.line.lose = 2

    lost = [machine.run("send", "plot", "fit"), machine.run("send")]
    sent = machine.run("send", "plot")

    assert [found["failed"] for found in lost] == ["Unexpected server response..."] * 2
    assert (sent["failed"], sent["left"], machine.events()) == ("", 0, 3)


def test_a_no_on_the_page_lets_the_program_go_on(machine):
    found = machine.agree("no")

    assert found["config"]["collect"] is False
    assert "Cancelled" in found["said"]
    assert not (machine.home / ".profile").exists()


def test_where_the_owner_takes_it_no_longer_it_stops_for_good(machine):
    machine.agree()
    with machine.host.database.write() as connection:
        _packages.take_legacy(connection, "demo", on=False)

    sent = machine.run("send", "plot")

    assert sent["config"]["collect"] is False
    assert json.loads(machine.config.read_text())["collect"] is False
    assert machine.events() == 0


def test_its_own_uploader_sends_what_was_recorded(machine):
    """The command that it starts at every login, as it started it."""
    machine.agree()
    machine.run("idle", "plot", "fit")
    until((machine.home / "uploader").exists)
    words = shlex.split((machine.home / "uploader").read_text().splitlines()[0])
    command = [machine.python.parent / "otumat", *words]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    uploader = subprocess.Popen(command, env=machine.environment, **quiet)
    try:
        until(lambda: machine.events() == 2, uploader)
        until(lambda: machine.line.seen.count(("POST", "/auth/token")) >= 3, uploader)
        alive = uploader.poll()
    finally:
        uploader.kill()
        uploader.wait()

    assert alive is None
    assert machine.events() == 2


def test_two_of_its_uploaders_live_beside_each_other(machine):
    """One for each login shell of its user; each keeps the tokens that it read at its start."""
    machine.agree()
    told = []
    with machine.steps() as one, machine.steps() as other:
        for _ in range(3):
            told += [one("log"), one("send"), other("log"), other("send")]

    assert told == ["done"] * 12
    assert machine.events() == 6
    assert machine.line.seen.count(("POST", "/auth/token")) == 6
