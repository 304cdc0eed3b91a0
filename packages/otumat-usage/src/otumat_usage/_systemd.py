"""systemd: the task as a timer and a service of the user's own manager."""

from __future__ import annotations

import contextlib
import os
import pathlib

from otumat_usage import _command, _home
from otumat_usage._sight import Sight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_usage._task import Task

NAME = "systemd"

_SERVICE = """\
# Made by otumat-usage after you agreed that a package records how you use it.
# What it would send: otumat-usage show. To end it: otumat-usage off --all
[Unit]
Description=Upload the usage events that you agreed to (otumat-usage)
ConditionPathExists={python}
ConditionPathExists={script}

[Service]
Type=oneshot
ExecStart=-{command}
StandardInput=null
StandardOutput=null
StandardError=null
TimeoutStartSec=120
UMask=0077
Nice=10
IOSchedulingClass=idle
LockPersonality=yes
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
"""

_TIMER = """\
# Made by otumat-usage after you agreed that a package records how you use it.
# To see it: systemctl --user list-timers {name}.timer
[Unit]
Description=Upload the usage events that you agreed to (otumat-usage)

[Timer]
OnCalendar=*-*-* {hours}:{minute:02}:00
RandomizedDelaySec={delay}
Persistent=true

[Install]
WantedBy=timers.target
"""


def quoted(word: str) -> str:
    """Return *word* as one argument of ``ExecStart=`` (systemd.service(5), "Command lines")."""
    for old, new in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(old, new)
    return f'"{word}"'


def _command_line(argv: tuple[str, ...]) -> str:
    # The program's own path is the one word in which $ cannot be escaped, in any version.
    through = ("/usr/bin/env",) if "$" in argv[0] else ()
    return " ".join([*through, *map(quoted, argv)])


def service(task: Task) -> str:
    """Return the service's unit file; it does nothing once the interpreter has vanished."""
    return _SERVICE.format(
        python=task.python.replace("%", "%%"),
        script=task.script.replace("%", "%%"),
        command=_command_line(task.argv),
    )


def timer(task: Task) -> str:
    """Return the timer's unit file."""
    return _TIMER.format(
        name=task.name,
        hours=",".join(f"{hour:02}" for hour in task.hours),
        minute=task.minute,
        delay=task.period // 24,
    )


def units(task: Task) -> dict[str, str]:
    """Return the unit files of *task* by name."""
    return {f"{task.name}.service": service(task), f"{task.name}.timer": timer(task)}


def usable() -> bool:
    """Say whether a manager of this user answers, which reads units from this home."""
    return folder() is not None


def folder() -> pathlib.Path | None:
    """Return the folder in which the manager looks for this user's units."""
    path = _systemctl("show", "--property=UnitPath", "--value")
    for base in (os.environ.get("XDG_CONFIG_HOME", ""), os.path.expanduser("~/.config")):  # noqa: PTH111 - "" stays ""
        found = f"{base}/systemd/user"
        if base[:1] == "/" and path and f" {found} " in f" {path.text} ":
            return pathlib.Path(found)
    return None


def look(task: Task) -> Sight:
    """Say what the manager has of *task*."""
    place = folder()
    if place is None:
        return Sight.MISSING
    texts = {name: _text(place / name) for name in units(task)}
    if not any(texts.values()):
        return Sight.MISSING
    state = _properties(f"{task.name}.timer")
    if state.get("UnitFileState") in ("disabled", "masked") or state.get("LoadState") == "masked":
        return Sight.DISABLED
    right = (
        texts == units(task)
        and state.get("ActiveState") == "active"
        and state.get("FragmentPath") == str(place / f"{task.name}.timer")
    )
    return Sight.RIGHT if right else Sight.OTHER


def make(task: Task) -> bool:
    """Write the units, enable and start the timer, and read it back; say whether it is there."""
    place = folder()
    if place is None:
        return False
    try:
        _home.make(str(place))
        for name, text in units(task).items():
            _home.write(str(place / name), text.encode())
    except OSError:
        return False
    unit = f"{task.name}.timer"
    return bool(
        _systemctl("daemon-reload")
        and _systemctl("enable", unit)
        and _systemctl("restart", unit)
        and look(task) is Sight.RIGHT
    )


def remove(name: str) -> None:
    """Stop and remove the units, what systemd noted about them, and folders that are now empty."""
    place = folder()
    if place is None or not any(_text(place / f"{name}.{kind}") for kind in ("timer", "service")):
        return
    _systemctl("disable", "--now", f"{name}.timer")
    for kind in ("timer", "service"):
        (place / f"{name}.{kind}").unlink(missing_ok=True)
    _systemctl("daemon-reload")
    _systemctl("reset-failed", f"{name}.timer", f"{name}.service")
    for base in (os.environ.get("XDG_DATA_HOME", ""), os.path.expanduser("~/.local/share")):  # noqa: PTH111 - "" stays ""
        stamps = pathlib.Path(base or "/nonexistent", "systemd", "timers")
        (stamps / f"stamp-{name}.timer").unlink(missing_ok=True)
        _drop_empty(stamps, stamps.parent)
    _drop_empty(place / "timers.target.wants", place, place.parent)


def describe(task: Task) -> tuple[str, str]:
    """Return what *task* is called here, and the command that shows it."""
    unit = f"{task.name}.timer"
    return f"systemd user timer {unit}", f"systemctl --user list-timers {unit}"


def _drop_empty(*folders: pathlib.Path) -> None:
    for empty in folders:
        with contextlib.suppress(OSError):
            empty.rmdir()


def _text(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _properties(unit: str) -> dict[str, str]:
    said = _systemctl("show", unit)
    return dict(line.partition("=")[::2] for line in said.text.splitlines())


def _systemctl(*words: str) -> _command.Said:
    return _command.run("systemctl", "--user", "--no-ask-password", "--quiet", *words)
