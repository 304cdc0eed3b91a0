"""Laws of one step of the loop, taken by hand: a real script, a real watcher, no luck."""

import os
import time

import pytest

from otumat_watch._change import Change
from otumat_watch._changes import wait_for
from otumat_watch._group import end_all
from otumat_watch._report import Report
from otumat_watch._runner import Options, Runner
from otumat_watch._watcher import Watcher

pytestmark = pytest.mark.skipif(os.name == "nt", reason="shell scripts and POSIX signals")


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """A runner whose script changes the file that is watched."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    watcher = Watcher(["file"], clock=time.monotonic)
    command = ["/bin/sh", "-c", "echo more >> file"]
    runner = Runner(watcher, command, [], options=Options(longest_delay=60.0), report=Report())
    yield runner
    if runner._process is not None:
        end_all([runner._process], grace=0.0, hurry=lambda: True)
    watcher.close()


def step(runner, *paths):
    runner._step(time.monotonic(), [Change(path, "modified") for path in paths])


def run(runner, *paths):
    """Run the script for changes of *paths* to its end; nobody else reads what it changed."""
    step(runner, *paths)
    deadline = time.monotonic() + 30
    while runner._process is not None:
        assert time.monotonic() < deadline
        wait_for(runner._process.descriptors(), 0.05)
        step(runner)


def test_what_a_run_wrote_last_is_taken_for_its_own(runner):
    """The system tells of its end before anybody has read of its last write."""
    run(runner, "file")

    assert runner._echo.is_own(["file"])


def test_only_a_change_by_somebody_else_ends_the_wait_of_a_loop(runner):
    run(runner, "file")
    runner._echo._row = 20  # as after so many runs that were started by the one before
    run(runner, "file")

    step(runner, "file")
    waits = runner._process is None
    step(runner, "other")

    assert waits
    assert runner._process is not None
