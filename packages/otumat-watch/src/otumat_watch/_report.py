"""What is told about the watching: lines for people, or JSON for pipelines."""

from __future__ import annotations

import time
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from otumat_watch._change import Change

__all__ = ["JsonReport", "PlainReport", "Report", "Run", "lines_to", "shown"]

_DIM, _RED, _GREEN, _YELLOW, _PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"


class Run(NamedTuple):
    """How a run went.

    Attributes:
        number: 1 for the first run of this watcher.
        changes: What it answers.
        started: Seconds since the epoch, taken before the last look for changes: what was
            complete by then, this run has seen.
        seconds: Wall time until the script's end.
        exit_code: As in `subprocess`: negative for the signal that killed the script;
            None if it could not be started.
        problem: Why the old state stays, in words; empty after a success.
        arguments: The next run's arguments.
    """

    number: int
    changes: list[Change]
    started: float
    seconds: float
    exit_code: int | None
    problem: str
    arguments: list[str]


class Report:
    """Tells nobody; what a person or a pipeline wants to hear is in the classes below."""

    def watching(self, how: str, specs: Sequence[str], command: Sequence[str]) -> None:
        """The watcher is armed."""

    def started(self, number: int, changes: Sequence[Change], arguments: Sequence[str]) -> None:
        """A run begins."""

    def ended(self, run: Run) -> None:
        """A run is over."""

    def note(self, text: str) -> None:
        """Something a person should know."""

    def stopped(self, reason: str) -> None:
        """The watching is over."""


class PlainReport(Report):
    """One line per run: time, path, what happened, exit code, duration."""

    def __init__(
        self,
        write: Callable[[str], None],
        complain: Callable[[str], None],
        *,
        verbosity: int = 0,
        colour: bool = False,
    ) -> None:
        """Tell people.

        Args:
            write: Takes a line for stdout.
            complain: Takes a line for stderr.
            verbosity: -1 for problems only, 1 for the begin of runs and the state too.
            colour: Whether lines may be coloured.
        """
        self._write = write
        self._complain = complain
        self._verbosity = verbosity
        self._colour = colour

    def watching(self, how: str, specs: Sequence[str], command: Sequence[str]) -> None:
        """Print what is watched, by what, and what will run."""
        if self._verbosity >= 0:
            self._write(
                f"Watching {', '.join(map(shown, specs))} by {how}; "
                f"each change runs {' '.join(map(shown, command))}"
            )

    def started(self, number: int, changes: Sequence[Change], arguments: Sequence[str]) -> None:
        """Print every change and the arguments, if asked for."""
        if self._verbosity < 1:
            return
        for change in changes:
            self._write(f"{_now()}  {shown(change.path)} {change.event}")
        given = " ".join(shown(argument) or "''" for argument in arguments) or "no arguments"
        self._write(f"{_now()}  run {number} starts with {given}")

    def ended(self, run: Run) -> None:
        """Print the line of a run."""
        if self._verbosity < 0 and not run.problem:
            return
        others = f" and {len(run.changes) - 1} more" if len(run.changes) > 1 else ""
        change = run.changes[0]
        result = f"exit {run.exit_code}"
        if run.exit_code is None or run.exit_code < 0:
            result = "not started" if run.exit_code is None else f"signal {-run.exit_code}"
        line = (
            f"{self._dyed(_now(), _DIM)}  {shown(change.path)} {change.event}{others}  "
            f"{self._dyed(result, _RED if run.problem else _GREEN)}  {run.seconds:.2f} s"
        )
        if run.problem:
            line += f"  {run.problem}; the state stays"
        self._write(line)
        if self._verbosity > 0 and not run.problem:
            state = " ".join(shown(argument) or "''" for argument in run.arguments)
            self._write(f"{_now()}  the state is now {state or 'empty'}")

    def note(self, text: str) -> None:
        """Print a note to stderr."""
        self._complain(f"{self._dyed('Note:', _YELLOW)} {text}")

    def stopped(self, reason: str) -> None:
        """Print why it ended."""
        if self._verbosity >= 0:
            self._write(f"Stopped: {reason}")

    def _dyed(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colour else text


class JsonReport(Report):
    """One JSON object per line; bytes that are not UTF-8 are lone surrogates, escaped."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """Write lines with *write*."""
        import json

        self._write = write
        self._encoded = json.JSONEncoder(separators=(",", ":")).encode

    def watching(self, how: str, specs: Sequence[str], command: Sequence[str]) -> None:
        """Write what is watched, by what, and what will run."""
        self._tell("watching", how=how, files=list(specs), command=list(command))

    def started(self, number: int, changes: Sequence[Change], arguments: Sequence[str]) -> None:
        """Write that a run begins, and why."""
        self._tell("start", run=number, changes=_listed(changes), arguments=list(arguments))

    def ended(self, run: Run) -> None:
        """Write how a run went."""
        self._tell(
            "run",
            run=run.number,
            changes=_listed(run.changes),
            started=round(run.started, 6),
            seconds=round(run.seconds, 6),
            exit_code=run.exit_code,
            problem=run.problem or None,
            arguments=run.arguments,
        )

    def note(self, text: str) -> None:
        """Write a note."""
        self._tell("note", text=text)

    def stopped(self, reason: str) -> None:
        """Write why it ended."""
        self._tell("stopped", reason=reason)

    def _tell(self, event: str, **facts: object) -> None:
        self._write(self._encoded({"event": event, **facts}))


def lines_to(stream: TextIO | None) -> Callable[[str], None]:
    """Return what writes a line to *stream* at once, whatever its encoding can say.

    None is what Python has for a stream that was closed before it began: nobody is told.
    """

    def write(line: str) -> None:
        if stream is None:
            return
        encoding = stream.encoding or "utf-8"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()

    return write


def shown(text: str) -> str:
    """Return *text* fit for a terminal: what is not printable is escaped."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in text
    )


def _listed(changes: Sequence[Change]) -> list[dict[str, str]]:
    return [{"path": change.path, "event": change.event} for change in changes]


def _now() -> str:
    return time.strftime("%H:%M:%S")
