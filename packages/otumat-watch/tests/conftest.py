"""Fixtures: a home of its own for every test, and the command as a real process."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

#: Seconds until something that should happen is given up.
PATIENCE = 20.0

#: What a run prints is what it saw of the file; so the state tells which content it saw.
SHOW = '#!/bin/sh\ncat -- "$OTUMAT_WATCH_FILE" 2>/dev/null\nexit 0\n'


def pytest_generate_tests(metafunc):
    """Give every test that has a `seed` fresh ones, the same in all of xdist's workers."""
    if "seed" in metafunc.fixturenames:
        chance = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))
        count = int(os.environ.get("OTUMAT_SEEDS", "3"))
        pinned = os.environ.get("OTUMAT_SEED")
        seeds = [int(pinned)] if pinned else [chance.randrange(10**9) for _ in range(count)]
        metafunc.parametrize("seed", seeds)


@pytest.fixture(autouse=True)
def _isolation(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home))
    for name in [*os.environ]:
        if name in {"CI", "DO_NOT_TRACK", "NO_COLOR"} or name.startswith("OTUMAT_WATCH"):
            monkeypatch.delenv(name)


class Watching:
    """One running `otumat-watch --json`."""

    def __init__(self, argv, cwd):
        self.sentinel = Path(cwd) / "the-sentinel"
        command = [sys.executable, "-m", "otumat_watch.cli", "--json", *map(os.fsdecode, argv)]
        self.process = subprocess.Popen(
            [*command[:4], "-f", str(self.sentinel), *command[4:]],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.events = []
        self._left = b""
        self._kept_open = None
        self.armed = self.wait_for("watching")

    def wait_for(self, kind):
        """Return the next event of *kind*; other events are kept in `events`."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for event in self._read(deadline):
                self.events.append(event)
            for event in self.events:
                if event["event"] == kind and not event.get("taken"):
                    event["taken"] = True
                    return event
        raise AssertionError(f"no {kind} event; the last ones were {self.events[-3:]}")

    def run(self):
        """Return the next run that has ended."""
        return self.wait_for("run")

    def barrier(self):
        """Return all runs that ended and were not taken yet, when everything has settled.

        The sentinel is kept open by its writer, so it settles after whatever came before it.
        """
        if self._kept_open is None:
            self._kept_open = self.sentinel.open("ab", buffering=0)
        self._kept_open.write(b"x")
        runs = []
        while True:
            run = self.run()
            if str(self.sentinel) in [change["path"] for change in run["changes"]]:
                others = [c for c in run["changes"] if c["path"] != str(self.sentinel)]
                return [*runs, *([{**run, "changes": others}] if others else [])]
            runs.append(run)

    def stop(self, signum=signal.SIGTERM):
        """End it and return (exit code, seconds that took)."""
        begin = time.monotonic()
        self.process.send_signal(signum)
        code = self.process.wait(PATIENCE)
        return code, time.monotonic() - begin

    def close(self):
        if self._kept_open is not None:
            self._kept_open.close()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)  # gently, so that no script is left behind
        finally:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def _read(self, deadline):
        stream = self.process.stdout
        wait = 0 if any(not event.get("taken") for event in self.events) else 0.5
        if not select.select([stream], [], [], min(wait, max(0, deadline - time.monotonic())))[0]:
            return
        data = os.read(stream.fileno(), 1 << 16)
        if not data and self.process.poll() is not None:
            raise AssertionError(
                f"it ended: {self.process.stderr.read()!r} after {self.events[-3:]}"
            )
        *lines, self._left = (self._left + data).split(b"\n")
        yield from map(json.loads, lines)


@pytest.fixture(name="file")
def _file(tmp_path):
    """A file to watch, in a folder of its own, with one line in it."""
    path = tmp_path / "watched" / "file.txt"
    path.parent.mkdir()
    path.write_text("old\n")
    return path


@pytest.fixture(name="make_script")
def _make_script(tmp_path):
    def make(body=SHOW, name="script.sh"):
        path = tmp_path / name
        path.write_text(body)
        path.chmod(0o755)
        return path

    return make


@pytest.fixture(name="watch")
def _watch(tmp_path, make_script):
    """Start the command on some specs; the script shows the file unless another is given."""
    started = []

    def start(*specs, script=None, options=(), arguments=(), cwd=tmp_path):
        script = make_script() if script is None else script
        files = [part for spec in specs for part in ("-f", os.fspath(spec))]
        argv = [*files, "-s", os.fspath(script), *options, "--", *arguments]
        started.append(Watching(argv, cwd))
        return started[-1]

    yield start
    for watching in started:
        watching.close()


@pytest.fixture(name="until")
def _until():
    """Wait until a question is answered with something true, and return the answer."""

    def wait(question):
        deadline = time.monotonic() + PATIENCE
        while not (answer := question()):
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.005)
        return answer

    return wait
