"""The `otumat` command: one group whose subcommands arrive by entry points, one at a time."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from otumat import _commands

if TYPE_CHECKING:
    from collections.abc import Iterator


class _UnloadableError(click.ClickException):
    """A command that is installed but cannot be imported."""

    exit_code = 2


class _Commands(click.Group):
    """A group that lists and describes its commands without importing them.

    Only the command that is called is loaded, so a broken plugin costs its own users one clear
    line and nobody else anything.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _reader():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> object:
        with _reader():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_commands.find())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry_point = _commands.find().get(cmd_name)
        if entry_point is None:
            return None
        try:
            command = entry_point.load()
            if not isinstance(command, click.Command):
                raise TypeError(f"{entry_point.value} is no click command")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises at import
            return _broken(cmd_name, _commands.distribution(entry_point), error)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name in _commands.KNOWN and name not in _commands.find():
            part = _commands.KNOWN[name][0]
            ctx.fail(f"'{name}' comes with {part}, which is not installed: pip install {part}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        rows = [
            (name, _commands.summary(entry_point))
            for name, entry_point in _commands.find().items()
            if name not in _commands.HIDDEN
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


@contextlib.contextmanager
def _reader() -> Iterator[None]:
    """End with 2 where whoever read the output has gone (`| head`); click ends with 1, a "no"."""
    try:
        yield
    except BrokenPipeError:
        # Else the interpreter fails once more when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(2) from None


def _broken(name: str, distribution: str, error: Exception) -> click.Command:
    """Return a command that says, whatever its arguments, why *name* could not be loaded."""

    def say(**_: object) -> NoReturn:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise _UnloadableError(
            f"the command '{name}' of {distribution} cannot be loaded ({why}); "
            f"reinstall it: pip install --force-reinstall {distribution}"
        )

    return click.Command(
        name,
        callback=say,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )


def _print_versions(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if not value or ctx.resilient_parsing:
        return
    for part, version in _commands.versions():
        click.echo(f"{part} {version or '(not installed)'}")
    ctx.exit()


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done or yes, 1 the answer is no, 2 could not be done or wrong usage.",
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Show the version of every installed part and exit.",
)
def otumat() -> None:
    """Tools for people who publish Python packages.

    Watch files, sign packages and verify them, and ask users, with their consent, how a package
    is used.
    """


#: click before 8.2 prints the help without an exception.
_NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())


def main() -> None:
    """Run the command line; every failure ends as one line on stderr and an exit code."""
    try:
        code = otumat.main(prog_name="otumat", standalone_mode=False)
    except _NO_ARGUMENTS as error:
        click.echo(error.format_message(), err=True)
        code = 2
    except click.ClickException as error:
        code = _say(error)
    except click.Abort:
        click.echo("Aborted.", err=True)
        code = 130
    except Exception as error:  # the last resort of a command line: no traceback for users
        if os.environ.get("OTUMAT_DEBUG"):
            raise
        why = " ".join(f"{type(error).__name__}: {error}".split())
        click.echo(f"Error: unexpected {why} (OTUMAT_DEBUG=1 shows where)", err=True)
        code = 2
    sys.exit(code if isinstance(code, int) else 0)


def _say(error: click.ClickException) -> int:
    message = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError) and error.ctx is not None:
        message += f" (see '{error.ctx.command_path} --help')"
    click.echo(f"Error: {message}", err=True)
    return error.exit_code
