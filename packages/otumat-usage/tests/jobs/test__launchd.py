"""The property list against Apple's keys, and the few words that are said to launchctl."""

import plistlib
import subprocess

import pytest

from otumat_usage import _launchd, _task
from otumat_usage._sight import Sight

#: launchd.plist(5) of macOS 14: the keys we use, their type and what they may be.
APPLE = {
    "Label": (str, bool),
    "ProgramArguments": (list, lambda words: all(isinstance(word, str) for word in words)),
    "StartCalendarInterval": (list, bool),
    "RunAtLoad": (bool, lambda _: True),
    "ProcessType": (str, {"Background", "Standard", "Adaptive", "Interactive"}.__contains__),
    "LowPriorityIO": (bool, lambda _: True),
    "Nice": (int, range(-20, 21).__contains__),
    "Umask": (int, range(0o1000).__contains__),
    "StandardOutPath": (str, "/dev/null".__eq__),
    "StandardErrorPath": (str, "/dev/null".__eq__),
}
LAUNCHCTL = """
loaded, disabled = here / "loaded", here / "disabled"
domain = words[1].split("/")
if words[0] == "print":
    sys.exit(0 if len(domain) == 2 or loaded.exists() else 113)
if words[0] == "print-disabled":
    print('disabled services = {')
    print(f'    "otumat-usage" => {"disabled" if disabled.exists() else "enabled"}')
    print('    "com.example.other" => disabled')
elif words[0] == "bootstrap":
    if loaded.exists() or not pathlib.Path(words[2]).exists():
        sys.exit("Bootstrap failed: 5: Input/output error")
    loaded.touch()
elif words[0] == "bootout":
    if not loaded.exists():
        sys.exit("Boot-out failed: 3: No such process")
    loaded.unlink()
"""


def test_the_agent_uses_apples_keys_and_their_types(task):
    agent = plistlib.loads(_launchd.plist(task))

    for key, value in agent.items():
        kind, allowed = APPLE[key]
        assert type(value) is kind, key
        assert allowed(value), key
    assert agent["Label"] == task.name
    assert agent["StartCalendarInterval"] == [{"Hour": 5, "Minute": 7}, {"Hour": 17, "Minute": 7}]
    assert agent["RunAtLoad"] is False
    assert tuple(agent["ProgramArguments"][4:]) == task.argv


def test_every_path_arrives_and_what_has_vanished_leaves_no_noise(odd):
    folder, python, script = odd
    task = _task.Task(str(folder), str(python), str(script), 7, (5,))
    argv = plistlib.loads(_launchd.plist(task))["ProgramArguments"]

    subprocess.run(argv, check=True)
    assert (folder / "ran").exists()

    (folder / "ran").unlink()
    script.unlink()
    done = subprocess.run(argv, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert not (folder / "ran").exists()


@pytest.mark.service
def test_the_agent_is_made_read_back_and_removed(task, home, command):
    said = command("launchctl", LAUNCHCTL)
    file = home / "Library/LaunchAgents" / f"{task.name}.plist"
    assert _launchd.usable()
    assert _launchd.look(task) is Sight.MISSING

    assert _launchd.make(task)
    assert _launchd.look(task) is Sight.RIGHT
    changed = _task.Task(task.home, task.python, task.script, 8, (5, 17))
    assert _launchd.look(changed) is Sight.OTHER
    assert _launchd.make(changed)
    assert _launchd.look(changed) is Sight.RIGHT

    (said.parent / "loaded").unlink()
    assert _launchd.look(changed) is Sight.OTHER
    (said.parent / "loaded").touch()
    (said.parent / "disabled").touch()
    if task.name == "otumat-usage":
        assert _launchd.look(changed) is Sight.DISABLED

    _launchd.remove(task.name)
    assert not file.exists()
    assert not (said.parent / "loaded").exists()


@pytest.mark.parametrize(
    ("listing", "disabled"),
    [('\t"a" => disabled', True), ('"a" => true', True), ('"a" => enabled', False),
     ('"a" => false', False), ('"b" => disabled', False), ("", False)],
)  # fmt: skip
def test_both_spellings_of_disabled_are_understood(listing, disabled):
    assert _launchd.is_disabled(listing, "a") is disabled


def test_without_a_session_nothing_is_made(task, command):
    command("launchctl", "sys.exit('Domain does not support specified action')")

    assert not _launchd.usable()
    assert not _launchd.make(task)
