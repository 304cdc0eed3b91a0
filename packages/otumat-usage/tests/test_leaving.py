"""After `off` or `erase`: no process, no job, and no file but the refusal itself."""

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
def _using(package, terminal, browser, host, python, console):
    """The user agreed, has sent something, and a program that records is still running."""
    package(host.origin)
    terminal("import tracked", BROWSER=browser("yes")).expect("[y/N]").send("y\n").expect("Thank")
    python("import tracked")
    console("upload")
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


def test_erase_leaves_the_answer_alone(using, console, data, home):
    assert "has erased what it had" in console("erase", "tracked").stdout
    _log_one_more(using)

    assert _files(data) == ["packages/tracked/answer"]
    assert _processes(home) == []
    assert "no background job" in console("status").stdout


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
