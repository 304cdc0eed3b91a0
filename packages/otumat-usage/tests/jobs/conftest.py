"""A machine of one's own: a mount namespace with its own /run, crontabs and home of the account."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import pytest

SYSTEMD = ("/lib/systemd/systemd", "/usr/lib/systemd/systemd")

# The namespace lives as long as `cat`, which ends with the tests, however they end.
SETUP = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user/0
chmod 700 /run/user/0
mount --bind "$1" /etc/passwd
mount -t tmpfs tmpfs /var/spool
mkdir -p /var/spool/cron
mkdir -m 1730 /var/spool/cron/crontabs
echo ready
exec cat
"""

# A manager puts itself at the root of its cgroup, so that it must not be that of the tests.
MANAGER = 'mkdir "$1"; echo $$ > "$1/cgroup.procs"; shift; exec "$@"'

# What a manager says goes to the journal's socket, and nowhere else: this is a journal of lines.
JOURNAL = """
import os, socket
os.makedirs("/run/systemd/journal", exist_ok=True)
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("/run/systemd/journal/socket")
while True:
    for line in journal.recv(65536).decode(errors="replace").splitlines():
        if line.startswith("MESSAGE="):
            os.write(1, line.removeprefix("MESSAGE=").encode() + b"\\n")
"""


def need(*tools):
    for tool in tools:
        if not any(map(shutil.which, tool.split("|"))):
            pytest.fail(
                f"needs `{tool}` (Debian: apt install systemd cron util-linux)", pytrace=False
            )
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.fail("needs root, for a mount namespace", pytrace=False)


def until(happened, seconds=30, every=0.1):
    """Poll until *happened* says yes, and return what it said."""
    end = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < end, f"{happened} did not happen in {seconds} s"
        time.sleep(every)
    return found


