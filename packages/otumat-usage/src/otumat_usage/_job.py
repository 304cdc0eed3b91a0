"""The background job of this user: made after a yes, mended when it does not run, removed.

One job for all packages in a data folder, by whichever scheduler the system has; where there is
none, programs start the uploader themselves (`_due`). Nothing here prints or raises: the job is
help, and what it does not do is done later.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from otumat_usage import _answer, _command, _due, _lock, _settings, _task
from otumat_usage._sight import Sight
from otumat_usage.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otumat_usage._task import Task


class Scheduler(Protocol):
    """What each of the modules of a scheduler offers."""

    NAME: str

    def usable(self) -> bool:
        """Say whether it can be used here."""

    def look(self, task: Task) -> Sight:
        """Say what it has of *task*."""

    def make(self, task: Task) -> bool:
        """Make or replace *task*; say whether it is there, having read it back."""

    def remove(self, name: str) -> None:
        """Remove the task of that name, if there is one, and all that belongs to it."""

    def describe(self, task: Task) -> tuple[str, str]:
        """Return what *task* is called here, and the command that shows it."""


@dataclass(frozen=True, slots=True)
class State:
    """The job, for a person to read.

    Attributes:
        scheduler: systemd, launchd, taskscheduler, crontab, detached, or "" for no job.
        summary: what it is and when it runs, in words.
        see: the command that shows it, or "".
    """

    scheduler: str
    summary: str
    see: str = ""


def schedulers() -> Sequence[Scheduler]:
    """Return the schedulers of this account, best first; none where HOME is not the account's.

    A home of another name is somebody's throw-away (a test, a sandbox): a job of the account would
    outlive it, and crontab, launchctl and schtasks would change the account's own all the same.
    """
    if not _is_account_home():
        return ()
    if sys.platform == "win32":
        from otumat_usage import _taskscheduler

        return (_taskscheduler,)
    if sys.platform == "darwin":
        from otumat_usage import _launchd  # not crontab: macOS asks for the password for it

        return (_launchd,)
    from otumat_usage import _crontab, _systemd

    return (_systemd, _crontab)


def _is_account_home() -> bool:
    try:
        if sys.platform == "win32":
            from otumat_usage import _taskscheduler

            return pathlib.Path(os.environ["LOCALAPPDATA"]).samefile(_taskscheduler.local_data())
        import pwd

        return pathlib.Path.home().samefile(pwd.getpwuid(os.getuid()).pw_dir)
    except (OSError, KeyError, RuntimeError):
        return False


def settle(
    home: str, *, owed: bool, late: bool = False, among: Sequence[Scheduler] | None = None
) -> bool:
    """Make the job if anything is to be uploaded, else remove it; say whether there is anything.

    Call it after every change of an answer. *owed*: an erase request waits for its host. *late*:
    the job did not run in time, so it is made anew, for this interpreter. A job that its user
    switched off by hand stays off, and the answer is "nothing". *among*: the schedulers to use
    instead of `schedulers`.
    """
    period = _period(home, owed=owed)
    if period is None:
        remove(home, among)
        return False
    among = schedulers() if among is None else among
    with contextlib.suppress(OSError), _lock.held(f"{home}/job.lock", wait=5) as ours:
        return not ours or _ensure(home, period, among, late=late)
    return True


def _period(home: str, *, owed: bool) -> float | None:
    """Return how often to upload, in seconds: as often as the most eager package wants."""
    periods = [float(_task.LONGEST)] if owed else []
    for package in _settings.packages(home):
        answer = _answer.read(home, package)
        if answer.agreed and not answer.refused:
            with contextlib.suppress(UsageError):
                periods.append(_settings.load(home, package).period)
    return min(periods, default=None)


def _ensure(home: str, period: float, among: Sequence[Scheduler], *, late: bool) -> bool:
    """Make or mend the job; say no only if its user switched it off."""
    noted = _task.kept(home)
    task = _wanted(home, period, noted[0] if noted else None, late=late)
    if task is None:
        return True
    if noted and noted[0] == task:
        sight = _sight(task, noted[1], among)
        # Where no scheduler was found, one is looked for again, but not at every call.
        if sight in (Sight.RIGHT, Sight.DISABLED) or (noted[1] == _task.DETACHED and not late):
            _due.put_off(home, _task.allowance(*noted))
            return sight is not Sight.DISABLED
    return _make(task, noted[1] if noted else _task.DETACHED, among)


def _sight(task: Task, name: str, among: Sequence[Scheduler]) -> Sight:
    for scheduler in among:
        if name == scheduler.NAME:
            return scheduler.look(task)
    return Sight.MISSING


def _wanted(home: str, period: float, old: Task | None, *, late: bool) -> Task | None:
    """Return the task as it should be, as near as possible to the *old* one."""
    mine = _task.interpreter()
    python, script = mine, _task.script()
    if old is not None and old.alive and not late:
        python, script = old.python, old.script
    if python is None:
        return None
    hours = _task.hours(period, old.hours[0] if old else 0)
    if old is None or len(hours) != len(old.hours):
        new = _task.new(home, python, period)
        return _task.Task(home, python, script, new.minute, new.hours)
    return _task.Task(home, python, script, old.minute, old.hours)


def _make(task: Task, before: str, among: Sequence[Scheduler]) -> bool:
    """Have the first scheduler that can run *task*, and note it; say no if it is switched off."""
    # The note comes first: a job that nobody knows of could not be removed.
    _task.keep(task, before)
    here = [scheduler for scheduler in among if task.writable and scheduler.usable()]
    if here and not _runs_isolated(task):
        here = []
    for scheduler in here:
        disabled = scheduler.look(task) is Sight.DISABLED
        if disabled or scheduler.make(task):
            _task.keep(task, scheduler.NAME)
            for other in here:
                if other is not scheduler:
                    other.remove(task.name)
            return not disabled
        scheduler.remove(task.name)
    _task.keep(task, _task.DETACHED)
    return True


def _runs_isolated(task: Task) -> bool:
    """Say whether the interpreter finds all modules without this program's environment."""
    return bool(_command.run(task.python, "-I", task.script, "--probe"))


