"""The loop: change, run, state."""

# os.path, because pathlib folds what it should not and is slow to load.
# ruff: noqa: PTH109, PTH118

from __future__ import annotations

import errno
import os
import signal
import time
from typing import NamedTuple

from otumat_watch._change import Change
from otumat_watch._changes import batches, wait_for
from otumat_watch._echo import Echo
from otumat_watch._group import Process, end_all
from otumat_watch._report import Report, Run, shown
from otumat_watch._signals import Signals
from otumat_watch._state import arguments_from, output_cap
from otumat_watch.exceptions import ScriptError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otumat_watch._changes import Stop
    from otumat_watch._watcher import Watcher

__all__ = ["Options", "Runner"]

#: Seconds between two questions where no descriptor announces the answer.
_STEP = 0.02
#: Seconds from SIGTERM to SIGKILL.
GRACE = 1.0
#: A script that is being written cannot be started; it is tried for so many seconds.
_BUSY_FOR = 2.0


class Options(NamedTuple):
    """How a runner runs.

    Attributes:
        timeout: Seconds after which a run is ended; None for never.
        restart: End a run that is overtaken by a change.
        initial: Run once at the start, before any change.
        once: End after the first run.
        stop_on_error: End after the first run that fails.
        longest_delay: Seconds between runs that only answer each other, at most.
    """

    timeout: float | None = None
    restart: bool = False
    initial: bool = False
    once: bool = False
    stop_on_error: bool = False
    longest_delay: float = 5.0


