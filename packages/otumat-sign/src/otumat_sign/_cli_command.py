"""A click command whose every failure is one line and a documented exit code."""

from __future__ import annotations

import json
import os
import sys

import click

from otumat_sign.exceptions import SignError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

#: Exit codes: the answer is no; it could not be done, or was asked wrongly.
NO, FAILED, INTERRUPTED = 1, 2, 130


CONTEXT = {"help_option_names": ["-h", "--help"]}
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a pipeline.")
_FROM_HELP = (
    "Where the passphrase is: env:NAME, fd:N, cmd:PROGRAM or prompt. "
    "By default $OTUMAT_SIGN_PASSPHRASE, else the terminal."
)
passphrase_option = click.option("--passphrase", metavar="FROM", help=_FROM_HELP)


class Failure(click.ClickException):
    """Ends the command with one line on stderr: it could not be done."""

    exit_code = FAILED

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


class Refusal(Failure):
    """Ends the command with one line on stderr: it could be decided, and the answer is no."""

    exit_code = NO


class Command(click.Command):
    """Turns what a command may raise on purpose, and what the system may, into `Failure`."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments; a usage error is one line too."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise _usage(error) from error
        except BrokenPipeError:
            _end_unread()

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _usage(error) from error
        except SignError as error:
            raise Failure(str(error)) from error
        except BrokenPipeError:
            _end_unread()
        except OSError as error:
            named = f"{os.fspath(error.filename)}: " if error.filename else ""
            raise Failure(f"{named}{error.strerror or error}") from error
        except ValueError as error:
            raise Failure(str(error)) from error
        except KeyboardInterrupt:
            click.echo("Error: interrupted", err=True)
            raise SystemExit(INTERRUPTED) from None


#: click before 8.2 prints the help without an exception.
_NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())


class Group(click.Group):
    """The standalone command's group: a usage error is one line here too."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the options before the command's name."""
        try:
            return super().make_context(*args, **kwargs)
        except _NO_ARGUMENTS:
            raise
        except click.UsageError as error:
            raise _usage(error) from error
        except BrokenPipeError:
            _end_unread()

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command that is meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise _usage(error) from error


def _end_unread() -> NoReturn:
    """End with 2: whoever read our output has gone (`| head`); click ends with 1, a "no"."""
    # Python would complain once more when it flushes stdout at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(FAILED) from None


def _usage(error: click.UsageError) -> Failure:
    return Failure(f"{error.format_message().rstrip('.')} (see --help)")


def echo_json(value: object) -> None:
    """Print *value* as one line of JSON."""
    click.echo(json.dumps(value))
