"""After `off` or `erase`: no process, no job, and no file but the refusal itself."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.service

RUNNING = """
import sys, tracked
sys.stdout.write("recorded\\n")
sys.stdout.flush()
for line in sys.stdin:
    tracked.usage_agent.log(event_type="later")
    sys.stdout.write("recorded\\n")
    sys.stdout.flush()
"""


def _files(data):
    return sorted(str(path.relative_to(data)) for path in data.rglob("*") if not path.is_dir())


def _processes(home):
    """Return the commands of ours that run with this home, but the host, which must be found."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = process.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")
            env = process.joinpath("environ").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if f"HOME={home}" in env and any("otumat_usage" in word for word in words):
            found.append(" ".join(words))
    (host,) = [words for words in found if "otumat_usage.host serve" in words]
    return [words for words in found if words != host]


@pytest.fixture(name="using")
def _using(reported):  # noqa: ARG001 - what the user has sent
    """The user agreed, has sent something, and a program that records is still running."""
    program = subprocess.Popen(
        [sys.executable, "-c", RUNNING],
        env=dict(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout.readline() == "recorded\n"
    yield program
    program.stdin.close()
    program.wait(20)
    program.stdout.close()


def _no_at_the_question(package, terminal, data):
    """Return what a no at the terminal leaves."""
    package("http://127.0.0.1:9", name="other")
    terminal("import other").expect("[y/N]").send("\n").expect("Understood")
    return [name for name in _files(data) if name.startswith("packages/other/")]


def _log_one_more(program):
    program.stdin.write("\n")
    program.stdin.flush()
    assert program.stdout.readline() == "recorded\n"


def test_off_leaves_what_a_no_to_the_question_leaves(using, package, terminal, console, data, home):
    other = _no_at_the_question(package, terminal, data)
    before = _files(data)
    said = console("off", "tracked").stdout
    _log_one_more(using)

    assert {"outbox.db", "job", "packages/tracked/tokens.json"} <= set(before)
    assert [name for name in before if name.startswith("packages/tracked/spool/")]
    assert other == ["packages/other/agent.json", "packages/other/answer"]
    assert _files(data) == [*other, "packages/tracked/agent.json", "packages/tracked/answer"]
    assert _processes(home) == []
    assert "background" not in console("status", "--json").stdout.partition('"job"')[0]
    assert "no background job" in console("status").stdout
    assert _files(data) == [*other, "packages/tracked/agent.json", "packages/tracked/answer"]
    assert "keeps what was sent before, as installation" in said


OFF = "from otumat_usage.cli import main; main(['off', 'tracked'])"


def _knows_something(host):
    return '"import"' in json.dumps(host.report())


@pytest.mark.usefixtures("using")
def test_off_at_a_terminal_offers_erasure_while_it_is_possible(terminal, console, data, host):
    asked = terminal(OFF).expect("erase what was sent before? [y/N]")
    assert "off, you said no (command" in console("status", "tracked", code=1).stdout
    asked.send("y\n").expect("has erased what it had")

    assert asked.wait() == 0
    assert _files(data) == ["packages/tracked/answer"]
    assert not _knows_something(host)


@pytest.mark.usefixtures("using")
@pytest.mark.parametrize("answer", ["\n", "n\n", "\x03", "\x04"])
def test_whatever_else_is_answered_there_off_is_off(terminal, console, data, host, answer):
    asked = terminal(OFF).expect("[y/N]").send(answer).expect("tell them this number")

    assert asked.wait() == 0
    assert _files(data) == ["packages/tracked/agent.json", "packages/tracked/answer"]
    assert _knows_something(host)
    assert f"{host.origin} keeps what was sent before" in console("status").stdout


@pytest.mark.usefixtures("using")
def test_off_killed_at_its_question_is_off_and_the_doctor_ends_it(terminal, console, data, home):
    terminal(OFF).expect("[y/N]").process.kill()

    assert "off, you said no (command" in console("status", "tracked", code=1).stdout
    told = console("doctor").stdout
    assert "tokens from before the no were still there" in told
    assert "keeps what was sent before, as installation" in told
    assert _files(data) == ["packages/tracked/agent.json", "packages/tracked/answer"]
    assert _processes(home) == []


@pytest.mark.usefixtures("using")
def test_a_yes_to_erasure_that_came_too_late_is_no_success(terminal, console, host):
    """The doctor ran while the question waited."""
    asked = terminal(OFF).expect("[y/N]")
    console("doctor")
    asked.send("y\n").expect("tell them this number")

    assert asked.wait() == 2
    assert _knows_something(host)


@pytest.mark.usefixtures("using")
def test_off_erases_without_a_question_where_it_is_told_to(console, data, host):
    assert "has erased what it had" in console("off", "tracked", "--erase").stdout

    assert _files(data) == ["packages/tracked/answer"]
    assert not _knows_something(host)


@pytest.mark.usefixtures("using")
def test_erase_after_off_says_that_it_came_too_late(console, data, host):
    """The answer names the host, and neither a token nor a number of this installation."""
    number = json.loads(data.joinpath("packages/tracked/tokens.json").read_text())
    number = number[host.origin]["install_id"]
    (told,) = json.loads(console("off", "tracked", "--json").stdout)
    late = console("erase", "tracked", code=2)

    assert told == {"package": "tracked", "left": {host.origin: number}, "erased": []}
    assert f"{host.origin} keeps what was sent before: off came first" in late.stderr
    assert json.loads(console("erase", "tracked", "--json", code=2).stdout)[0]["erased"] is False
    console("off", "--all")
    assert json.loads(console("status", "tracked", "--json", code=1).stdout)[0]["left"] == [
        host.origin
    ]
    assert number not in data.joinpath("packages/tracked/answer").read_text()


@pytest.mark.usefixtures("using")
def test_a_package_that_is_named_twice_is_told_once_with_its_number(console, host):
    (told,) = json.loads(console("off", "tracked", "Tracked", "--json").stdout)

    assert list(told["left"]) == [host.origin]


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_off_is_off_with_any_stream_closed(data, closed):
    """Such are the streams of a daemon, or after ``<&-`` in a shell."""
    command = f'exec "$0" -m otumat_usage off tracked {closed}>&-'
    done = subprocess.run(["sh", "-c", command, sys.executable], check=False, timeout=60)

    assert done.returncode == 0
    assert data.joinpath("packages/tracked/answer").read_text().splitlines()[1].startswith("no ")


def test_erase_leaves_the_answer_alone(using, console, data, home):
    assert "has erased what it had" in console("erase", "tracked").stdout
    _log_one_more(using)

    assert _files(data) == ["packages/tracked/answer"]
    assert _processes(home) == []
    assert "no background job" in console("status").stdout


@pytest.mark.usefixtures("using")
def test_off_asks_again_for_an_erasure_that_no_host_has_confirmed(console, data, host):
    host.stop()
    late = console("off", "tracked", "--erase", code=2)
    again = console("off", "tracked", "--erase", code=2)
    host.start()

    assert "has not confirmed" in late.stderr
    assert "has not confirmed" in again.stderr
    assert console("off", "tracked").stdout == "tracked: off\n"
    assert "has erased what it had" in console("off", "tracked", "--erase").stdout
    assert not data.joinpath("erasures.json").exists()


def test_an_erase_request_goes_with_its_confirmation(using, console, data, host):
    host.stop()
    console("erase", "tracked", code=2)
    assert "erasures.json" in _files(data)
    assert "job" in _files(data)

    host.start()
    console("upload")
    _log_one_more(using)
    assert _files(data) == ["packages/tracked/answer"]


def test_looking_leaves_no_trace(console, data):
    for command in ("status", "sent", "show", "upload", "export", "doctor"):
        console(command)

    assert not data.exists()


def test_off_all_leaves_the_refusals(using, console, data):
    console("off", "--all")
    _log_one_more(using)

    assert _files(data) == ["packages/tracked/agent.json", "packages/tracked/answer", "refused"]
