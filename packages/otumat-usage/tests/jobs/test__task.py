"""What is run and when, and the note of it."""

import json
import pathlib
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otumat_usage import _due, _task


@given(st.integers(1, 40 * 86400), st.integers(0, 23))
def test_the_hours_divide_the_day_evenly_and_are_never_too_rare(period, first):
    hours = _task.hours(period, first)

    step = 24 // len(hours)
    assert hours == tuple(range(hours[0], 24, step))
    assert hours[0] < step
    assert first % step == hours[0]
    assert step * 3600 <= max(period, 3600)
    assert _task.hours(step * 3600, hours[-1]) == hours


@pytest.mark.parametrize(
    ("period", "words"),
    [(30, "hour"), (3600, "hour"), (12 * 3600, "12 hours"), (86400, "24 hours"),
     (7 * 86400, "24 hours"), (11 * 3600, "8 hours")],
)  # fmt: skip
def test_a_pace_is_told_in_words(period, words):
    assert _task.pace(period) == words


def test_a_note_is_read_as_it_was_kept_and_puts_the_moment_off(task):
    _task.keep(task, "crontab")

    assert _task.kept(task.home) == (task, "crontab")
    left = pathlib.Path(task.home, "job").stat().st_mtime - time.time()
    assert left == pytest.approx(86400, abs=60)
    assert not _due.passed(task.home)


@pytest.mark.parametrize(
    "change", [{"minute": 60}, {"hours": []}, {"hours": [24]}, {"minute": None}, {"hours": 3}]
)
def test_an_illegible_note_is_none(task, change):
    _task.keep(task, "crontab")
    path = pathlib.Path(_task.path_of(task.home))
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    assert _task.kept(task.home) is None


def test_another_data_folder_has_another_task(data, monkeypatch):
    assert _task.name_of(str(data)) == "otumat-usage"
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")

    assert _task.name_of(str(data)) == "otumat-usage"
    other = _task.name_of("/elsewhere/otumat-usage")
    assert other.startswith("otumat-usage-")
    assert other == _task.name_of("/elsewhere/otumat-usage")
    assert len(other) == len("otumat-usage-") + 8


@pytest.mark.parametrize("program", ["/opt/Blender/blender", "", None, "/usr/sbin/uwsgi"])
def test_a_program_that_is_not_python_is_never_started(monkeypatch, program):
    monkeypatch.setattr(sys, "executable", program)

    assert _task.interpreter() is None


def test_a_frozen_program_is_never_started(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)

    assert _task.interpreter() is None


@pytest.mark.parametrize("path", ["relative/python", "/with\nnewline", "/with\x1b[31m", "/\udcff"])
def test_a_path_that_no_file_can_hold_is_not_writable(task, path):
    assert task.writable
    assert not _task.Task(path, task.python, task.script, 1, (1,)).writable
    assert not _task.Task(task.home, path, task.script, 1, (1,)).writable


def test_a_task_lives_as_long_as_its_interpreter_and_its_program(task):
    assert task.alive
    pathlib.Path(task.script).unlink()

    assert not task.alive
    assert not _task.Task(task.home, "/nonexistent/python", __file__, 1, (1,)).alive


def test_new_tasks_are_spread_over_the_day():
    found = {(t.minute, t.hours) for t in (_task.new("/h", "/p", 86400) for _ in range(50))}

    assert len(found) > 30
    assert {len(hours) for _, hours in found} == {1}
