"""The definition against the documented order, and the few words that are said to schtasks."""

import pathlib
import sys
from xml.etree import ElementTree as ET

import pytest

from otumat_usage import _task, _taskscheduler
from otumat_usage._sight import Sight

EXAMPLE = pathlib.Path(__file__).with_name("assets") / "daily-trigger.xml"
SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
#: [MS-TSCH] 2.5.3.1 and 2.5.3.9: these are an xs:sequence.
SEQUENCE = ["Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit",
            "RandomDelay", "ScheduleByDay"]  # fmt: skip
SCHTASKS = """
file = here / "task.xml"
if words[0] == "/Create":
    assert words[1] == "/TN" and words[3] == "/XML" and words[5:] == ["/F"], words
    file.write_text(open(words[4], encoding="utf-16").read())
elif words[0] == "/Delete":
    file.unlink()
elif "/XML" in words or "/TN" in words:
    if not file.exists():
        sys.exit("ERROR: The system cannot find the file specified.")
    print(file.read_text())
"""


def _root(text):
    return ET.fromstring(text.partition("?>")[2])


def _names(element):
    return [child.tag.removeprefix(SPACE) for child in element]


def _is_in_order(names, order):
    places = [order.index(name) for name in names]
    return places == sorted(places)


def test_every_element_stands_where_the_example_has_it(task):
    """Compared with a checked-in export, element by element, at every depth."""
    ours, example = _root(_taskscheduler.xml(task)), ET.parse(EXAMPLE).getroot()

    def compare(mine, theirs):
        assert mine.tag == theirs.tag
        names = list(dict.fromkeys(_names(mine)))
        assert _is_in_order(names, _names(theirs)), names
        for child in mine:
            compare(child, theirs.find(child.tag))

    compare(ours, example)
    assert ours.get("version") == example.get("version")


def test_a_trigger_keeps_the_documented_sequence(task):
    triggers = _root(_taskscheduler.xml(task)).findall(f"{SPACE}Triggers/*")

    assert len(triggers) == 2
    assert all(_is_in_order(_names(trigger), SEQUENCE) for trigger in triggers)
    starts = [trigger.findtext(f"{SPACE}StartBoundary") for trigger in triggers]
    assert starts == ["2020-01-01T05:07:00", "2020-01-01T17:07:00"]
    assert _is_in_order(_names(ET.parse(EXAMPLE).find(f".//{SPACE}CalendarTrigger")), SEQUENCE)


def test_it_catches_up_needs_no_rights_and_starts_no_second(task):
    root = _root(_taskscheduler.xml(task))

    def text(path):
        return root.findtext(SPACE + path.replace("/", "/" + SPACE))

    assert text("Settings/StartWhenAvailable") == "true"
    assert text("Settings/MultipleInstancesPolicy") == "IgnoreNew"
    assert text("Principals/Principal/RunLevel") == "LeastPrivilege"
    assert text("Principals/Principal/LogonType") == "InteractiveToken"


def test_paths_are_escaped_and_quoted():
    python, script = r"C:\Tom & Jerry\<py>\pythonw.exe", r"C:\a b\"c\_background.py"
    task = _task.Task(r"C:\Users\é x\otumat-usage", python, script, 7, (5,))
    root = _root(_taskscheduler.xml(task))

    assert root.findtext(f".//{SPACE}Command") == python
    arguments = root.findtext(f".//{SPACE}Arguments")
    assert arguments == r'-I "C:\a b\\\"c\_background.py" "C:\Users\é x\otumat-usage"'


@pytest.mark.service
def test_the_task_is_made_read_back_and_removed(task, command, monkeypatch):
    monkeypatch.setenv("USERNAME", "Tom O'Neil")
    said = command("schtasks", SCHTASKS)
    assert _taskscheduler.usable()
    assert _taskscheduler.look(task) is Sight.MISSING

    assert _taskscheduler.make(task)
    assert _taskscheduler.look(task) is Sight.RIGHT
    changed = _task.Task(task.home, task.python, task.script, 8, (5, 17))
    assert _taskscheduler.look(changed) is Sight.OTHER
    assert f'"{task.name}-Tom-O-Neil"' in said.read_text()

    _taskscheduler.remove(task.name)
    assert _taskscheduler.look(task) is Sight.MISSING


def test_what_the_system_adds_does_not_matter_and_a_switch_by_hand_does(task):
    wanted = _taskscheduler.xml(task)
    added = wanted.replace("<Principal id", "<!-- x --><Principal id").replace(
        "<Priority>7", "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><Priority>7"
    )
    off = wanted.replace("<Enabled>true</Enabled>\n    <Hidden>",
                         "<Enabled>false</Enabled>\n    <Hidden>")  # fmt: skip

    assert _taskscheduler.compare(added, wanted) is Sight.RIGHT
    assert _taskscheduler.compare(off, wanted) is Sight.DISABLED
    assert _taskscheduler.compare("<Task", wanted) is Sight.OTHER


def test_a_percent_sign_that_would_be_replaced_is_refused(task, command):
    said = command("schtasks", SCHTASKS)
    odd = _task.Task(task.home, "C:\\100%TEMP%\\python.exe", task.script, 7, (5,))

    assert not _taskscheduler.make(odd)
    assert not said.exists()


def test_without_a_scheduler_nothing_is_made(task, command):
    command("schtasks", "sys.exit(1)")

    assert not _taskscheduler.usable()
    assert not _taskscheduler.make(task)
    _taskscheduler.remove(task.name)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has one")
def test_elsewhere_there_is_no_such_folder():
    with pytest.raises(OSError, match="no folder"):
        _taskscheduler.local_data()
