"""The spool: what is recorded is on disk, and a disk that does not take it is silent."""

import errno
import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from otumat_usage import _answer, _schema, _spool

from ._spools import spools

ORIGIN = "https://x.example"


def test_an_event_is_on_disk_when_log_returns(agent, data):
    agent.log(event_type="one")

    (file,) = spools(data)
    assert file.read_text().splitlines()[1].split("\t")[::2] == ["1", "one"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_its_process_still_writes_is_left_alone(agent, data, drain):
    agent.log(event_type="one")

    assert drain() == ([], {}, 1)
    agent.seal()
    assert drain() == (["one"], {}, 0)
    assert spools(data) == []


def test_events_after_a_seal_go_to_another_file(agent, drain):
    for name in ("one", "two", "three"):
        agent.log(event_type=name)
        agent.seal()

    assert drain() == (["one", "two", "three"], {}, 0)


def test_a_full_file_is_sealed(agent, data, drain):
    names = [f"{number:05}-{'x' * 60}" for number in range(2000)]
    for name in names:
        agent.log(event_type=name)

    assert len(spools(data)) == 3
    assert all(file.stat().st_size <= _spool.SEAL_BYTES + 200 for file in spools(data))
    agent.seal()
    assert drain() == (names, {}, 0)


def test_a_file_that_somebody_removed_takes_nothing_more(agent, data, drain):
    """Who says no removes the files; what is written to one that is gone would be lost."""
    agent.log(event_type="one")
    spools(data)[0].unlink()
    agent.log(event_type="two")
    agent.seal()

    assert drain() == (["two"], {}, 0)


def test_an_old_file_is_sealed(agent, data):
    agent.log(event_type="one")
    agent._spool._began -= _spool.SEAL_SECONDS
    agent.log(event_type="two")

    assert len(spools(data)) == 2


def test_a_clock_that_goes_back_begins_another_file(agent, data, drain):
    agent.log(event_type="one")
    agent._spool._began += 7200
    agent.log(event_type="two")
    assert len(spools(data)) == 2
    agent.seal()

    assert sorted(drain()[0]) == ["one", "two"]
    assert spools(data) == []


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
    assert spools(data) == []


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


@pytest.mark.service
def test_a_home_that_cannot_be_written_is_silent(agreed, python):
    """Even root cannot write where a folder should be and a file is."""
    spools = agreed / "packages" / "p" / "spool"
    spools.write_text("in the way")
    python("""
    from otumat_usage import UsageAgent
    agent = UsageAgent(author="a", data_directory="d", package_name="p", host="https://x.example")
    agent.log(event_type="one")
    """)

    assert spools.read_text() == "in the way"
