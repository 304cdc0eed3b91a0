"""The commands: what the user of a tracked package can see and do, and the way to the host's.

This file, like ``_cli_rights`` and ``_cli_doctor``, holds words and exit codes, no logic. ``host``
and ``report`` are loaded when they are called, so that without the extra they become one clear line
and never break ``--help``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from otumat_usage import _console
from otumat_usage._cli_doctor import doctor_command
from otumat_usage._cli_rights import complete, erase_command, export_command, off_command
from otumat_usage.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

#: name -> (module:attribute, one line for --help); loaded on use.
_LAZY = {
    "host": ("otumat_usage.host.cli:host_group", "Run the host that receives and reports usage."),
    "report": (
        "otumat_usage.host.cli:report_command",
        "Print what users do, from the host's store.",
    ),
}


class Failure(click.ClickException):
    """Something could not be done: one line, exit code 2."""

    exit_code = 2


class _Group(click.Group):
    """Commands in the order of a person's questions, the maintainer's ones loaded on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [*self.commands, *_LAZY]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LAZY:
            return _Lazy(cmd_name)
        return super().get_command(ctx, cmd_name)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except BrokenPipeError:
            _end_unread()

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise Failure(str(error)) from error
        except BrokenPipeError:
            _end_unread()
        except OSError as error:
            raise Failure(str(error)) from error


def _end_unread() -> NoReturn:
    """End with 2: whoever read our output has gone (`| head`); click ends with 1, a "no"."""
    # A second complaint, when the interpreter flushes stdout at its end, helps nobody.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    raise SystemExit(2)


class _Lazy(click.Command):
    """A command that is imported only when it runs: its own --help included."""

    def __init__(self, name: str) -> None:
        self._target, text = _LAZY[name]
        super().__init__(name, short_help=text, add_help_option=False)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        return self._load().make_context(info_name, args, parent, **extra)

    def _load(self) -> click.Command:
        module, _, name = self._target.partition(":")
        try:
            command = getattr(importlib.import_module(module), name)
        except ImportError as error:
            missing = f" ({error.name} is not installed)" if error.name else ""
            raise Failure(
                f'this command needs the host{missing}: pip install "otumat-usage[host]"'
            ) from error
        if not isinstance(command, click.Command):
            raise Failure(f"{self._target} is not a command")
        return command


def _version(ctx: click.Context, _: click.Parameter, value: object) -> None:
    if value and not ctx.resilient_parsing:
        import importlib.metadata

        click.echo(f"otumat-usage {importlib.metadata.version('otumat-usage')}")
        ctx.exit()


@click.group("usage", cls=_Group, context_settings=_SETTINGS)
def usage_group() -> None:
    """See and decide what packages record about how you use them.

    Nothing is recorded about a package until you have said yes to it. For example:

    \b
        otumat-usage status
        otumat-usage off --all
    """


_package = click.argument("package", required=False, shell_complete=complete)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@usage_group.command("status")
@_package
@_json
@click.pass_context
def status_command(ctx: click.Context, package: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Say what is recorded about which package, where it goes, and why.

    With PACKAGE, the exit code is 0 if something is recorded about it and 1 if not. For example:

    \b
        otumat-usage status
    """
    states = _console.states(package)
    if as_json:
        click.echo(json.dumps(states, indent=2))
    elif package is not None or not states:
        click.echo(_console.describe(states))
    else:
        click.echo("Packages that asked whether they may record how you use them:\n")
        click.echo(_console.describe(states))
    if not as_json and package is None and (job := _console.describe_job()):
        click.echo(f"\n{job}" if states else job)
    ctx.exit(int(package is not None and not any(state["recording"] for state in states)))


@usage_group.command("on")
@click.argument("package", shell_complete=complete)
@click.option("-y", "--yes", is_flag=True, help="Do not ask here; the host's page still does.")
@click.pass_context
def on_command(ctx: click.Context, package: str, yes: bool) -> None:  # noqa: FBT001
    """Agree that PACKAGE records how you use it.

    Shows what would be recorded and opens the page of the package's makers. For example:

    \b
        otumat-usage on tracked
    """
    ctx.exit(0 if _console.switch_on(package, ask=not yes) else 1)


usage_group.add_command(off_command)


@usage_group.command("show")
@_package
def show_command(package: str | None) -> None:
    """Print exactly the bytes that would be sent next, line by line.

    For example:

    \b
        otumat-usage show tracked
    """
    shown = 0
    for body in _console.next_bodies(package):
        sys.stdout.buffer.write(body + b"\n")
        shown += 1
    if not shown:
        click.echo("Nothing waits to be sent.", err=True)


@usage_group.command("sent")
@_package
@_json
def sent_command(package: str | None, as_json: bool) -> None:  # noqa: FBT001
    """List the uploads that were made, with the host's receipts.

    For example:

    \b
        otumat-usage sent tracked
    """
    rows = _console.ledger(package)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(
            f"{row['when']}  {row['package']}  {row['accepted']} of {row['rows']} events"
            f"  {row['outcome']}  {row['receipt']}"
        )
    if not rows:
        click.echo("Nothing was sent.", err=True)


@usage_group.command("upload")
@_package
@_json
@click.pass_context
def upload_command(ctx: click.Context, package: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Upload now what waits, for PACKAGE or for all that you agreed to.

    Exit code 1: nothing may be sent for PACKAGE; 2: a host could not take it. For example:

    \b
        otumat-usage upload
    """
    outcomes, code = _console.upload(package)
    if as_json:
        click.echo(json.dumps(outcomes, indent=2))
    else:
        for outcome in outcomes:
            click.echo(outcome["summary"], err=bool(outcome["why"]))
        if not outcomes:
            click.echo("nothing to send")
    ctx.exit(code)


usage_group.add_command(export_command)
usage_group.add_command(erase_command)
usage_group.add_command(doctor_command)


@click.command("upload", hidden=True, context_settings=_SETTINGS)
@click.option("-a", "--author", required=True)
@click.option("-p", "--package-name", required=True)
@click.option("-d", "--data-directory", required=True)
@click.option("-s", "--start", required=True)
@click.option("-f", "--frequency", required=True)
def upload_legacy_command(
    author: str, package_name: str, data_directory: str, start: str, frequency: str
) -> None:
    """Make one upload pass, as daemons of otumat 0.3 call it, and exit.

    \b
        otumat upload -a DataJoint -p datajoint -d datajoint-python -s 2022-01-01T00:00:00.0 -f 12h
    """
    del author, data_directory
    try:
        _console.legacy_upload(package_name, start, frequency)
    except (UsageError, OSError) as error:
        raise Failure(str(error)) from error


def _alone() -> click.Group:
    """Return the group as a command of its own, which therefore has a version."""
    version = click.Option(
        ["-V", "--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_version,
        help="Show the version.",
    )
    return _Group(
        "otumat-usage",
        commands=usage_group.commands,
        params=[version],
        help=usage_group.help,
        context_settings=_SETTINGS,
        no_args_is_help=True,
    )


#: click before 8.2 prints the help without an exception.
_NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run ``otumat-usage`` by itself; every failure is one line and an exit code."""
    try:
        code = _alone().main(args, prog_name="otumat-usage", standalone_mode=False)
        if sys.stdout:  # None where it is closed
            sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except _NO_ARGUMENTS as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
        click.echo(f"Error: {message}", err=True)
        sys.exit(2 if isinstance(error, click.UsageError) else error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:  # at the flush
        _end_unread()
