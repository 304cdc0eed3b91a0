"""One job for all packages: made after a yes, mended when late, gone with the last package."""

import json
import pathlib
import shutil
import sys
import time

import pytest

from otumat_usage import _answer, _job, _settings, _task
from otumat_usage._sight import Sight


class Fake:
    """A scheduler in memory."""

    def __init__(self, name="crontab", usable=True, works=True):
        self.NAME = name
        self._usable = usable
        self._works = works
        self.tasks = {}
        self.disabled = False
        self.made = 0

    def usable(self):
        return self._usable

    def look(self, task):
        found = self.tasks.get(task.name)
        if found is None:
            return Sight.MISSING
        if self.disabled:
            return Sight.DISABLED
        return Sight.RIGHT if found == task else Sight.OTHER

    def make(self, task):
        self.made += 1
        self.tasks[task.name] = task
        return self._works

    def remove(self, name):
        self.tasks.pop(name, None)

    def describe(self, task):
        return f"{self.NAME} job {task.name}", "crontab -l"


@pytest.fixture(name="says")
def _says(data):
    """Let the user answer about a package."""

    def says(answer, package="p", frequency="24h"):
        config = {"author": "a", "data_directory": "d", "package_name": package,
                  "host": "https://x.example", "upload_frequency": frequency}  # fmt: skip
        if answer == "yes":
            _settings.save(str(data), config, None)
            _answer.say_yes(str(data), package, "https://x.example", "1.any", "test")
        else:
            _answer.say_no(str(data), package, "test")

    return says


@pytest.fixture(autouse=True)
def _ready_interpreter(tmp_path, monkeypatch):
    """An interpreter that finds all modules, and says so at once."""
    if sys.platform == "win32":
        return
    ready = tmp_path / "python3"
    ready.symlink_to(shutil.which("true"))
    monkeypatch.setattr(sys, "executable", str(ready))


def _settle(data, *among, **more):
    return _job.settle(str(data), **{"owed": False, "among": among, **more})


def test_a_home_that_is_not_the_accounts_never_touches_the_accounts_schedulers():
    assert list(_job.schedulers()) == []


def test_before_a_yes_there_is_no_job_and_no_trace(data):
    fake = Fake()

    assert not _settle(data, fake)
    assert fake.made == 0
    assert not data.exists()
    assert _job.state(str(data), [fake]) == _job.State("", "no background job")


def test_a_yes_makes_one_job_for_this_interpreter(data, says):
    fake = Fake()
    says("yes")

    assert _settle(data, fake)
    (task,) = fake.tasks.values()
    assert task.argv == (sys.executable, "-I", _task.script(), str(data))
    assert (len(task.hours), fake.made) == (1, 1)
    state = _job.state(str(data), [fake])
    assert state.summary.startswith("crontab job otumat-usage, every 24 hours, from ")
    assert (state.scheduler, state.see) == ("crontab", "crontab -l")

    assert _settle(data, fake)
    assert fake.made == 1  # what is right is left alone


def test_the_second_package_shares_it_and_the_last_takes_it_away(data, says):
    fake = Fake()
    says("yes", "p")
    _settle(data, fake)
    (first,) = fake.tasks.values()

    says("yes", "q", "24h")
    _settle(data, fake)
    assert list(fake.tasks.values()) == [first]

    says("yes", "r", "6h")
    _settle(data, fake)
    (eager,) = fake.tasks.values()
    assert eager.period == 6 * 3600

    for package in ("p", "r"):
        says("no", package)
        assert _settle(data, fake)
    assert [task.period for task in fake.tasks.values()] == [86400]

    says("no", "q")
    assert not _settle(data, fake)
    assert fake.tasks == {}
    assert not (data / "job").exists()
    assert not (data / "job.lock").exists()


def test_an_erase_request_keeps_the_job_until_the_host_has_confirmed_it(data, says):
    fake = Fake()
    says("no")

    assert _settle(data, fake, owed=True)
    assert fake.tasks
    assert not _settle(data, fake, owed=False)
    assert fake.tasks == {}


@pytest.mark.parametrize(
    "others",
    [[Fake("systemd", usable=False)], [Fake("systemd", works=False)],
     [Fake("systemd", usable=False), Fake("launchd", works=False)]],
)  # fmt: skip
def test_what_does_not_work_falls_through_without_a_trace(data, says, others):
    fake = Fake()
    says("yes")

    assert _settle(data, *others, fake)
    assert len(fake.tasks) == 1
    assert not any(other.tasks for other in others)
    assert _task.kept(str(data))[1] == "crontab"


