"""The command `otumat watch`, and alone `otumat-watch`: words in, exit code out."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, NamedTuple

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_watch._report import Report

__all__ = ["main", "watch_command"]

_INTERRUPTED = 130


# Generic since click 8.5; 8.1 cannot be subscripted.
class _Seconds(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A number of seconds within a range, which the help need not spell out."""

    name = "seconds"

    def __init__(self, least: float, most: float) -> None:
        self._least, self._most = least, most

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return *value* as a number; a NaN is within no range."""
        try:
            seconds = float(value)
        except ValueError:
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        if not self._least <= seconds <= self._most:
            self.fail(f"{value} is not from {self._least:g} to {self._most:g}", param, ctx)
        return seconds


_SECONDS = _Seconds(0.01, 10**8)


class _Words(NamedTuple):
    """What was said on the command line."""

    files: tuple[str, ...]
    interval: float
    script: str
    state_file: str | None
    initial: bool
    once: bool
    on_error: str
    timeout: float | None
    restart: bool
    settle: float
    by_content: bool
    poll: bool
    no_safety_poll: bool
    quiet: bool
    verbose: bool
    as_json: bool
    args: tuple[str, ...]


class _CannotError(click.ClickException):
    """It could not be done: one line, exit code 2."""

    exit_code = 2


class _Command(click.Command):
    """Ends with 2 where whoever read the help has gone; click ends with 1."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except BrokenPipeError:
            _write_nowhere()
            raise SystemExit(2) from None


@click.command(
    "watch",
    cls=_Command,
    short_help="Run a script whenever a file changes.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "-f",
    "--file",
    "files",
    metavar="FILE",
    required=True,
    multiple=True,
    help="A file (it need not exist yet), a folder or a glob; may be repeated.",
)
@click.option(
    "-i",
    "--interval",
    metavar="SECONDS",
    type=_SECONDS,
    default=5,
    show_default=True,
    help="Time between two looks at what the system does not tell of.",
)
@click.option(
    "-s",
    "--script",
    metavar="SCRIPT",
    required=True,
    help="What to run: anything executable, or a .py or .sh file.",
)
@click.option(
    "--state",
    "state_file",
    metavar="FILE",
    help="Keep the state in FILE, so that it survives a restart.",
)
@click.option("--initial", is_flag=True, help="Run once at the start, before any change.")
@click.option("--once", is_flag=True, help="End after the first run, with 1 if it failed.")
@click.option(
    "--on-error",
    type=click.Choice(["continue", "stop"]),
    default="continue",
    show_default=True,
    help="What to do after a run that fails.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=_SECONDS,
    help="End a run that takes longer, with all its processes.",
)
@click.option("--restart", is_flag=True, help="End a run that is overtaken by a change.")
@click.option(
    "--settle",
    metavar="SECONDS",
    type=_Seconds(0, 3600),
    default=0.05,
    show_default=True,
    help="Quiet to wait for while a writer keeps the file open.",
)
@click.option(
    "--hash",
    "by_content",
    is_flag=True,
    help="Only another content is a change: no run for a touch or the same bytes.",
)
@click.option("--poll", is_flag=True, help="Only look every -i seconds; ask the system nothing.")
@click.option(
    "--no-safety-poll", is_flag=True, help="Never look where the system tells of changes."
)
@click.option("-q", "--quiet", is_flag=True, help="Print failed runs only.")
@click.option("-v", "--verbose", is_flag=True, help="Print the begin of runs and the state too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per event.")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def watch_command(context: click.Context, /, **words: Any) -> None:
    """Run SCRIPT whenever FILE changes; what it prints is the next run's ARGS.

    The lines of a run's output become the arguments of the next run: that is how a script keeps
    a state. A run that fails leaves the state as it was. The script finds the path that changed
    in OTUMAT_WATCH_FILE, what happened to it (created, modified, deleted or initial) in
    OTUMAT_WATCH_EVENT and the number of the run in OTUMAT_WATCH_RUN.

    Ctrl-C ends the watching and the script with all its processes. ARGS that begin with a dash go
    after `--`.

    \b
    Example: count the changes of a file, beginning with 0
      otumat watch -f data.csv -s ./count.sh 0
    """  # fmt: skip
    context.exit(_watch(_Words(**words)))


def main() -> None:
    """Run the command under its own name, `otumat-watch`, with `--version`."""
    import copy

    command = copy.copy(watch_command)
    command.params = [*watch_command.params]
    said = "%(package)s %(version)s"  # as every command of ours
    command = click.version_option(package_name="otumat-watch", message=said)(command)
    try:
        code = command.main(prog_name="otumat-watch", standalone_mode=False)
    except click.ClickException as error:
        message = error.format_message()
        hint = " (otumat-watch --help tells more)" if isinstance(error, click.UsageError) else ""
        click.echo(f"Error: {message}{hint}", err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        import signal

        # Who presses Ctrl-C again while the interpreter ends gets the same exit code.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def _watch(words: _Words) -> int:
    """Watch as asked and return the exit code; whatever goes wrong is one line and a 2."""
    from otumat_watch._report import shown
    from otumat_watch.exceptions import WatchError

    if words.quiet and words.verbose:
        raise click.UsageError("-q and -v exclude each other")
    try:
        return _run(words)
    except BrokenPipeError:
        _write_nowhere()
        raise _CannotError("nobody reads the output any more") from None
    except (WatchError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        raise _CannotError(shown(text)) from None


def _write_nowhere() -> None:
    # Else the interpreter fails once more when it flushes stdout at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(words: _Words) -> int:
    from otumat_watch._group import withhold_descriptors
    from otumat_watch._runner import Options, Runner
    from otumat_watch._script import command_for
    from otumat_watch._watcher import Watcher

    withhold_descriptors()
    report = _report(words)
    command = command_for(words.script)
    arguments, save = list(words.args), None
    if words.state_file is not None:
        from otumat_watch._state_file import StateFile

        file = StateFile(words.state_file)
        kept, damage = file.load()
        arguments, save = (arguments if kept is None else kept), file.save
        if damage:
            report.note(damage)
    watcher = Watcher(
        words.files,
        clock=time.monotonic,
        interval=words.interval,
        settle=words.settle,
        poll=words.poll,
        safety_poll=not words.no_safety_poll,
        by_content=words.by_content,
    )
    try:
        options = Options(
            timeout=words.timeout,
            restart=words.restart,
            initial=words.initial,
            once=words.once,
            stop_on_error=words.on_error == "stop",
            longest_delay=words.interval,
        )
        runner = Runner(watcher, command, arguments, options=options, report=report, save=save)
        return runner.run(words.files)
    finally:
        watcher.close()


def _report(words: _Words) -> Report:
    from otumat_watch._report import JsonReport, PlainReport, lines_to

    if words.as_json:
        return JsonReport(lines_to(sys.stdout))
    return PlainReport(
        lines_to(sys.stdout),
        lines_to(sys.stderr),
        verbosity=int(words.verbose) - int(words.quiet),
        colour=bool(sys.stdout and sys.stdout.isatty() and not os.environ.get("NO_COLOR")),
    )


if __name__ == "__main__":
    main()
