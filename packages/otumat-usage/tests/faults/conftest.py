"""An installation that reports to a real host through a proxy, which spoils what it is told to."""

import collections
import contextlib
import hashlib
import http.client
import http.server
import itertools
import json
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.parse

import pytest

from .._host import Host
from .._seeds import pytest_generate_tests  # noqa: F401 - pytest looks for it here
from ._faults import FAULTS
from ._proxy import Proxy

DECLARED = {"used": {"number": "int"}}


@pytest.fixture(scope="session")
def behind(tmp_path_factory):
    """Start one real host for all tests, which knows the package tracked; return its port."""
    folder = tmp_path_factory.mktemp("host")
    events = folder / "events.json"
    events.write_text(json.dumps(DECLARED))
    host = Host(folder, "--events", str(events)).start()
    yield int(host.port)
    host.stop()


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
