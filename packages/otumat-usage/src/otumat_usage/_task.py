"""The background task: what is run and when, whichever scheduler runs it, and the note of it.

The note, ``job`` in the data folder, is JSON; its modification time is not when it was written but
when programs may start an uploader themselves (see `_due`).
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import zlib
from dataclasses import dataclass

from otumat_usage import _due, _home

#: The longest time between two runs, in seconds; a day is divided evenly.
LONGEST = 86400
#: What the note says where no scheduler could be used.
DETACHED = "detached"
_DIVISORS = (24, 12, 8, 6, 4, 3, 2, 1)


@dataclass(frozen=True, slots=True)
class Task:
    """One run of the uploader for all packages in the data folder *home*, at *minute* of *hours*.

    Local time; *hours* are spread evenly over the day. The paths are absolute.
    """

    home: str
    python: str
    script: str
    minute: int
    hours: tuple[int, ...]

    @property
    def name(self) -> str:
        """What schedulers call it: another data folder than the usual one has another task."""
        return name_of(self.home)

    @property
    def argv(self) -> tuple[str, ...]:
        """The command: isolated, because the task runs without anybody looking."""
        return (self.python, "-I", self.script, self.home)

    @property
    def period(self) -> int:
        """The time between two runs, in seconds."""
        return LONGEST // len(self.hours)

    @property
    def writable(self) -> bool:
        """Whether its paths can be written into a scheduler's file: no control characters."""
        return all(
            pathlib.Path(path).is_absolute() and path.isprintable()
            for path in (self.home, self.python, self.script)
        )

    @property
    def alive(self) -> bool:
        """Whether the interpreter and the program are still there."""
        return os.access(self.python, os.X_OK) and pathlib.Path(self.script).exists()


def name_of(home: str) -> str:
    """Return the name of the task for *home*, the same in every process of this user."""
    usual = _home.folder()
    if sys.platform == "linux":  # not where XDG_DATA_HOME says at this moment
        usual = os.path.expanduser(f"~/.local/share/{_home.APP}")  # noqa: PTH111 - "~" stays "~"
    return _home.APP if home == usual else f"{_home.APP}-{zlib.crc32(os.fsencode(home)):08x}"


def interpreter() -> str | None:
    """Return the program that runs Python here, or None where there may be none.

    ``sys.executable`` of a frozen or embedding program is that program: to run it would start
    somebody's application again.
    """
    path = pathlib.Path(sys.executable or "")
    if getattr(sys, "frozen", False) or not path.name.lower().startswith(("python", "pypy")):
        return None
    if sys.platform == "win32":  # python.exe would flash a console window
        silent = path.with_name(path.name.lower().replace("python", "pythonw", 1))
        return str(silent if silent.exists() else path)
    return str(path)


def script() -> str:
    """Return the file that the task runs."""
    return str(pathlib.Path(__file__).absolute().with_name("_background.py"))


def hours(period: float, first: int) -> tuple[int, ...]:
    """Return the hours of the day at which to run at least every *period* seconds.

    Never more often than hourly; *first* is any hour that is among them.
    """
    step = next((n for n in _DIVISORS if n * 3600 <= period), 1)
    return tuple(range(first % step, 24, step))


def pace(period: float) -> str:
    """Say in words how often a task runs that has to do so at least every *period* seconds."""
    step = 24 // len(hours(period, 0))
    return "hour" if step == 1 else f"{step} hours"


def new(home: str, python: str, period: float) -> Task:
    """Return a task at a random moment, so that the users of a package do not come all at once."""
    hour, minute = (byte % most for byte, most in zip(os.urandom(2), (24, 60), strict=True))
    return Task(home, python, script(), minute, hours(period, hour))


def path_of(home: str) -> str:
    """Return the file that holds the note."""
    return _due.path_of(home)


def keep(task: Task, scheduler: str) -> None:
    """Note *task* and who runs it.

    Raises:
        OSError: the file cannot be written.
    """
    text = {
        "otumat_usage": 1,
        "scheduler": scheduler,
        "python": task.python,
        "script": task.script,
        "minute": task.minute,
        "hours": task.hours,
    }
    _home.write(path_of(task.home), json.dumps(text, indent=1).encode() + b"\n")
    _due.put_off(task.home, allowance(task, scheduler))


def allowance(task: Task, scheduler: str) -> float:
    """Return after how many seconds without a run a program starts one itself."""
    return task.period * (1 if scheduler == DETACHED else 2)


def kept(home: str) -> tuple[Task, str] | None:
    """Return the noted task and its scheduler, or None when nothing legible is noted."""
    try:
        found = json.loads(_home.read(path_of(home)))
        task = Task(
            home,
            str(found["python"]),
            str(found["script"]),
            int(found["minute"]),
            tuple(int(hour) for hour in found["hours"]),
        )
        if not (task.hours and 0 <= task.minute < 60 and all(0 <= h < 24 for h in task.hours)):  # noqa: PLR2004 - a clock
            return None
        return task, str(found["scheduler"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
