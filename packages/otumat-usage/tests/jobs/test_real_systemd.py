"""The job under a real ``systemd --user``: fires, delivers, catches up, leaves no trace."""

import json
import os
import time

import pytest

pytestmark = pytest.mark.systemd

NAME = "otumat-usage"
USE = """
import tracked
for number in range(4):
    tracked.usage_agent.log(event_type="count")
"""
MAKE = """
import json, sys
from otumat_usage import _systemd, _task
home, python, script = sys.argv[1:]
task = _task.Task(home, python, script, 17, (5, 17))
print(_systemd.make(task), _systemd.look(task).value, task.name)
"""

# What the host asked the client to wait is over by then.
TWO_DAYS_LATER = """
import sys
from otumat_usage import _home, _outbox
with _outbox.free(_home.folder()) as outbox:
    outbox.set_pace("tracked", sys.argv[1], 0, 0)
"""


@pytest.fixture(name="manager", autouse=True)
def _manager(machine, need):
    need("systemctl")
    return machine.start_manager()


def _tree(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _hurry(machine, *lines):
    """Let the real timer fire sooner than a person has time for, by a drop-in."""
    folder = machine.home / f".config/systemd/user/{NAME}.timer.d"
    folder.mkdir(exist_ok=True)
    text = "\n".join(["[Timer]", "RandomizedDelaySec=0", "AccuracySec=100ms", *lines, ""])
    folder.joinpath("hurry.conf").write_text(text)
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", f"{NAME}.timer")


def _sent(machine):
    return sum(row["accepted"] for row in json.loads(machine.console("sent", "--json")))


def test_the_timer_fires_delivers_and_after_a_restart_catches_up(machine, manager, agree, until,
                                                                 host):  # fmt: skip
    before = _tree(machine.home)
    text = agree()
    assert "the scheduler of your account starts the upload, about every 12 hours" in text

    shown = machine.systemctl("show", f"{NAME}.timer")
    assert "Persistent=yes" in shown
    assert "UnitFileState=enabled" in shown
    assert "ActiveState=active" in shown
    assert f"systemd user timer {NAME}.timer, every 12 hours" in machine.console("status")

    machine.python(USE)
    _hurry(machine, "OnCalendar=", "OnCalendar=*:*:0/4")
    until(lambda: _sent(machine) == 6)
    until(lambda: f"Finished {NAME}.service" in machine.log.read_text())
    assert machine.systemctl("list-units", "--failed", "--no-legend").strip() == ""

    # The machine is off for two days, while the timer has its own, slow calendar.
    _hurry(machine)
    machine.stop(manager)
    machine.python(USE)
    stamp = machine.home / f".local/share/systemd/timers/stamp-{NAME}.timer"
    os.utime(stamp, (time.time() - 2 * 86400,) * 2)
    machine.python(TWO_DAYS_LATER, host.origin)
    assert _sent(machine) == 6

    machine.start_manager()
    until(lambda: _sent(machine) == 11)
    assert json.dumps(host.report()).count("count")

    (machine.home / f".config/systemd/user/{NAME}.timer.d/hurry.conf").unlink()
    (machine.home / f".config/systemd/user/{NAME}.timer.d").rmdir()
    machine.console("off", "tracked")
    assert NAME not in machine.systemctl("list-unit-files", "--no-legend")
    assert "not-found" in machine.systemctl("show", f"{NAME}.timer", "--property=LoadState")
    left = _tree(machine.home) - before
    data = ".local/share/otumat-usage"
    assert {path for path in left if not path.startswith(data)} <= {".local", ".local/share",
                                                                    ".config"}  # fmt: skip
    assert not {f"{data}/job", f"{data}/job.lock"} & left


def test_a_second_package_shares_the_job_which_goes_with_the_last(machine, agree):
    agree("tracked")
    unit = machine.home / f".config/systemd/user/{NAME}.timer"
    text = unit.read_text()
    machine.python("""
        from otumat_usage import _answer, _home, _settings, _withdraw
        home = _home.folder()
        config = {"author": "a", "data_directory": "d", "package_name": "other",
                  "host": "https://x.example", "upload_frequency": "2h"}
        _settings.save(home, config, None)
        _answer.say_yes(home, "other", "https://x.example", "1.any", "test")
        _withdraw.settle_job(home)
    """)

    assert "*-*-* " in text
    assert unit.read_text() != text  # every two hours now, because one package wants that
    assert "every 2 hours" in machine.console("status")

    machine.console("off", "other")
    assert "every 12 hours" in machine.console("status")

    machine.console("off", "tracked")
    assert not unit.exists()
    assert "no background job" in machine.console("status")


def test_a_timer_that_its_user_disabled_stays_so_and_nothing_is_sent(machine, agree):
    agree()
    machine.systemctl("disable", "--now", f"{NAME}.timer")

    assert "switched off by hand" in machine.console("status")
    machine.python("""
        import sys
        from otumat_usage import _background, _home
        _background.main(["--late", _home.folder()])
    """)
    assert _sent(machine) == 0
    assert "disabled" in machine.systemctl("is-enabled", f"{NAME}.timer", code=None)


def test_a_job_that_vanished_is_made_anew_when_it_is_late(machine, agree, until):
    agree()
    job = machine.home / ".local/share/otumat-usage/job"
    note = json.loads(job.read_text())
    # As if the environment of the first package had been removed.
    job.write_text(json.dumps({**note, "python": "/nonexistent/venv/bin/python"}))
    os.utime(job, (time.time() - 60,) * 2)
    machine.run("rm", "-r", str(machine.home / ".config/systemd"))
    machine.systemctl("daemon-reload")
    assert "which has gone" in machine.console("status")

    machine.python(USE)

    until(lambda: _sent(machine) > 0)
    until(lambda: "every 12 hours" in machine.console("status"))
    assert json.loads(job.read_text())["python"] == note["python"]


def test_every_character_of_a_path_arrives(machine, odd):
    folder, python, script = odd
    made = machine.python(MAKE, str(folder), str(python), str(script)).split()

    assert made[:2] == ["True", "right"]
    machine.systemctl("start", f"{made[2]}.service")
    assert json.loads((folder / "ran").read_text()) == [str(python), str(script), str(folder)]


@pytest.mark.parametrize("gone", ["python3", "script.py"])
def test_what_has_vanished_leaves_no_noise(machine, odd, gone):
    folder, python, script = odd
    name = machine.python(MAKE, str(folder), str(python), str(script)).split()[2]
    (folder / gone).unlink()

    machine.systemctl("start", f"{name}.service")

    assert not (folder / "ran").exists()
    assert machine.systemctl("list-units", "--failed", "--no-legend").strip() == ""
    assert "ConditionResult=no" in machine.systemctl("show", f"{name}.service")


def test_the_job_of_a_removed_data_folder_removes_itself(machine, agree):
    agree()
    machine.run("rm", "-r", str(machine.home / ".local/share/otumat-usage"))

    machine.systemctl("start", f"{NAME}.service")

    assert not (machine.home / f".config/systemd/user/{NAME}.timer").exists()
    assert NAME not in machine.systemctl("list-unit-files", "--no-legend")


def test_a_home_that_cannot_be_written_gets_no_job_and_no_complaint(machine):
    machine.python("""
        from otumat_usage import _answer, _home, _settings
        home = _home.folder()
        config = {"author": "a", "data_directory": "d", "package_name": "p",
                  "host": "https://x.example"}
        _settings.save(home, config, None)
        _answer.say_yes(home, "p", "https://x.example", "1.any", "test")
    """)
    machine.run("mount", "--bind", str(machine.home), str(machine.home))
    machine.run("mount", "-o", "remount,ro,bind", str(machine.home))

    said = machine.python("""
        from otumat_usage import _home, _withdraw
        _withdraw.settle_job(_home.folder())
    """)

    assert said == ""
    assert NAME not in machine.systemctl("list-unit-files", "--no-legend")
    machine.run("umount", str(machine.home))
