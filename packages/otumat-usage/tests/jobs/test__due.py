"""When an upload is due: one stat, and no module that the interpreter does not have."""

import json
import os
import time

import pytest

from otumat_usage import _due

PROGRAM = """
import os, sys
before = set(sys.modules)
from otumat_usage import UsageAgent
agent = UsageAgent(author="a", data_directory="d", package_name="p", host="https://x.example")
agent.log(event_type="one")
assert agent.refusal() is None
new = set(sys.modules) - before
import json
print(json.dumps(sorted(new)))
"""


@pytest.fixture(autouse=True)
def _folder(data):
    data.mkdir(parents=True, mode=0o700)


def _set(data, seconds):
    (data / "job").touch()
    os.utime(data / "job", (time.time() + seconds,) * 2)


@pytest.mark.parametrize(("seconds", "passed"), [(-1, True), (60, False), (7 * 86400, False)])
def test_it_is_due_when_the_moment_has_passed(data, seconds, passed):
    _set(data, seconds)

    assert _due.passed(str(data)) is passed


def test_a_clock_that_was_years_ahead_does_not_silence_for_years(data):
    _set(data, 10 * 365 * 86400)

    assert _due.passed(str(data))


def test_where_no_moment_is_known_one_is_set_a_day_ahead(data):
    assert not _due.passed(str(data))

    assert (data / "job").stat().st_mtime == pytest.approx(time.time() + 86400, abs=60)
    assert (data / "job").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_looked_at_is_not_due():
    assert not _due.passed("/dev/null")
    assert not _due.passed("/nonexistent")


@pytest.mark.usefixtures("agreed")
def test_a_recording_program_that_owes_nothing_loads_nothing_for_it(python, data):
    _set(data, 3600)
    loaded = json.loads(python(PROGRAM).stdout)

    assert "otumat_usage._spool" in loaded
    heavy = "subprocess json sqlite3 threading pathlib re contextlib otumat_usage._due"
    assert not set(heavy.split()) & set(loaded)


@pytest.mark.usefixtures("agreed")
def test_a_recording_program_starts_one_uploader_when_it_is_due(python, data):
    _set(data, -3600)
    loaded = json.loads(python(PROGRAM).stdout)

    assert "otumat_usage._detached" in loaded
    assert (data / "job").stat().st_mtime > time.time() + 3600
    assert "otumat_usage._detached" not in json.loads(python(PROGRAM).stdout)


@pytest.mark.usefixtures("agreed")
def test_a_recording_program_asks_after_a_moment_that_is_missing_or_years_ahead(python, data):
    assert "otumat_usage._due" in json.loads(python(PROGRAM).stdout)
    assert (data / "job").exists()

    _set(data, 10 * 365 * 86400)

    assert "otumat_usage._detached" in json.loads(python(PROGRAM).stdout)


@pytest.mark.usefixtures("agreed")
def test_a_refused_program_does_not_look(python, data):
    _set(data, -3600)
    code = PROGRAM.replace("assert agent.refusal() is None", "assert agent.refusal()")

    assert "otumat_usage._due" not in json.loads(python(code, DO_NOT_TRACK="1").stdout)
    assert (data / "job").stat().st_mtime < time.time()
