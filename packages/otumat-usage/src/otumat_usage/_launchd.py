"""launchd: the task as an agent of the user's graphical session (launchd.plist(5))."""

from __future__ import annotations

import os
import pathlib
import plistlib

from otumat_usage import _command, _home
from otumat_usage._sight import Sight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_usage._task import Task

NAME = "launchd"

#: Does nothing, without a word, when the interpreter or the program has vanished.
_GUARD = 'test -x "$1" && test -e "$3" && exec "$@"; exit 0'


def plist(task: Task) -> bytes:
    """Return the agent's property list."""
    return plistlib.dumps(
        {
            "Label": task.name,
            "ProgramArguments": ["/bin/sh", "-c", _GUARD, task.name, *task.argv],
            "StartCalendarInterval": [{"Hour": hour, "Minute": task.minute} for hour in task.hours],
            "RunAtLoad": False,
            "ProcessType": "Background",
            "LowPriorityIO": True,
            "Nice": 10,
            "Umask": 0o077,
            "StandardOutPath": os.devnull,
            "StandardErrorPath": os.devnull,
        }
    )


def path_of(name: str) -> pathlib.Path:
    """Return the agent's file."""
    return pathlib.Path.home() / "Library" / "LaunchAgents" / f"{name}.plist"


def _domain() -> str:
    return f"gui/{os.getuid()}"


def usable() -> bool:
    """Say whether this user has a session in which agents run (not so over SSH alone)."""
    return bool(_launchctl("print", _domain()))


def look(task: Task) -> Sight:
    """Say what launchd has of *task*."""
    try:
        text = path_of(task.name).read_bytes()
    except OSError:
        return Sight.MISSING
    if is_disabled(_launchctl("print-disabled", _domain()).text, task.name):
        return Sight.DISABLED
    loaded = bool(_launchctl("print", f"{_domain()}/{task.name}"))
    return Sight.RIGHT if loaded and text == plist(task) else Sight.OTHER


def is_disabled(listing: str, name: str) -> bool:
    """Say whether ``launchctl print-disabled`` names *name*; older systems write true."""
    return any(
        f'"{name}" => {word}' in " ".join(line.split())
        for line in listing.splitlines()
        for word in ("disabled", "true")
    )


def make(task: Task) -> bool:
    """Write and load the agent, and read it back; say whether it is there."""
    path = path_of(task.name)
    try:
        _home.make(str(path.parent))
        _home.write(str(path), plist(task))
    except OSError:
        return False
    # Loading what is loaded fails, and what is loaded would keep its old times.
    _launchctl("bootout", f"{_domain()}/{task.name}")
    return bool(_launchctl("bootstrap", _domain(), str(path))) and look(task) is Sight.RIGHT


def remove(name: str) -> None:
    """Remove the agent's file and unload it.

    The file first: unloading ends the agent's own process, which may be the one that runs this.
    """
    path = path_of(name)
    if path.exists():
        path.unlink()
        _launchctl("bootout", f"{_domain()}/{name}")


def describe(task: Task) -> tuple[str, str]:
    """Return what *task* is called here, and the command that shows it."""
    return f"launchd agent {task.name}", f"launchctl print {_domain()}/{task.name}"


def _launchctl(*words: str) -> _command.Said:
    return _command.run("launchctl", *words)
