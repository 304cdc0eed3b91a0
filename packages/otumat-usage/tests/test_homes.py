"""Homes that are not as usual: without file locks, and read-only. Nothing is lost or said there."""

import errno
import os
import subprocess
import sys
import time

import pytest

from otumat_usage import _lock

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(sys.platform != "linux", reason="seccomp and mounts are Linux's"),
]

# The kernel itself refuses every lock of the process and its children, SQLite's too (seccomp(2)).
NO_LOCKS = """
import ctypes, platform, struct
def refuse_locks(number):
    arch, flock, fcntl = {
        "x86_64": (0xC000003E, 73, 72), "aarch64": (0xC00000B7, 32, 25)}[platform.machine()]
    load, equal, answer = 0x20, 0x15, 0x06
    words = [
        (load, 0, 0, 4), (equal, 0, 9, arch), (load, 0, 0, 0), (equal, 8, 0, flock),
        (equal, 0, 6, fcntl), (load, 0, 0, 24),
        *[(equal, 5 - n, 0, command) for n, command in enumerate((5, 6, 7, 37, 38))],
        (answer, 0, 0, 0x7FFF0000), (answer, 0, 0, 0x00050000 | number)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *word) for word in words))
    program = struct.pack("HxxxxxxP", len(words), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS"
    assert libc.prctl(22, 2, program, 0, 0) == 0, "PR_SET_SECCOMP"
refuse_locks(NUMBER)
import fcntl
try:
    fcntl.flock(0, fcntl.LOCK_SH)
except OSError as error:
    assert error.errno == NUMBER
else:
    raise SystemExit("locks work")
"""

AGENT = """
import os, sys
from otumat_usage import UsageAgent
agent = UsageAgent(author="a", data_directory="d", package_name="p", host="https://x.example")
"""
DRAIN = """
from otumat_usage import _drain, _home, _outbox
with _outbox.free(_home.folder()) as outbox:
    busy = _drain.drain(outbox, _home.folder(), "p")
    print(*[name for (name,) in outbox._db.execute("SELECT type FROM event")], busy)
"""


def _lockless(code, number=errno.ENOLCK):
    return NO_LOCKS.replace("NUMBER", str(number)) + code


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_events_are_recorded_and_taken_once(agreed, python, number):
    sealed = AGENT + "agent.log(event_type='sealed'); agent.seal()"
    python(_lockless(sealed, number))
    python(_lockless(AGENT + "agent.log(event_type='left')", number))
    (left,) = agreed.rglob("*.spool.open")

    assert [file.name.partition(".")[2] for file in agreed.rglob("*.sealed")] == ["spool.sealed"]
    assert python(_lockless(DRAIN, number)).stdout == "sealed 1\n"
    # Nobody can tell whether a process still writes there; after a day none does.
    os.utime(left, (time.time() - 90_000,) * 2)
    assert python(_lockless(DRAIN, number)).stdout == "sealed left 0\n"
    assert not list(agreed.rglob("*.spool*"))


def test_what_was_written_without_locks_is_taken_where_there_are_some(agreed, python):
    python(_lockless(AGENT + "agent.log(event_type='one'); agent.seal()"))
    python(_lockless(AGENT + "agent.log(event_type='two')"))

    assert python(DRAIN).stdout == "one 1\n"
    (left,) = agreed.rglob("*.spool.open")
    os.utime(left, (time.time() - 90_000,) * 2)
    assert python(DRAIN).stdout == "one two 0\n"