class Machine:
    """Runs commands and services in the namespace, and ends all of them."""

    def __init__(self, process, home, log):
        self.process = process
        self.home = home
        self.log = log
        self._services = []
        self._groups = []

    @property
    def prefix(self):
        return ["nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt", f"--wd={self.home}", "--"]

    @property
    def env(self):
        return {**os.environ, "XDG_RUNTIME_DIR": "/run/user/0"}

    def run(self, *argv, code=0, feed=None):
        """Run a command; return what it printed."""
        done = subprocess.run(
            [*self.prefix, *argv],
            env=self.env,
            input=feed or "",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert code is None or done.returncode == code, (argv, done.stdout, done.stderr)
        return done.stdout

    def python(self, code, *args):
        """Run a program in a fresh interpreter; return what it printed."""
        return self.run(sys.executable, "-c", textwrap.dedent(code), *args)

    def console(self, *args, code=0):
        """Run ``otumat-usage``; return what it printed."""
        return self.run(
            sys.executable, "-c", "from otumat_usage.cli import main; main()", *args, code=code
        )

    def start(self, *argv):
        """Start a service; it writes into the log."""
        with self.log.open("ab") as log:
            service = subprocess.Popen(
                [*self.prefix, *argv],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._services.append(service)
        return service

    def start_manager(self):
        """Start ``systemd --user`` and wait until it answers."""
        if not self._groups:
            self.start(sys.executable, "-c", JOURNAL)
            until(lambda: self.run("ls", "/run/systemd/journal/socket", code=None))
        group = _own_group() / f"otumat-test-{os.getpid()}-{len(self._groups)}"
        self._groups.append(group)
        systemd = next(path for path in SYSTEMD if pathlib.Path(path).exists())
        words = ("--user", "--log-target=journal", "--log-level=info")
        manager = self.start("sh", "-c", MANAGER, "manager", str(group), systemd, *words)
        until(lambda: "running" in self.systemctl("is-system-running", code=None))
        return manager

    def systemctl(self, *words, code=0):
        return self.run("systemctl", "--user", "--no-pager", *words, code=code)

    def stop(self, service):
        """End a service as a shutdown does."""
        service.send_signal(signal.SIGTERM)
        try:
            service.wait(15)
        except subprocess.TimeoutExpired:
            service.kill()
            service.wait(5)

    def end(self):
        for service in self._services:
            if service.poll() is None:
                self.stop(service)
        for group in self._groups:
            _remove_group(group)
        self.process.stdin.close()
        self.process.wait(10)


def _own_group():
    """Return the folder of the cgroup hierarchy in which systemd keeps its units."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds == "name=systemd":
            return pathlib.Path("/sys/fs/cgroup/systemd" + path)
    return pathlib.Path("/sys/fs/cgroup")


def _remove_group(group):
    """End what a manager left running, and remove its cgroups."""
    for members in group.rglob("cgroup.procs"):
        for pid in members.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    folders = sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True)
    for folder in [*folders, group] if group.exists() else []:
        with contextlib.suppress(OSError):
            until(lambda folder=folder: not (folder / "cgroup.procs").read_text(), 5)
            folder.rmdir()


@pytest.fixture(name="until")
def _until():
    return until


@pytest.fixture(name="need")
def _need():
    return need


@pytest.fixture(name="machine")
def _machine(home, tmp_path, monkeypatch):
    """Make the namespace; the account's home is the test's."""
    need("unshare", "nsenter", "mount")
    passwd = tmp_path / "passwd"
    lines = pathlib.Path("/etc/passwd").read_text().splitlines()
    root = f"root:x:0:0:root:{home}:/bin/sh"
    passwd.write_text("\n".join([root, *(x for x in lines if x.split(":")[2] != "0"), ""]))
    monkeypatch.setenv("USER", "root")
    monkeypatch.setenv("LOGNAME", "root")
    log = tmp_path / "machine.log"
    process = subprocess.Popen(
        ["unshare", "--mount", "--propagation=private", "sh", "-c", SETUP, "setup", str(passwd)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    machine = Machine(process, home, log)
    try:
        assert process.stdout.readline() == b"ready\n"
        yield machine
    finally:
        machine.end()
        process.stdout.close()


@pytest.fixture(name="agree")
def _agree(machine, terminal, browser, package, host):
    """Have the user of the machine agree to a package at a real terminal, page included."""

    def agree(name="tracked"):
        package(host.origin, name=name)
        command = [*machine.prefix, sys.executable, "-c", f"import {name}; print('imported')"]
        shell = terminal(
            "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])",
            *command,
            BROWSER=browser("yes"),
            XDG_RUNTIME_DIR="/run/user/0",
        )
        shell.expect("[y/N]").send("y\n").expect("imported", 40)
        assert shell.wait() == 0, shell.text
        return shell.text

    return agree


@pytest.fixture(name="task")
def _task(data):
    """A task of the test's own data folder, twice a day."""
    from otumat_usage._task import Task

    data.mkdir(parents=True, mode=0o700)
    script = data / "script.py"
    script.touch()
    return Task(str(data), sys.executable, str(script), 7, (5, 17))


@pytest.fixture(name="command")
def _command(tmp_path, monkeypatch):
    """Put a program of that name on PATH: it remembers its words, *body* says what it does."""
    if sys.platform == "win32":
        pytest.skip("a program there cannot be a script")
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def put(name, body):
        program = folder / name
        program.write_text(
            f"#!{sys.executable} -IS\n"
            "import json, pathlib, sys\n"
            f"here = pathlib.Path({str(folder)!r})\n"
            "words = sys.argv[1:]\n"
            f"with open(here / '{name}.log', 'a') as log: log.write(json.dumps(words) + '\\n')\n"
            + textwrap.dedent(body)
        )
        program.chmod(0o755)
        return folder / f"{name}.log"

    return put


@pytest.fixture(name="odd")
def _odd(tmp_path):
    """A real interpreter and a program at a path with everything that needs quoting."""
    if sys.platform == "win32":
        pytest.skip("such a path cannot be there")
    folder = tmp_path / "a b" / 'it\'s 100% "odd" $HOME \\n é;#'
    folder.mkdir(parents=True)
    python = folder / "python3"
    python.symlink_to(os.path.realpath(sys.executable))
    script = folder / "script.py"
    script.write_text(
        "import json, pathlib, sys\n"
        "path = pathlib.Path(__file__).with_name('ran')\n"
        "path.write_text(json.dumps([sys.executable, *sys.argv]))\n"
    )
    return folder, python, script