def test_where_nothing_works_programs_start_the_uploader(data, says):
    says("yes", frequency="12h")

    assert _settle(data, Fake(works=False))
    state = _job.state(str(data), [])
    assert state.scheduler == "detached"
    assert state.summary == "programs that record start the upload, at most every 12 hours"
    assert (data / "job").stat().st_mtime == pytest.approx(time.time() + 12 * 3600, abs=60)


def test_a_scheduler_that_came_later_is_found_when_the_job_is_late(data, says):
    fake = Fake()
    says("yes")
    _settle(data)
    _settle(data, fake)
    assert fake.made == 0

    _settle(data, fake, late=True)
    assert fake.made == 1


def test_a_better_scheduler_takes_over_and_the_other_forgets(data, says):
    old, new = Fake("crontab"), Fake("systemd")
    says("yes")
    _settle(data, old)
    old.tasks["otumat-usage"] = None  # not what was made: another version, another interpreter

    _settle(data, new, old)
    assert (len(new.tasks), old.tasks) == (1, {})


def test_a_job_with_a_vanished_interpreter_is_made_for_this_one(data, says):
    fake = Fake()
    says("yes")
    _settle(data, fake)
    note = json.loads((data / "job").read_text())
    (data / "job").write_text(json.dumps({**note, "python": "/gone/venv/bin/python"}))

    assert _job.state(str(data), [fake]).summary.endswith("the next program that records "
                                                          "makes it anew")  # fmt: skip
    _settle(data, fake)
    assert next(iter(fake.tasks.values())).python == sys.executable


def test_the_interpreter_of_the_first_package_stays_while_it_works(data, says, tmp_path):
    fake = Fake()
    says("yes")
    _settle(data, fake)
    other = tmp_path / "python3.other"
    other.symlink_to(sys.executable)
    note = json.loads((data / "job").read_text())
    (data / "job").write_text(json.dumps({**note, "python": str(other)}))
    fake.tasks["otumat-usage"] = _task.kept(str(data))[0]

    _settle(data, fake)
    assert fake.tasks["otumat-usage"].python == str(other)
    _settle(data, fake, late=True)  # it did not run, although it is there
    assert fake.tasks["otumat-usage"].python == sys.executable


def test_a_job_switched_off_by_hand_stays_off_and_nothing_is_to_be_sent(data, says):
    fake = Fake()
    says("yes")
    _settle(data, fake)
    fake.disabled = True

    assert not _settle(data, fake)
    assert not _settle(data, fake, late=True)
    says("yes", "q", "1h")
    assert not _settle(data, fake)
    assert fake.made == 1
    assert "switched off by hand" in _job.state(str(data), [fake]).summary

    fake.disabled = False
    assert _settle(data, fake)


def test_a_job_that_somebody_changed_is_shown_and_mended(data, says):
    fake = Fake()
    says("yes")
    _settle(data, fake)
    task = fake.tasks["otumat-usage"]
    fake.tasks["otumat-usage"] = None
    assert "which has gone" in _job.state(str(data), [fake]).summary
    changed = _task.Task(task.home, task.python, task.script, 61, task.hours)
    fake.tasks["otumat-usage"] = changed
    assert "which was changed" in _job.state(str(data), [fake]).summary

    _settle(data, fake)
    assert fake.tasks["otumat-usage"] == task


def test_a_job_of_another_machine_cannot_be_asked(data, says):
    says("yes")
    _settle(data, Fake("launchd"))

    assert "cannot be asked from here" in _job.state(str(data), []).summary


def test_an_interpreter_that_does_not_find_the_package_alone_gets_no_job(data, says, monkeypatch,
                                                                         tmp_path):  # fmt: skip
    fake = Fake()
    says("yes")
    broken = tmp_path / "python3.broken"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))

    assert _settle(data, fake)
    assert fake.made == 0
    assert _task.kept(str(data))[1] == "detached"


def test_a_program_that_is_not_python_makes_no_job(data, says, monkeypatch):
    fake = Fake()
    says("yes")
    monkeypatch.setattr(sys, "executable", "/opt/app/app")

    assert _settle(data, fake)
    assert fake.made == 0


def test_a_note_that_cannot_be_kept_means_no_job(data, says):
    """A job that nobody knows of could not be removed."""
    fake = Fake()
    says("yes")
    (data / "job").mkdir()

    assert _settle(data, fake)
    assert fake.made == 0


def test_removing_asks_every_scheduler_whatever_is_noted(data, says):
    fakes = [Fake("systemd"), Fake("crontab")]
    says("yes")
    _settle(data, fakes[0])
    fakes[1].tasks["otumat-usage"] = None
    pathlib.Path(data, "job").unlink()

    _job.remove(str(data), fakes)
    assert [fake.tasks for fake in fakes] == [{}, {}]