@pytest.mark.usefixtures("agreed")
def test_a_locked_spool_is_never_taken_by_who_cannot_lock(python):
    """As on two machines that share a home, of which one has no lock daemon."""
    writer = subprocess.Popen(
        [sys.executable, "-c", AGENT + "agent.log(event_type='one'); print(flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    writer.stdout.readline()

    assert python(_lockless(DRAIN)).stdout == "1\n"
    writer.communicate()
    assert python(_lockless(DRAIN)).stdout == "1\n"
    assert python(DRAIN).stdout == "one 0\n"


@pytest.mark.usefixtures("agreed")
def test_a_fork_without_locks_leaves_the_parents_file_to_it(python):
    code = """
agent.log(event_type="parent")
if os.fork() == 0:
    agent.log(event_type="child")
    agent.seal()
    os._exit(0)
os.wait()
agent.log(event_type="parent")
agent.seal()
"""
    python(_lockless(AGENT + code))

    assert sorted(python(_lockless(DRAIN)).stdout.split()) == ["0", "child", "parent", "parent"]


@pytest.mark.usefixtures("agreed")
def test_four_writers_without_locks_and_a_drainer_alongside_lose_nothing(python):
    code = _lockless(
        AGENT
        + """
for number in range(300):
    agent.log(event_type=f"{sys.argv[1]}-{number}")
    if number % 50 == 49:
        agent.seal()
"""
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "abcd"]
    while any(writer.poll() is None for writer in writers):
        python(_lockless(DRAIN))

    expected = [f"{name}-{number}" for name in "abcd" for number in range(300)]
    assert {writer.wait() for writer in writers} == {0}
    assert sorted(python(_lockless(DRAIN)).stdout.split()[:-1]) == sorted(expected)


def test_without_locks_the_question_is_put_and_the_answer_kept(package, terminal, data):
    package("https://usage.example.org")
    shell = terminal(_lockless("import tracked; print(tracked.usage_agent.refusal())"))
    shell.expect("[y/N]").send("n\n").expect("the user said no (terminal, ")

    assert shell.wait() == 0
    assert "\nno " in data.joinpath("packages/tracked/answer").read_text()


def test_the_lock_by_name_is_held_by_one_and_not_for_ever(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(_lock.fcntl, "flock", fail)
    path = str(tmp_path / "folder" / "lock")
    with _lock.held(path) as first, _lock.held(path) as second:
        assert (first, second) == (True, False)
    with _lock.held(path) as again:
        assert again

    killed = tmp_path / "folder" / "lock.held"
    killed.touch()
    with _lock.held(path) as ours:
        assert not ours
    os.utime(killed, (time.time() - 4000,) * 2)
    with _lock.held(path, wait=5) as ours:
        assert ours
    assert not killed.exists()


@pytest.fixture(name="read_only")
def _read_only(home):
    """Run a command in a mount namespace in which the home is read-only."""

    def run(*argv):
        mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", mount, str(home), *argv],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


MAIN = "from otumat_usage.cli import main; main()"


@pytest.mark.mounts
def test_on_a_read_only_home_programs_notice_nothing(read_only, agreed):
    code = AGENT + (
        "agent.log(event_type='one'); agent.log(event_type='two'); agent.seal()\n"
        "print(agent._spool.dropped)"
    )
    before = sorted(agreed.rglob("*"))
    done = read_only(sys.executable, "-c", code)

    assert (done.returncode, done.stdout, done.stderr) == (0, "{'disk': 2}\n", "")
    assert sorted(agreed.rglob("*")) == before


@pytest.mark.mounts
def test_on_a_read_only_home_nobody_is_asked(package, terminal, home, data):
    package()
    mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    shell = terminal(
        "import os, sys; os.execvp('unshare', ['unshare', '-m', 'sh', '-c', *sys.argv[1:]])",
        mount, str(home), sys.executable, "-c", "import tracked; print('imported')",
    )  # fmt: skip

    assert shell.wait() == 0
    assert shell.text == "imported\n"
    assert not data.exists()


@pytest.mark.mounts
@pytest.mark.usefixtures("agreed")
def test_on_a_read_only_home_the_commands_say_so_in_one_line(read_only, python):
    python(AGENT + "agent.save_config()")
    done = read_only(sys.executable, "-c", MAIN, "status", "p")
    assert (done.returncode, done.stderr) == (0, "")
    for words in (["off", "p"], ["erase", "p"]):
        done = read_only(sys.executable, "-c", MAIN, *words)

        assert done.returncode == 2, (words, done.stdout, done.stderr)
        assert done.stderr.startswith("Error: "), words
        assert done.stderr.count("\n") == 1, words
