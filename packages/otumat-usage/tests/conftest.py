"""Fixtures: a home of its own for every test, real terminals, a real host, a scripted browser."""

import os
import shutil
import stat
import subprocess
import sys
import textwrap

import pytest

from ._fake import Fake
from ._host import Host
from ._terminal import Terminal

CLEARED = "BROWSER DISPLAY DO_NOT_TRACK SSH_CONNECTION SSH_TTY WAYLAND_DISPLAY WSL_DISTRO_NAME"

BROWSER = '''
"""A browser that reads the consent page, presses one button and follows the redirect."""
import html.parser, http.cookiejar, sys, urllib.error, urllib.parse, urllib.request

class Form(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.action, self.fields = None, {}
    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.action = attrs["action"]
        elif tag == "input" and "name" in attrs:
            self.fields[attrs["name"]] = attrs.get("value", "")

decision, page = sys.argv[1:]
jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
opener = urllib.request.build_opener(jar, urllib.request.ProxyHandler({}))
form = Form()
with opener.open(page, timeout=10) as answer:
    form.feed(answer.read().decode())
data = urllib.parse.urlencode({**form.fields, "decision": decision}).encode()
with opener.open(urllib.parse.urljoin(page, form.action), data, timeout=10) as answer:
    sys.stdout.write(answer.read().decode())
'''

PACKAGE = """
from otumat_usage import UsageAgent
__version__ = "1.2.3"
usage_agent = UsageAgent(
    author="Tests", data_directory="tracked", package_name=__name__, host={host!r},
    install_route="/user/usage-install", event_route="/api/usage-event",
    refresh_route="/auth/token", response_timeout={timeout}, upload_frequency="12h",
)
usage_agent.log(event_type="import")
"""


@pytest.fixture
def forced(monkeypatch):
    """Return the names that a folder had whenever it was forced to the disk."""
    found, force = [], os.fsync

    def fsync(fd):
        force(fd)
        about = os.fstat(fd)
        if stat.S_ISDIR(about.st_mode):
            found.append((about.st_ino, set(os.listdir(fd))))  # noqa: PTH208 - of a descriptor

    monkeypatch.setattr(os, "fsync", fsync)
    return lambda folder: [names for inode, names in found if inode == folder.stat().st_ino]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Nothing of the person who runs the tests is read or touched."""
    for name in list(os.environ):
        ours = name.startswith("OTUMAT_") and name not in ("OTUMAT_SEEDS", "OTUMAT_SEED")
        if ours or name in CLEARED.split() or name.startswith("XDG_"):
            monkeypatch.delenv(name)
    from otumat_usage._optout import CI_VARIABLES

    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("LOCALAPPDATA", str(folder / "AppData" / "Local"))
    return folder


@pytest.fixture(name="data")
def _data(home):
    """The folder in which otumat-usage keeps everything."""
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "otumat-usage"
    return home / ".local" / "share" / "otumat-usage"


@pytest.fixture(name="package")
def _package(tmp_path, monkeypatch):
    """Write a package named tracked that embeds the agent, and make it importable."""

    def write(host="http://127.0.0.1:9", timeout=20, name="tracked", body=PACKAGE):
        folder = tmp_path / "packages" / name
        folder.mkdir(parents=True, exist_ok=True)
        folder.joinpath("__init__.py").write_text(body.format(host=host, timeout=timeout))
        monkeypatch.setenv("PYTHONPATH", str(folder.parent))
        return folder

    return write


def _finished(code, words, env):
    """Run *code* in a fresh interpreter without a terminal, to its end."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *words],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(name="python")
def _python():
    """Run a program in a fresh interpreter without a terminal; fails unless it exits with 0."""

    def run(code, *args, check=True, **env):
        done = _finished(code, args, env)
        if check:
            assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(name="console")
def _console():
    """Run ``otumat-usage`` with some arguments."""

    def run(*args, code=0, **env):
        done = _finished("from otumat_usage.cli import main; main()", args, env)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    return run


@pytest.fixture(name="agreed")
def _agreed(data):
    """Make the user have agreed to the package p at https://x.example; returns the data folder."""
    from otumat_usage import _answer, _schema

    _answer.say_yes(str(data), "p", "https://x.example", _schema.text_id(None), "test")
    return data


