"""One spool among threads, forks, signal handlers and kills: nothing is lost, nothing waits."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading

import pytest

from otumat_usage import UsageAgent

from ._seeds import pytest_generate_tests  # noqa: F401 - pytest looks for it here
from ._spools import spools

ORIGIN = "https://x.example"


def test_descriptors_closed_and_reused_by_the_program_are_not_written_to(
    agent, data, tmp_path, drain
):
    """A daemon closes every descriptor; the number may be a socket or the user's file next."""
    agent.log(event_type="one")
    number = agent._spool._fd
    os.close(number)
    other = os.open(tmp_path / "precious", os.O_RDWR | os.O_CREAT)
    if other != number:
        os.dup2(other, number)
    agent.log(event_type="two")
    agent.seal()

    assert tmp_path.joinpath("precious").read_bytes() == b""
    os.fstat(number)  # still open: it was not ours to close
    os.close(number)
    if other != number:
        os.close(other)
    assert drain() == (["one", "two"], {}, 0)
    assert spools(data) == []


def test_a_signal_handler_may_log_in_the_middle_of_a_log(agent, drain, monkeypatch):
    """Any lock that waits for itself would hang the program here."""
    write = os.write

    def interrupted(fd, line):
        monkeypatch.setattr(os, "write", write)
        os.kill(os.getpid(), signal.SIGUSR1)
        return write(fd, line)

    handled = []

    def handler(*_):
        agent.log(event_type="in the handler")
        handled.append(True)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        agent.log(event_type="before")
        monkeypatch.setattr(os, "write", interrupted)
        agent.log(event_type="interrupted")
        agent.log(event_type="after")
    finally:
        signal.signal(signal.SIGUSR1, before)
    agent.seal()

    assert handled
    assert sorted(drain()[0]) == ["after", "before", "in the handler", "interrupted"]


def test_threads_share_one_file(agent, data, drain):
    def work(name):
        for number in range(500):
            agent.log(event_type=f"{name}-{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (file,) = spools(data)
    numbers = [int(line.split("\t")[0]) for line in file.read_text().splitlines()[1:]]
    assert numbers == list(range(1, 2001))
    agent.seal()
    assert sorted(drain()[0]) == sorted(f"{t}-{n}" for t in "abcd" for n in range(500))


@pytest.fixture(name="hasty")
def _hasty():
    """Have threads give way to each other as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_threads_that_begin_at_once_share_one_file_too(agreed):
    for number in range(1, 21):
        agent = UsageAgent(author="a", data_directory="d", package_name="p", host=ORIGIN)
        together = threading.Barrier(4)

        def work(agent=agent, together=together):
            together.wait()
            agent.log(event_type="one")

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        agent.seal()

        assert len(spools(agreed)) == number


@pytest.mark.usefixtures("hasty")
def test_what_is_dropped_while_others_record_is_counted_to_the_last(agent, drain):
    counts = {"a": 0, "b": 0}

    def record():
        for _ in range(1000):
            agent.log(event_type="one")

    def fail(name, recording):
        while any(thread.is_alive() for thread in recording):
            agent._spool.drop(name)
            counts[name] += 1

    agent.log(event_type="one")
    recording = [threading.Thread(target=record) for _ in range(2)]
    failing = [threading.Thread(target=fail, args=(name, recording)) for name in counts]
    for thread in (*recording, *failing):
        thread.start()
    for thread in (*recording, *failing):
        thread.join()
    agent.log(event_type="one")
    agent.seal()

    events, dropped, _ = drain()
    assert (len(events), dropped) == (2002, {name: n for name, n in counts.items() if n})


CHILD = """
import os, sys, threading
from otumat_usage import UsageAgent
agent = UsageAgent(author="a", data_directory="d", package_name="p", host="https://x.example")
agent.log(event_type="parent")
"""


def _run(code, *args):
    done = subprocess.run(
        [sys.executable, "-c", CHILD + code, *args], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.usefixtures("agreed")
@pytest.mark.service
def test_forked_children_that_leave_by_os_exit_lose_nothing(drain):
    _run("""
for child in range(4):
    if os.fork() == 0:
        for number in range(25):
            agent.log(event_type=f"{child}-{number}")
        os._exit(0)
for child in range(4):
    os.wait()
agent.log(event_type="parent")
""")

    expected = ["parent"] * 2 + [f"{c}-{n}" for c in range(4) for n in range(25)]
    assert sorted(drain()[0]) == sorted(expected)


@pytest.mark.usefixtures("agreed")
@pytest.mark.service
def test_a_child_that_outlives_its_parent_does_not_keep_its_file(drain):
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD + "if os.fork() == 0: sys.stdin.read(1)\nelse: os._exit(0)"],
        stdin=subprocess.PIPE,
    )
    child.wait(20)

    assert drain() == (["parent"], {}, 0)
    child.stdin.close()


@pytest.mark.usefixtures("agreed")
@pytest.mark.service
def test_daemon_threads_at_shutdown_are_silent(drain):
    _run("""
def work():
    while True:
        agent.log(event_type="thread")
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
import time; end = time.monotonic() + 0.1
while time.monotonic() < end: agent.log(event_type="main")
""")

    events, dropped, busy = drain()
    assert events[0] == "parent"
    assert (dropped, busy) == ({}, 0)


WRITER = """
import sys
from otumat_usage import UsageAgent
agent = UsageAgent(author="a", data_directory="d", package_name="p", host="https://x.example")
name, threads, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
import os, threading
def work(thread):
    for event in range(number):
        agent.log(event_type=f"{name}-{thread}-{event}")
        if threads == 1: os.write(1, b"%d\\n" % event)
jobs = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
for job in jobs: job.start()
for job in jobs: job.join()
"""


@pytest.mark.usefixtures("agreed")
@pytest.mark.fault
@pytest.mark.service
def test_a_killed_writer_loses_no_event_that_it_saw_recorded(drain, seed):
    lines = random.Random(seed).randrange(1, 800)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, "k", "1", "100000"], stdout=subprocess.PIPE, text=True
    )
    for _ in range(lines):
        seen = int(writer.stdout.readline())
    writer.kill()
    rest = writer.stdout.read().split("\n")
    writer.stdout.close()
    writer.wait(20)
    seen = max([seen, *(int(line) for line in rest[:-1] if line)])
    events, dropped, busy = drain()

    numbers = [int(name.rpartition("-")[2]) for name in events]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) in (seen + 1, seen + 2)
    assert (dropped, busy) == ({}, 0)


@pytest.mark.usefixtures("agreed")
@pytest.mark.fault
@pytest.mark.service
def test_eight_processes_of_four_threads_are_drained_alongside_without_loss(drain, seed):
    chance = random.Random(seed)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(n), "4", "250"]) for n in range(8)
    ]
    while any(writer.poll() is None for writer in writers):
        drain()
        with contextlib.suppress(subprocess.TimeoutExpired):
            chance.choice(writers).wait(chance.random() / 50)
    events, dropped, busy = drain()

    assert {writer.returncode for writer in writers} == {0}
    assert sorted(events) == sorted(
        f"{p}-{t}-{e}" for p in range(8) for t in range(4) for e in range(250)
    )
    assert (dropped, busy) == ({}, 0)
