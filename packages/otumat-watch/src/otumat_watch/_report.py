"""What is told about the watching: lines for people, or JSON for pipelines."""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol

__all__ = ["PlainReport", "Report", "RunResult", "Silence", "shown"]


class RunResult(NamedTuple):
    """How a run went.

    Attributes:
        number: 1 for the first run of this watcher.
        path: The changed path.
        event: What happened to it.
        exit_code: As `subprocess`: negative for the signal that killed the script;
            None if it could not be started.
        seconds: Wall time.
        problem: Why the old state stays, in words; empty if the run succeeded.
        arguments: The next run's arguments.
    """

    number: int
    path: str
    event: str
    exit_code: int | None
    seconds: float
    problem: str
    arguments: list[str]


class Report(Protocol):
    """Who is told."""

    def watching(self, how: str, paths: list[str], command: list[str]) -> None:
        """The watcher is armed."""

    def ended(self, run: RunResult) -> None:
        """A run is over."""

    def note(self, text: str) -> None:
        """Something a person should know."""


class Silence:
    """Tells nobody."""

    def watching(self, how: str, paths: list[str], command: list[str]) -> None:
        """Say nothing."""

    def ended(self, run: RunResult) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""


class PlainReport:
    """One line per run."""

    def __init__(self, write: Silence | None = None) -> None:
        self._write = write

    def watching(self, how: str, paths: list[str], command: list[str]) -> None:
        """Print what is watched and how."""
        print(f"Watching {', '.join(map(shown, paths))} by {how}", flush=True)

    def ended(self, run: RunResult) -> None:
        """Print time, path, exit code and duration."""
        print(
            f"{time.strftime('%H:%M:%S')}  {shown(run.path)} {run.event}  "
            f"exit {run.exit_code}  {run.seconds:.2f} s"
            + (f"  ({run.problem}; the state stays)" if run.problem else ""),
            flush=True,
        )

    def note(self, text: str) -> None:
        """Print *text*."""
        print(text, flush=True)


def shown(path: str) -> str:
    """Return *path* fit for a terminal: what is not printable is escaped."""
    return path if path.isprintable() else path.encode("unicode_escape", "replace").decode("ascii")