@pytest.fixture(name="agent")
def _agent(agreed):  # noqa: ARG001 - the yes it needs
    """An agent of the package p that records; sealed at the end."""
    from otumat_usage import UsageAgent

    agent = UsageAgent(author="a", data_directory="d", package_name="p", host="https://x.example")
    assert agent.refusal() is None
    yield agent
    agent.seal()


@pytest.fixture(name="drain")
def _drain_all(data):
    """Take in what can be taken; return (events in order, dropped, still busy)."""
    from otumat_usage import _drain, _outbox

    def drain():
        home = str(data)
        with _outbox.free(home) as outbox:
            busy = _drain.drain(outbox, home, "p")
            found = outbox._db.execute("SELECT type FROM event ORDER BY stream, seq").fetchall()
            dropped = outbox._db.execute("SELECT reason, count FROM dropped").fetchall()
        return [name for (name,) in found], dict(dropped), busy

    return drain


@pytest.fixture(name="terminal")
def _terminal():
    """Start a Python program at a real terminal."""
    started = []

    def start(code, *args, **env):
        argv = [sys.executable, "-c", textwrap.dedent(code), *args]
        started.append(Terminal(argv, env))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture(name="browser")
def _browser(tmp_path):
    """Return a value for BROWSER that presses yes (or no) on the consent page."""

    def make(decision="yes"):
        script = tmp_path / "browser.py"
        script.write_text(BROWSER)
        return f"{sys.executable} {script} {decision} %s"

    return make


@pytest.fixture(name="fake")
def _fake():
    """Start a host that answers as the test says."""
    fake = Fake()
    yield fake
    fake.end()


#: An instant that is far away, in seconds since the epoch.
LATER = 4e9


@pytest.fixture(name="keep")
def _keep(data, fake):
    """Keep tokens of the package p at the fake host: `keep(name, expires)`."""
    from otumat_usage import _tokens

    def keep(name="1", expires=LATER):
        tokens = _tokens.Tokens(f"at-{name}", f"rt-{name}", expires, "s", "i-1")
        with _tokens.lock(str(data), "p"):
            _tokens.save(str(data), "p", fake.origin, tokens)

    return keep


@pytest.fixture(name="enrolled")
def _enrolled(data, fake, keep):
    """An agent of the package p that may record and send to the fake host."""
    from otumat_usage import UsageAgent, _answer, _schema

    agent = UsageAgent(author="a", data_directory="d", package_name="p", host=fake.origin)
    agent.save_config()
    keep()
    _answer.say_yes(str(data), "p", fake.origin, _schema.text_id(None), "test")
    assert agent.refusal() is None
    return agent


@pytest.fixture(name="host")
def _host(tmp_path):
    """Start the real host, which knows the package tracked."""
    host = Host(tmp_path).start()
    yield host
    host.stop()


@pytest.fixture(name="reported")
def _reported(package, terminal, browser, host, python, console):
    """Have a user of tracked agree in a browser, and an upload reach the real host."""
    package(host.origin)
    terminal("import tracked", BROWSER=browser("yes")).expect("[y/N]").send("y\n").expect("Thank")
    python("import tracked")
    console("upload")


@pytest.fixture(scope="session")
def chromium():
    """A real Chromium for all tests that need one; its absence is a failure, not a skip."""
    from playwright.sync_api import sync_playwright

    binary = os.environ.get("OTUMAT_CHROMIUM") or shutil.which("chromium")
    if not binary:
        pytest.fail("no Chromium: install the Debian package chromium or set OTUMAT_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=binary,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


def pytest_terminal_summary(terminalreporter):
    """Say in figures what the host was put through by `kill -9`."""
    passed = terminalreporter.stats.get("passed", [])
    figures = [dict(one.user_properties) for one in passed if one.when == "call"]
    kills = [each for each in figures if "killed" in each]
    if kills:
        taken, sent = (sum(each[name] for each in kills) for name in ("killed", "repeated"))
        terminalreporter.write_line(
            f"kill -9: {len(kills)} times under load; {taken} uploads acknowledged before, none "
            f"lost; {sent} sent again, none counted twice"
        )
