"""The loop: change, run, state."""

from __future__ import annotations

import os
import signal
import time

from otumat_watch._changes import batches, wait_for
from otumat_watch._process import Process
from otumat_watch._report import RunResult
from otumat_watch._signals import Signals
from otumat_watch._state import CAP, arguments_from
from otumat_watch.exceptions import ScriptError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_watch._change import Change
    from otumat_watch._changes import Watcher
    from otumat_watch._report import Report

__all__ = ["Runner"]

_STEP = 0.02
_GRACE = 1.0


class Runner:
    """Runs a command once per change; what it prints is the next run's arguments."""

    def __init__(
        self,
        watcher: Watcher,
        command: list[str],
        arguments: list[str],
        *,
        report: Report,
        once: bool = False,
    ) -> None:
        self._watcher = watcher
        self._command = command
        self.arguments = arguments
        self._report = report
        self._once = once
        self._pending: dict[str, Change] = {}
        self._process: Process | None = None
        self._change: Change | None = None
        self._started = 0.0
        self._number = 0
        self._exit: int | None = None

    def run(self) -> int:
        """Watch until a signal or, with `once`, the first run's end; return the exit code."""
        with Signals() as self._signals:
            try:
                for looked_at, batch in batches(self._watcher, self._wait, time.monotonic):
                    self._pending.update((change.path, change) for change in batch)
                    self._attend()
                    if self._exit is None and self._process is None and self._pending:
                        self._start(looked_at)
            finally:
                self._end_group()
        return self._exit or 0

    def _wait(self, deadline: float | None) -> bool:
        if self._signals.received:
            self._exit = 128 + self._signals.received[0]
        if self._exit is not None:
            return False
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        descriptors = [self._watcher.fileno(), self._signals.fileno()]
        if self._process is not None:
            descriptors += self._process.descriptors()
            if not self._process.is_observable():
                timeout = _STEP if timeout is None else min(timeout, _STEP)
        wait_for(descriptors, timeout)
        self._signals.drain()
        return True

    def _start(self, looked_at: float) -> None:
        self._change = next(iter(self._pending.values()))
        self._pending.clear()
        self._number += 1
        environment = {
            **os.environ,
            "OTUMAT_WATCH_FILE": os.path.abspath(self._change.path),
            "OTUMAT_WATCH_EVENT": self._change.event,
            "OTUMAT_WATCH_RUN": str(self._number),
        }
        self._started = looked_at
        try:
            self._process = Process([*self._command, *self.arguments], environment, cap=CAP)
        except ScriptError as error:
            self._finish(None, str(error))

    def _attend(self) -> None:
        process = self._process
        if process is None:
            return
        process.read()
        if not process.ended():
            return
        self._process = None
        problem = ""
        if process.exit_code:
            problem = "failed"
        else:
            try:
                self.arguments = arguments_from(bytes(process.output))
            except StateError as error:
                problem = str(error)
        self._finish(process.exit_code, problem)

    def _finish(self, exit_code: int | None, problem: str) -> None:
        assert self._change is not None
        self._report.ended(
            RunResult(
                self._number,
                self._change.path,
                self._change.event,
                exit_code,
                time.monotonic() - self._started,
                problem,
                self.arguments,
            )
        )
        if self._once:
            self._exit = 1 if problem else 0

    def _end_group(self) -> None:
        process = self._process
        if process is None:
            return
        process.send(signal.SIGTERM)
        kill_at = time.monotonic() + _GRACE
        while True:
            process.read()
            if process.ended() and not process.send(0):
                return
            if time.monotonic() > kill_at:
                process.send(signal.SIGKILL)
            if time.monotonic() > kill_at + _GRACE / 2:
                return
            wait_for([], _STEP)
