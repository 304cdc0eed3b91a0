"""The unit files, and the few words that are said to systemctl."""

import json
import shlex

import pytest

from otumat_usage import _systemd, _task
from otumat_usage._sight import Sight

#: A manager that knows what is enabled, as far as it is asked.
SYSTEMCTL = """
words = [word for word in words if not word.startswith(("--user", "--no-ask", "--quiet"))]
units = pathlib.Path(pathlib.Path.home() / ".config/systemd/user")
state = here / "enabled"
if words[:2] == ["show", "--property=UnitPath"]:
    print(f"/etc/systemd/user {units} /usr/lib/systemd/user")
elif words[0] == "enable":
    state.write_text("enabled")
elif words[0] == "disable":
    state.write_text("disabled")
elif words[0] == "show":
    print(f"FragmentPath={units / words[1]}")
    print(f"UnitFileState={state.read_text() if state.exists() else 'disabled'}")
    print("ActiveState=active")
"""


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("/usr/bin/python3", '"/usr/bin/python3"'),
        ("/a b/c", '"/a b/c"'),
        ('/a"b', '"/a\\"b"'),
        ("/a\\b", '"/a\\\\b"'),
        ("/100%/n", '"/100%%/n"'),
        ("/$HOME/x", '"/$$HOME/x"'),
        ("/it's", '"/it\'s"'),
    ],
)
def test_a_word_is_quoted_as_systemd_reads_it(word, text):
    assert _systemd.quoted(word) == text


def test_the_service_does_nothing_once_the_interpreter_has_vanished(task):
    lines = _systemd.service(task).splitlines()

    assert f"ConditionPathExists={task.python}" in lines
    assert f"ConditionPathExists={task.script}" in lines
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    assert start.startswith('ExecStart=-"')
    assert tuple(shlex.split(start.removeprefix("ExecStart=-"))) == task.argv
    assert "StandardOutput=null" in lines
    assert "StandardError=null" in lines
    assert "Type=oneshot" in lines


def test_a_percent_in_a_condition_is_not_a_specifier(task):
    odd = _task.Task(task.home, "/100%h/python", task.script, 1, (1,))

    assert "ConditionPathExists=/100%%h/python\n" in _systemd.service(odd)


def test_a_dollar_in_the_program_goes_through_env(task):
    odd = _task.Task(task.home, "/$x/python", task.script, 1, (1,))

    assert 'ExecStart=-/usr/bin/env "/$$x/python" "-I" ' in _systemd.service(odd)


def test_the_timer_catches_up_and_is_spread(task):
    lines = _systemd.timer(task).splitlines()

    assert "OnCalendar=*-*-* 05,17:07:00" in lines
    assert "Persistent=true" in lines
    assert "RandomizedDelaySec=1800" in lines
    assert "WantedBy=timers.target" in lines


@pytest.mark.service
def test_the_units_are_made_read_back_and_removed(task, home, command):
    said = command("systemctl", SYSTEMCTL)
    assert _systemd.usable()
    assert _systemd.look(task) is Sight.MISSING

    assert _systemd.make(task)
    assert _systemd.look(task) is Sight.RIGHT
    changed = _task.Task(task.home, task.python, task.script, 8, (5, 17))
    assert _systemd.look(changed) is Sight.OTHER
    assert all("--user" in json.loads(line) for line in said.read_text().splitlines())

    (said.parent / "enabled").write_text("disabled")
    assert _systemd.look(task) is Sight.DISABLED

    _systemd.remove(task.name)
    assert not (home / ".config/systemd").exists()
    before = said.read_text().count("\n")
    _systemd.remove(task.name)
    assert said.read_text().count("\n") == before + 1  # only asked where the units would be


@pytest.mark.service
def test_units_of_the_user_are_left_alone(task, home, command):
    command("systemctl", SYSTEMCTL)
    mine = home / ".config/systemd/user/mine.service"
    mine.parent.mkdir(parents=True)
    mine.write_text("[Service]\n")

    assert _systemd.make(task)
    _systemd.remove(task.name)

    assert [path.name for path in mine.parent.iterdir()] == ["mine.service"]


@pytest.mark.parametrize("body", ["sys.exit(1)", "print('/etc/systemd/user')"])
def test_without_a_manager_that_reads_this_home_nothing_is_made(task, home, command, body):
    command("systemctl", body)

    assert not _systemd.usable()
    assert not _systemd.make(task)
    assert _systemd.look(task) is Sight.MISSING
    _systemd.remove(task.name)
    assert not (home / ".config").exists()


def test_a_home_that_cannot_be_written_is_a_no(task, home, command):
    command("systemctl", SYSTEMCTL)
    (home / ".config").write_text("in the way")

    assert not _systemd.make(task)


def test_the_job_is_described_with_the_command_that_shows_it(task):
    assert _systemd.describe(task) == (
        f"systemd user timer {task.name}.timer",
        f"systemctl --user list-timers {task.name}.timer",
    )
