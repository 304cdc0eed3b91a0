"""Windows: the task in the Task Scheduler, as the XML of [MS-TSCH] 2.5."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from otumat_usage import _command
from otumat_usage._sight import Sight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_usage._task import Task

NAME = "taskscheduler"
_SPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"

# Elements inside a trigger are an xs:sequence, so their order counts ([MS-TSCH] 2.5.3.1, 2.5.3.9).
_TRIGGER = """\
    <CalendarTrigger>
      <Enabled>true</Enabled>
      <StartBoundary>2020-01-01T{hour:02}:{minute:02}:00</StartBoundary>
      <RandomDelay>PT{delay}M</RandomDelay>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
"""

_TASK = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="{space}">
  <RegistrationInfo>
    <Description>Uploads the usage events that you agreed to; see: otumat-usage status</Description>
  </RegistrationInfo>
  <Triggers>
{triggers}  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>true</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>
    <WakeToRun>false</WakeToRun>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <ExecutionTimeLimit>PT2M</ExecutionTimeLimit>
    <Priority>7</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{command}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"""


def xml(task: Task) -> str:
    """Return the task's definition."""
    triggers = [
        _TRIGGER.format(hour=hour, minute=task.minute, delay=task.period // 24 // 60)
        for hour in task.hours
    ]
    return _TASK.format(
        space=_SPACE,
        triggers="".join(triggers),
        command=escape(task.python),
        arguments=escape(subprocess.list2cmdline(task.argv[1:])),
    )


def title(name: str) -> str:
    """Return the task's name in the folder that all users of the machine share."""
    user = re.sub(r"[^\w.-]+", "-", os.environ.get("USERNAME", ""))
    return f"{name}-{user}" if user else name


def local_data() -> str:
    """Return the account's folder for local data, as Windows has it, not as the environment says.

    Raises:
        OSError: it has none, or this is not Windows.
    """
    if sys.platform == "win32":
        buffer = ctypes.create_unicode_buffer(260)
        if ctypes.windll.shell32.SHGetFolderPathW(None, 28, None, 0, buffer) == 0:
            return buffer.value
    raise OSError("no folder for local data")


def usable() -> bool:
    """Say whether the Task Scheduler answers."""
    return bool(_command.run("schtasks", "/Query", "/FO", "LIST"))


def look(task: Task) -> Sight:
    """Say what the Task Scheduler has of *task*."""
    said = _command.run("schtasks", "/Query", "/TN", title(task.name), "/XML", "ONE")
    return compare(said.text, xml(task)) if said else Sight.MISSING


def compare(found: str, wanted: str) -> Sight:
    """Say how the definition that was *found* relates to the one that was *wanted*.

    The Task Scheduler adds its own elements, so only those count that say what runs, and when.
    """
    try:
        has, should = (ET.fromstring(_body(text)) for text in (found, wanted))  # noqa: S314 - local
    except ET.ParseError:
        return Sight.OTHER
    if _texts(has, "Settings/Enabled") == ["false"]:
        return Sight.DISABLED
    paths = ("Actions/Exec/Command", "Actions/Exec/Arguments", "Triggers/*/StartBoundary")
    same = all(_texts(has, path) == _texts(should, path) for path in paths)
    return Sight.RIGHT if same else Sight.OTHER


def _body(text: str) -> str:
    # The declaration says UTF-16, but this is text already.
    return text[text.find("<Task") :]


def _texts(root: ET.Element, path: str) -> list[str]:
    steps = [step if step == "*" else f"{{{_SPACE}}}{step}" for step in path.split("/")]
    return [(found.text or "").strip() for found in root.findall("/".join(steps))]


def make(task: Task) -> bool:
    """Register the task and read it back; say whether it is there."""
    if any("%" in word for word in task.argv):
        return False  # %NAME% is replaced there, and nothing escapes it
    handle, path = tempfile.mkstemp(suffix=".xml")
    try:
        with os.fdopen(handle, "w", encoding="utf-16") as file:
            file.write(xml(task))
        argv = ("schtasks", "/Create", "/TN", title(task.name), "/XML", path, "/F")
        return bool(_command.run(*argv)) and look(task) is Sight.RIGHT
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            pathlib.Path(path).unlink()


def remove(name: str) -> None:
    """Delete the task."""
    if _command.run("schtasks", "/Query", "/TN", title(name)):
        _command.run("schtasks", "/Delete", "/TN", title(name), "/F")


def describe(task: Task) -> tuple[str, str]:
    """Return what *task* is called here, and the command that shows it."""
    name = title(task.name)
    return f"Task Scheduler task {name}", f'schtasks /Query /TN "{name}"'
