"""The spool and its drain: nothing is lost, nothing is taken twice, nothing reaches the program."""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zlib

import pytest

from otumat_usage import _answer, _home, _schema, _spool

ORIGIN = "https://x.example"


def _files(data):
    return sorted(data.rglob("*.spool"))


def test_an_event_is_on_disk_when_log_returns(agent, data):
    agent.log(event_type="one")

    (file,) = _files(data)
    assert file.read_text().splitlines()[1].split("\t")[::2] == ["1", "one"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_its_process_still_writes_is_left_alone(agent, data, drain):
    agent.log(event_type="one")

    assert drain() == ([], {}, 1)
    agent.seal()
    assert drain() == (["one"], {}, 0)
    assert _files(data) == []


def test_events_after_a_seal_go_to_another_file(agent, drain):
    for name in ("one", "two", "three"):
        agent.log(event_type=name)
        agent.seal()

    assert drain() == (["one", "two", "three"], {}, 0)


def test_a_full_file_is_sealed(agent, data, drain):
    names = [f"{number:05}-{'x' * 60}" for number in range(2000)]
    for name in names:
        agent.log(event_type=name)

    assert len(_files(data)) == 3
    assert all(file.stat().st_size <= _spool.SEAL_BYTES + 200 for file in _files(data))
    agent.seal()
    assert drain() == (names, {}, 0)


def test_an_old_file_is_sealed(agent, data):
    agent.log(event_type="one")
    agent._spool._began -= _spool.SEAL_SECONDS
    agent.log(event_type="two")

    assert len(_files(data)) == 2


def test_a_clock_that_goes_back_begins_another_file(agent, data, drain):
    agent.log(event_type="one")
    agent._spool._began += 7200
    agent.log(event_type="two")
    agent.seal()

    assert sorted(drain()[0]) == ["one", "two"]
    assert _files(data) == []


def test_a_spool_is_taken_in_once_even_if_it_was_not_removed(agent, data, drain, monkeypatch):
    """As after a kill between the commit and the removal."""

    def killed(*_):
        raise KeyboardInterrupt

    agent.log(event_type="one")
    agent.seal()
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            drain()

    assert len(_files(data)) == 1
    assert drain() == (["one"], {}, 0)
    assert _files(data) == []


@pytest.mark.parametrize(
    ("damage", "events", "dropped"),
    [
        (lambda text: text[:-5], ["one", "two"], {"torn": 1}),
        (lambda text: text + "4\t17638", ["one", "two", "three"], {"torn": 1}),
        (lambda text: text + "nonsense\n", ["one", "two", "three"], {"torn": 1}),
        (lambda text: text + "\0\0\0\0\n\n", ["one", "two", "three"], {"torn": 2}),
        (lambda text: text + "!\tdisk\t7\n", ["one", "two", "three"], {"disk": 7}),
        (lambda text: text + "!\tdisk\tmany\n", ["one", "two", "three"], {"torn": 1}),
        (lambda _: "", [], {}),
        (lambda text: text.replace("\t1.any\t", "\t1.any\tx"), [], {}),
        (lambda _: "otumat-spool 9\tx\n1\t2\tone\n", [], {}),
    ],
    ids=[
        "cut",
        "half a line",
        "nonsense",
        "zeros",
        "confessed",
        "misspelt",
        "empty",
        "other consent",
        "newer",
    ],
)
def test_torn_lines_are_passed_over_and_counted(agent, data, drain, damage, events, dropped):
    for name in ("one", "two", "three"):
        agent.log(event_type=name)
    agent.seal()
    (file,) = _files(data)
    file.write_text(damage(file.read_text()))

    assert drain() == (events, dropped, 0)


def test_a_file_that_never_became_a_spool_is_removed_after_a_day(agent, data, drain):
    agent.log(event_type="one")
    folder = _files(data)[0].parent
    for name, age in (("new", 3600), ("old", 90000)):
        path = folder / f"{name}.spool.part"
        path.touch()
        os.utime(path, (time.time() - age,) * 2)

    drain()
    assert [path.name for path in folder.glob("*.part")] == ["new.spool.part"]


def test_undeclared_events_are_dropped_and_counted(agreed, drain):
    from otumat_usage import UsageAgent

    events = {"read": {"rows": int, "kind": str, "ratio": float, "new": bool}}
    _answer.say_yes(str(agreed), "p", ORIGIN, _schema.text_id(events), "test")
    agent = UsageAgent(author="a", data_directory="d", package_name="p", host=ORIGIN, events=events)
    agent.log(event_type="read", rows=1, kind='a "b" \\ ü\n', ratio=1, new=True)
    for bad in (
        {"event_type": "write"},
        {"event_type": "read", "rows": "1"},
        {"event_type": "read", "rows": True},
        {"event_type": "read", "other": 1},
        {"event_type": "read", "ratio": float("nan")},
        {"event_type": "read", "kind": "x" * 201},
        {"event_type": ""},
        {"event_type": " read"},
        {"event_type": "re\tad"},
        {"event_type": "x" * 101},
        {"event_type": None},
    ):
        agent.log(**bad)
    agent.log(event_type="read")
    agent.seal()

    assert drain() == (["read", "read"], {"undeclared": 11}, 0)


def test_without_a_declaration_any_name_is_taken_and_no_property(agent, drain):
    agent.log(event_type="Ähnlich 1/2 (x)")
    agent.log(event_type="one", rows=1)
    agent.log(event_type="two")
    agent.seal()

    assert drain() == (["Ähnlich 1/2 (x)", "two"], {"undeclared": 1}, 0)


def test_a_removed_folder_means_that_the_answer_is_looked_at_again(agent, data):
    agent.log(event_type="one")
    shutil.rmtree(data)
    agent.log(event_type="two")

    assert agent.refusal() == "not asked yet"
    assert not data.exists()


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
    assert _files(data) == []


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


@pytest.mark.usefixtures("agreed")
def test_a_disk_that_fills_up_is_silent_and_counted(data, drain):
    """RLIMIT_FSIZE makes write(2) fall short in mid-line, as a full disk does."""
    code = """
    import resource, signal, sys
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    from otumat_usage import UsageAgent
    agent = UsageAgent(author="a", data_directory="d", package_name="p", host="https://x.example")
    agent.log(event_type="before")
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
    for number in range(20):
        agent.log(event_type=f"number {number} {'x' * 30}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    agent.log(event_type="after")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    events, dropped, _ = drain()

    assert (events[0], events[-1]) == ("before", "after")
    assert len(events) - 2 + dropped["disk"] == 20
    assert dropped["disk"] > 10
    assert _files(data) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_a_disk_that_takes_nothing_is_silent_and_counted(agent, monkeypatch, drain, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    agent.log(event_type="one")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        agent.log(event_type="two")
        agent.seal()
        agent.log(event_type="three")
    agent.log(event_type="four")
    agent.seal()

    assert drain() == (["one", "four"], {"disk": 2}, 0)


def test_threads_share_one_file(agent, data, drain):
    def work(name):
        for number in range(500):
            agent.log(event_type=f"{name}-{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (file,) = _files(data)
    numbers = [int(line.split("\t")[0]) for line in file.read_text().splitlines()[1:]]
    assert numbers == list(range(1, 2001))
    agent.seal()
    assert sorted(drain()[0]) == sorted(f"{t}-{n}" for t in "abcd" for n in range(500))


def test_the_folder_and_the_paths_are_platformdirs_own(monkeypatch, tmp_path):
    import platformdirs

    for base in (None, "", "relative", str(tmp_path / "x"), str(tmp_path / "y") + "/"):
        if base is None:
            monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        else:
            monkeypatch.setenv("XDG_DATA_HOME", base)
        ours, theirs = _home.folder(), platformdirs.user_data_dir("otumat-usage", appauthor=False)
        if base != "relative":  # the XDG specification says to ignore it
            assert os.path.normpath(ours) == os.path.normpath(theirs)


def test_canonical_names_are_those_of_the_index():
    assert {_home.canonical(name) for name in ("Data_Joint", "data.joint", "DATA--JOINT")} == {
        "data-joint"
    }
    for name in ("", "..", "/", "a/b", "ü", "a b", "-", "x" * 101, "a\n"):
        assert _home.canonical(name) == ""


@pytest.fixture(name="hasty")
def _hasty():
    """Have threads give way to each other as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_threads_that_begin_at_once_share_one_file_too(agreed):
    from otumat_usage import UsageAgent

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

        assert len(_files(agreed)) == number


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


@pytest.mark.service
def test_a_home_that_cannot_be_written_is_silent(agreed, python):
    """Even root cannot write where a folder should be and a file is."""
    spools = agreed / "packages" / "p" / "spool"
    spools.write_text("in the way")
    python(CHILD)

    assert spools.read_text() == "in the way"


def _seeds():
    """Fresh seeds for each run, the same in all workers of it; in each test's id."""
    pinned = os.environ.get("OTUMAT_SEED")
    if pinned:
        return [int(pinned)]
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or os.urandom(8).hex()
    number = int(os.environ.get("OTUMAT_SEEDS", "3"))
    return [zlib.crc32(f"{run} {index}".encode()) for index in range(number)]


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
@pytest.mark.parametrize("seed", _seeds())
def test_a_killed_writer_loses_no_event_that_it_saw_recorded(drain, seed):
    import random

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
@pytest.mark.parametrize("seed", _seeds())
def test_eight_processes_of_four_threads_are_drained_alongside_without_loss(drain, seed):
    import random

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