class Runner:
    """Runs a command when something changed; what it prints is the next run's arguments."""

    def __init__(  # noqa: PLR0913 -- two of them have a default
        self,
        watcher: Watcher,
        command: list[str],
        arguments: Sequence[str],
        *,
        options: Options,
        report: Report,
        save: Callable[[list[str]], None] | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Take an armed *watcher*; nothing is run yet.

        Args:
            watcher: Who tells of changes; the caller closes it.
            command: The argv that runs the script.
            arguments: The first run's arguments.
            options: How to run.
            report: Who is told.
            save: Keeps the state of a run that succeeded.
            stop: Ends the watching soon after its `is_set()` returns true.
        """
        self._watcher = watcher
        self._command = command
        self.arguments = list(arguments)
        self._options = options
        self._report = report
        self._save = save
        self._stop = stop
        self._echo = Echo(options.longest_delay)
        self._here = os.getcwd()
        self._environment = dict(os.environ)
        self._cap = output_cap(self._environment)
        self._signals = Signals()
        self._pending: dict[str, Change] = {}
        self._not_before = 0.0
        self._process: Process | None = None
        self._lingering: list[Process] = []
        self._current: list[Change] = []
        self._number = 0
        self._started = self._started_at = 0.0
        self._ending = self._why = ""
        self._kill_at = 0.0
        self._busy_since: float | None = None
        self._exit: int | None = None

    def run(self, specs: Sequence[str]) -> int:
        """Watch until a signal comes or the options say so; return the exit code.

        Args:
            specs: What is watched, for people; the run of `initial` is about the first of them.
        """
        if self._options.initial:
            self._pending[specs[0]] = Change(specs[0], "initial")
        with self._signals:
            try:
                self._report.watching(self._watcher.how, specs, self._command)
                self._step(time.monotonic(), [])
                for looked_at, batch in batches(self._watcher, self._pause, time.monotonic):
                    self._step(looked_at, batch)
            finally:
                processes = [*self._lingering, *([self._process] if self._process else [])]
                end_all(processes, grace=GRACE, hurry=lambda: len(self._signals.received) > 1)
        self._report.stopped(self._signals.names() or self._why or "asked to")
        return self._exit or 0

    def _pause(self) -> bool:
        """Wait for news of any kind; False when the watching is over."""
        if self._exit is None and self._signals.received:
            self._exit = 128 + self._signals.received[0]
        if self._exit is not None or (self._stop is not None and self._stop.is_set()):
            return False
        descriptors = [self._signals.fileno()]
        if (fileno := self._watcher.fileno()) is not None:
            descriptors.append(fileno)
        for process in (*self._lingering, *([self._process] if self._process else [])):
            descriptors += process.descriptors()
        if self._signals.fileno() in wait_for(descriptors, self._timeout()):
            self._signals.drain()
        return True

    def _timeout(self) -> float | None:
        instants = [self._watcher.deadline()]
        if self._process is None:
            if self._pending:
                instants.append(self._not_before)
        elif self._ending or not self._process.is_observable():
            instants.append(time.monotonic() + _STEP)
        elif self._options.timeout is not None:
            instants.append(self._started + self._options.timeout)
        if self._stop is not None:
            instants.append(time.monotonic() + 5 * _STEP)
        nearest = min((each for each in instants if each is not None), default=None)
        return None if nearest is None else max(0.0, nearest - time.monotonic())

    def _step(self, looked_at: float, batch: list[Change]) -> None:
        """Do what there is to do now."""
        while self._watcher.reasons:
            self._report.note(f"{self._watcher.reasons.pop(0)}; polling instead")
        paths = [change.path for change in batch]
        if self._process is None and not self._echo.is_own(paths):
            self._not_before = 0.0
        for change in batch:
            self._pending[change.path] = change
        for process in self._lingering:
            process.read()
        if self._process is not None:
            self._attend(self._process)
        if self._exit is None and self._process is None and self._pending:
            now = time.monotonic()
            if now >= self._not_before:
                self._start(looked_at)

    def _start(self, looked_at: float) -> None:
        """Run the script for all that changed."""
        changes = list(self._pending.values())
        path = os.path.normpath(os.path.join(self._here, changes[0].path))
        self._environment.update(
            OTUMAT_WATCH_FILE=path,
            OTUMAT_WATCH_EVENT=changes[0].event,
            OTUMAT_WATCH_RUN=str(self._number + 1),
        )
        self._started = looked_at
        self._started_at = time.time() - (time.monotonic() - looked_at)
        problem = ""
        try:
            self._process = Process(
                [*self._command, *self.arguments], self._environment, cap=self._cap
            )
        except ScriptError as error:
            if error.errno == errno.ETXTBSY and time.monotonic() < self._busy_until(looked_at):
                self._not_before = time.monotonic() + _STEP
                return
            problem = f"cannot run {shown(self._command[-1])}: {error.strerror}"
        self._busy_since = None
        self._number += 1
        self._current = changes
        self._pending.clear()
        if self._echo.run_started(change.path for change in changes):
            self._tell_of_loop()
        self._report.started(self._number, changes, self.arguments)
        if problem:
            self._finish(None, problem)

    def _busy_until(self, now: float) -> float:
        if self._busy_since is None:
            self._busy_since = now
        return self._busy_since + _BUSY_FOR

    def _tell_of_loop(self) -> None:
        self._report.note(
            f"the script seems to change what it watches ({shown(self._current[0].path)}): each "
            "run is started by the one before; waiting longer and longer between them, up to "
            f"{self._options.longest_delay:g} s"
        )

    def _attend(self, process: Process) -> None:
        """Look after the run that is on."""
        process.read()
        now = time.monotonic()
        if process.ended() and (
            not self._ending or not process.has_group() or now >= self._kill_at
        ):
            if self._ending:
                process.send(signal.SIGKILL)
            self._process = None
            # Children left behind are asked after once per run, because that may search /proc.
            self._lingering = [each for each in (*self._lingering, process) if not each.is_gone()]
            self._conclude(process)
        elif self._ending:
            if now >= self._kill_at:
                process.send(signal.SIGKILL)
        elif self._options.timeout is not None and now >= self._started + self._options.timeout:
            self._end(f"ended after {self._options.timeout:g} s (--timeout)")
        elif self._options.restart and self._pending:
            self._end("overtaken by a change (--restart)")

    def _end(self, why: str) -> None:
        """Ask the run that is on to end; if it does not, it is killed."""
        if self._process is not None:
            self._process.ask_to_end()
            self._ending = why
            self._kill_at = time.monotonic() + GRACE

    def _conclude(self, process: Process) -> None:
        """Take the output of a run that is over as the state, if it succeeded."""
        problem, self._ending = self._ending, ""
        if not problem and process.exit_code:
            problem = "failed" if process.exit_code > 0 else "was killed"
        if not problem:
            try:
                self.arguments = arguments_from(bytes(process.output), cap=self._cap)
                if self._save is not None:
                    self._save(self.arguments)
            except StateError as error:
                problem = str(error)
        # What the run itself wrote last may still wait in the descriptor.
        self._watcher.read(time.monotonic())
        own = self._watcher.unreported().union(self._pending)
        delay = self._echo.run_ended(own)
        self._not_before = time.monotonic() + delay if delay else 0.0
        self._finish(process.exit_code, problem)

    def _finish(self, exit_code: int | None, problem: str) -> None:
        seconds = time.monotonic() - self._started
        self._report.ended(
            Run(
                self._number,
                self._current,
                self._started_at,
                seconds,
                exit_code,
                problem,
                self.arguments,
            )
        )
        if self._options.once:
            self._exit, self._why = (1 if problem else 0), "after one run (--once)"
        elif problem and self._options.stop_on_error:
            self._exit, self._why = 1, "after a run that failed (--on-error stop)"
