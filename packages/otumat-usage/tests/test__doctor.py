"""The doctor finds what is broken, mends what can be, and never turns a doubt into a yes."""

import json
import os
import sys
import time

import pytest

from otumat_usage import _answer, _doctor, _outbox, _tokens

LATER = 4e9
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps profiles apart itself")


@pytest.fixture(name="agent")
def _agent(data, fake, enrolled):
    """An agent that may record and send, with one event in the outbox."""
    enrolled.log(event_type="one")
    enrolled.show_logs()
    fake.metadata()
    _examine(data)  # which makes the background job
    return enrolled


def _examine(data):
    return list(_doctor.examine(str(data), ask=True))


def _unusual(data):
    return [(one.state, one.package, one.text) for one in _examine(data) if one.state != "ok"]


@pytest.mark.usefixtures("agent")
def test_where_all_is_well_all_is_well(data, fake):
    texts = [one.text for one in _examine(data)]

    assert _unusual(data) == []
    assert f"{fake.origin} answers" in texts
    assert f"on, and may send to {fake.origin}" in texts


def test_where_nothing_is_nothing_is_made(data):
    (one,) = [found for found in _examine(data) if "nothing is kept" in found.text]

    assert one.state == "ok"
    assert not data.exists()


@posix
@pytest.mark.usefixtures("agent")
def test_what_others_could_read_is_closed_again(data):
    (data / "packages" / "p" / "tokens.json").chmod(0o644)
    data.chmod(0o775)

    assert _unusual(data) == [("mended", "", f"others could read 2 of the files in {data}")]
    assert data.stat().st_mode & 0o777 == 0o700
    assert _unusual(data) == []


@posix
def test_a_folder_that_is_not_ours_is_left_alone(data, tmp_path):
    data.parent.mkdir(parents=True)
    data.symlink_to(tmp_path)

    ((state, _, text),) = _unusual(data)
    assert state == "broken"
    assert "not a folder of your own" in text


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("content", [b"no database at all" * 99, None], ids=["junk", "torn"])
def test_a_damaged_outbox_is_put_aside(data, content, agent):
    path = data / "outbox.db"
    whole = path.read_bytes()
    path.write_bytes(content or whole[:4096] + b"\xff" * (len(whole) - 4096))
    ((state, _, text),) = _unusual(data)

    assert state == "mended"
    assert "the outbox was damaged" in text
    assert list(data.glob("outbox.db.damaged-*"))
    agent.log(event_type="two")
    assert len(agent.show_logs()) == 1
    assert _unusual(data) == []


def test_an_outbox_of_a_newer_version_is_left_alone(data):
    import sqlite3

    with _outbox.free(str(data)):
        pass
    with sqlite3.connect(data / "outbox.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    ((state, *_),) = [one for one in _unusual(data) if "newer" in one[2]]
    assert state == "broken"
    assert (data / "outbox.db").exists()


@pytest.mark.usefixtures("agent")
def test_an_answer_that_cannot_be_understood_stays_a_no(data):
    (data / "packages" / "p" / "answer").write_text("otumat-usage answer 1\nperhaps\n")
    found = _unusual(data)

    assert ("broken", "p") in [(state, package) for state, package, _ in found]
    assert "otumat-usage on p" in " ".join(text for *_, text in found)
    assert _answer.read(str(data), "p").refused
    assert not (data / "job").exists()


@pytest.mark.usefixtures("agent")
def test_missing_tokens_are_told_with_what_to_do(data):
    (data / "packages" / "p" / "tokens.json").write_text("{")

    ((state, package, text),) = _unusual(data)
    assert (state, package) == ("broken", "p")
    assert "otumat-usage on p" in text


@pytest.mark.usefixtures("agent")
def test_a_host_that_does_not_answer_is_told(data, fake):
    fake.routes.clear()

    ((state, package, text),) = _unusual(data)
    assert (state, package) == ("broken", "p")
    assert "answers 404" in text


@pytest.mark.usefixtures("agent")
def test_what_killed_programs_left_is_removed(data):
    old = data / "packages" / "p" / "spool" / "1-2.spool.part"
    old.parent.mkdir(exist_ok=True)
    young = old.with_name("3-4.spool.part")
    for path in (old, young):
        path.touch(0o600)
    os.utime(old, (time.time() - 90000,) * 2)

    ((state, _, text),) = _unusual(data)
    assert (state, text[:2]) == ("mended", "1 ")
    assert young.exists()
    assert not old.exists()


@pytest.mark.usefixtures("agent")
def test_a_job_that_went_is_made_anew_and_one_too_many_removed(data):
    (data / "job").unlink()
    ((state, _, text),) = _unusual(data)
    assert (state, text[:11]) == ("mended", "background:")

    _answer.say_no(str(data), "p", "test")
    assert ("mended", "", "nobody needed") in [(s, p, text[:13]) for s, p, text in _unusual(data)]
    assert not (data / "job").exists()


@pytest.mark.usefixtures("agent")
def test_where_the_environment_says_no_nothing_is_asked_or_made(data, fake, monkeypatch):
    (data / "job").unlink()
    asked = len(fake.requests)
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    assert _unusual(data) == []
    assert len(fake.requests) == asked
    assert not (data / "job").exists()


def test_events_from_before_a_no_are_removed(data, agent):
    agent.log(event_type="two")
    _answer.say_no(str(data), "p", "test")

    assert ("mended", "p", "events recorded before the no were still there") in _unusual(data)
    assert not (data / "packages" / "p" / "spool").exists()


@pytest.mark.usefixtures("agent")
def test_tokens_from_before_a_no_are_removed_and_their_number_is_told(data, fake):
    _answer.say_no(str(data), "p", "command")
    (text,) = [text for *_, text in _unusual(data) if text.startswith("tokens from before")]

    assert f"{fake.origin} keeps what was sent before, as installation i-1" in text
    assert _answer.read(str(data), "p").left == [fake.origin]
    assert not _tokens.everything(str(data), "p")


@pytest.mark.usefixtures("agent")
def test_damaged_erase_requests_are_told_and_put_aside(data):
    (data / "erasures.json").write_text("[{")
    (data / "erasures.json").chmod(0o600)

    ((state, _, text),) = _unusual(data)
    assert state == "broken"
    assert "erasures.json.damaged-" in text


@pytest.mark.service
@pytest.mark.usefixtures("agent")
def test_the_command_says_it_by_words_json_and_exit_code(data, fake, console):
    assert console("doctor").stdout.endswith("\nAll is well.\n")
    (data / "job").unlink()
    assert console("doctor").stdout.endswith("\nAll is well now: 1 mended.\n")
    fake.routes.clear()
    assert "1 of these needs you" in console("doctor", code=1).stdout
    found = json.loads(console("doctor", "--json", code=1).stdout)
    assert {one["state"] for one in found} == {"ok", "broken"}
    assert "All is well." in console("doctor", "--offline").stdout
