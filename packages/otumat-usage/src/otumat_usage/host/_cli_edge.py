"""Stand between a command and its user: one clear line, an exit code, no traceback."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Command", "Failure", "Group", "folder_option", "port_option"]


class Failure(click.ClickException):
    """A clear line on stderr, exit code 2."""

    exit_code = 2


@contextlib.contextmanager
def _edge() -> Iterator[None]:
    """Turn everything that can be foreseen into one line and an exit code."""
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("otumat_usage"):
            raise
        more = {"psycopg": ",postgresql", "joserfc": ",oidc", "pyarrow": ",parquet"}
        extras = "host" + more.get((error.name or "").partition(".")[0], "")
        text = f"{error.name} is missing: pip install 'otumat-usage[{extras}]'"
        raise Failure(text) from error
    except OSError as error:
        raise Failure(str(error)) from error
    except Exception as error:
        from otumat_usage.exceptions import UsageError

        if isinstance(error, UsageError):
            raise Failure(str(error)) from error
        raise


class Command(click.Command):
    """A command behind the edge."""

    def invoke(self, ctx: click.Context) -> object:
        with _edge():
            return super().invoke(ctx)

    def get_short_help_str(self, limit: int = 45) -> str:
        """Say what the command does in half a sentence rather than in one that breaks off."""
        short = super().get_short_help_str(limit)
        if not short.endswith("..."):
            return short
        whole = super().get_short_help_str(1000)
        half = re.split(r"[;:,]", whole, maxsplit=1)[0]
        return f"{half}." if len(half) < limit else short


class Group(click.Group):
    """A group whose commands stand behind the edge."""

    command_class = Command


folder_option = click.option(
    "-d",
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("otumat-host"),
    show_default=True,
    envvar="OTUMAT_HOST_DIRECTORY",
    help="Folder that holds the host's data.",
)

port_option = click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    envvar="OTUMAT_HOST_PORT",
    help="Port to listen on; 0 takes any free one.",
)
