"""Laws of one run, its group and the ending of groups."""

# Bytes as names and descriptors need os.path and os.
# ruff: noqa: PTH208

import os
import signal
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="process groups")

from otumat_watch import ScriptError  # noqa: E402 -- after the mark
from otumat_watch._changes import wait_for  # noqa: E402
from otumat_watch._group import end_all  # noqa: E402
from otumat_watch._process import Process  # noqa: E402

ENVIRONMENT = {"PATH": os.environ["PATH"], "WORD": "größe\udcff"}


@pytest.fixture(name="start")
def _start():
    started = []

    def start(text, cap=1000):
        started.append(Process(["/bin/sh", "-c", text], ENVIRONMENT, cap=cap))
        return started[-1]

    yield start
    end_all(started, grace=0.0, hurry=lambda: True)
    assert all(process.is_gone() for process in started)


def wait(process):
    while not process.ended():
        wait_for(process.descriptors(), 0.02)
        process.read()
    return bytes(process.output)


def test_output_and_exit_code_are_those_of_the_script(start):
    process = start('printf %s "$WORD"; exit 7')

    assert wait(process) == "größe".encode() + b"\xff"
    assert process.exit_code == 7


def test_what_killed_it_is_its_negative_exit_code(start):
    process = start("kill -9 $$")
    wait(process)

    assert process.exit_code == -9


def test_more_than_the_cap_is_read_and_dropped(start):
    assert len(wait(start("head -c 300000 /dev/zero", cap=10))) == 11


def test_a_program_that_is_not_there_is_an_error_and_leaves_no_descriptor():
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(ScriptError, match="No such file"):
        Process(["/no/such"], ENVIRONMENT, cap=1)

    assert len(os.listdir("/dev/fd")) == before


def is_inheritable(fd):
    try:
        return os.get_inheritable(fd)
    except OSError:
        return False


def test_it_has_a_group_of_its_own_an_empty_stdin_and_no_descriptor_of_pythons(start):
    listing = "ls /dev/fd | tr '\\n' ' '; ps -o pgid= -p $$; cat"
    process = start(listing)
    words = wait(process).split()

    assert int(words[-1]) == process.pid != os.getpgrp()
    inherited = {fd for fd in map(int, os.listdir("/dev/fd")) if is_inheritable(fd)}
    assert {int(word) for word in words[:-1]} - inherited <= {0, 1, 2, 3}  # 3 is ls's own


def test_it_has_the_systems_signals_although_python_ignores_some(start):
    process = start("kill -PIPE $$; echo survived")
    wait(process)

    assert process.exit_code == -signal.SIGPIPE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pidfd_open")
def test_the_end_is_announced_by_a_descriptor(start):
    process = start("exec >&-; sleep 0.1")
    assert process.is_observable()
    while len(process.descriptors()) > 1:
        wait_for(process.descriptors(), 1)
        process.read()

    wait_for(process.descriptors(), 20)

    assert process.ended()
    assert process.descriptors() == []


def test_without_such_a_descriptor_one_asks(start, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    process = start("echo out")

    assert not process.is_observable()
    assert wait(process) == b"out\n"


def test_a_child_left_behind_is_read_on_but_no_longer_kept(start, tmp_path):
    process = start(f"(echo more; sleep 0.1; echo more; : > {tmp_path}/alive) & echo first")
    before = wait(process)
    while not process.is_gone():
        wait_for(process.descriptors(), 0.02)

    assert before.startswith(b"first") or b"more" in before
    assert bytes(process.output) == before
    assert (tmp_path / "alive").exists()


def test_ending_nobody_is_over_at_once():
    begin = time.monotonic()
    end_all([], grace=5.0, hurry=lambda: False)

    assert time.monotonic() - begin < 0.5


def test_who_ends_when_asked_is_not_killed(start, tmp_path):
    process = start(
        f"trap 'echo bye > {tmp_path}/bye; exit 3' TERM; echo up; while :; do sleep .05; done"
    )
    while not process.output:
        wait_for(process.descriptors(), 1)
        process.read()

    end_all([process], grace=5.0, hurry=lambda: False)

    assert process.exit_code == 3
    assert (tmp_path / "bye").exists()


def test_who_does_not_is_killed_after_the_grace(start):
    process = start("trap '' TERM; echo up; while :; do sleep .05; done")
    while not process.output:
        wait_for(process.descriptors(), 1)
        process.read()
    begin = time.monotonic()

    end_all([process], grace=0.2, hurry=lambda: False)

    assert 0.2 <= time.monotonic() - begin < 1.5
    assert process.exit_code == -9
