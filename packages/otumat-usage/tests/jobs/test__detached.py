"""The uploader that a recording program starts: one, nobody's child, and it delivers."""

import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

from otumat_usage import _detached, _task

START = "import sys; from otumat_usage import _detached; print(_detached.start(sys.argv[1]))"


@pytest.fixture(name="late")
def _late(data):
    """Make the upload due."""
    data.mkdir(parents=True, mode=0o700, exist_ok=True)

    def late():
        (data / "job").touch()
        os.utime(data / "job", (time.time() - 60,) * 2)
        return str(data)

    return late


def _uploaders(data):
    """Return the running uploaders of this data folder."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(data) in words:
            found.append(words)
    return found


def test_nothing_is_started_before_its_time(data, late):
    home = late()
    os.utime(data / "job", (time.time() + 60,) * 2)

    assert _detached.start(home) is False


def test_nothing_is_started_where_there_is_no_python(late, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/opt/app/app")

    assert _detached.start(late()) is False


def test_nothing_is_started_where_the_moment_cannot_be_put_off():
    assert _detached.start("/nonexistent/folder") is False
    assert _detached.start("/dev/null") is False


@pytest.mark.service
def test_of_eight_programs_at_once_one_starts_it(late):
    home = late()
    running = [
        subprocess.Popen([sys.executable, "-c", START, home], stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]

    assert sorted(p.communicate(timeout=30)[0].strip() for p in running) == ["False"] * 7 + ["True"]


@pytest.mark.service
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX has children that become zombies")
def test_the_program_has_no_child_no_warning_and_no_open_pipe(late, python):
    """waitpid(-1) of the program finds nothing, and whoever reads its output is not kept."""
    begun = time.monotonic()
    done = python(
        """
        import os, sys, warnings
        warnings.simplefilter("error")
        from otumat_usage import _detached
        assert _detached.start(sys.argv[1])
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            print("no child")
        """,
        late(),
        PYTHONDEVMODE="1",
    )

    assert (done.stdout, done.stderr) == ("no child\n", "")
    assert time.monotonic() - begun < 10


@pytest.mark.service
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_without_a_scheduler_the_next_program_delivers_and_nothing_stays(
    package, terminal, browser, host, python, console, data, late, until
):
    """A home that is not the account's has no scheduler, which is how the tests are safe."""
    package(host.origin)
    shell = terminal("import tracked; print('imported')", BROWSER=browser("yes"))
    shell.expect("[y/N]").send("y\n").expect("imported")
    assert shell.wait() == 0
    assert (
        "programs that record start the upload, at most every 12 hours" in console("status").stdout
    )

    late()
    python("import tracked")
    until(lambda: json.loads(console("sent", "--json").stdout))
    until(lambda: not _uploaders(data))

    (sent,) = json.loads(console("sent", "--json").stdout)
    assert sent["accepted"] >= 1
    task, scheduler = _task.kept(str(data))
    assert (scheduler, task.python) == ("detached", sys.executable)
    assert (data / "job").stat().st_mtime > time.time() + 11 * 3600