def remove(home: str, among: Sequence[Scheduler] | None = None) -> None:
    """Remove the job and all that belongs to it, from every scheduler, whatever is noted."""
    name = _task.name_of(home)
    # First, because launchd ends the job that removes itself.
    with contextlib.suppress(OSError):
        for path in (_task.path_of(home), f"{home}/job.lock"):
            pathlib.Path(path).unlink(missing_ok=True)
    for scheduler in schedulers() if among is None else among:
        with contextlib.suppress(OSError):
            scheduler.remove(name)


def state(home: str, among: Sequence[Scheduler] | None = None) -> State:
    """Return what job there is, as its scheduler tells it."""
    noted = _task.kept(home)
    if noted is None:
        return State("", "no background job")
    task, name = noted
    if name == _task.DETACHED:
        words = f"programs that record start the upload, at most every {_task.pace(task.period)}"
        return State(name, words)
    for scheduler in schedulers() if among is None else among:
        if name == scheduler.NAME:
            what, see = scheduler.describe(task)
            return State(name, f"{what}, {_words(task, scheduler.look(task))}", see)
    return State(name, f"a job of {name}, which cannot be asked from here")


def _words(task: Task, sight: Sight) -> str:
    if sight is Sight.DISABLED:
        return "switched off by hand: nothing is uploaded, except by otumat-usage upload"
    if sight is Sight.MISSING or not task.alive:
        return "which has gone; the next program that records makes it anew"
    if sight is Sight.OTHER:
        return "which was changed"
    return f"every {_task.pace(task.period)}, from {task.hours[0]:02}:{task.minute:02} on"
