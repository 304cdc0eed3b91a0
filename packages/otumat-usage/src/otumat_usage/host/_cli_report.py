"""Give the command ``report``: the answers of the pages, in a terminal or for a pipeline."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from otumat_usage.host._cli_edge import Command, Failure, folder_option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otumat_usage.host._exhibit import Exhibit
    from otumat_usage.host._statistics import Summary

__all__ = ["report_command"]

#: More than any token has.
_TOKEN_BYTES = 4096
_DEFAULT = ("actives", "features", "never", "versions", "python", "os", "frequency")


@click.command("report", cls=Command)
@folder_option
@click.argument("package")
@click.argument("answers", nargs=-1)
@click.option("--days", type=click.IntRange(1, 800), help="Days to look back on.  [default: 90]")
@click.option("--from", "begin", metavar="DATE", help="The first day instead, such as 2026-01-01.")
@click.option("--to", "until", metavar="DATE", help="The last day.  [default: today, in UTC]")
@click.option("--where", help='Only these users, such as "python = 3.12 and not os = Windows".')
@click.option("--ci", is_flag=True, help="Count what ran on CI as well.")
@click.option("--url", help="Ask this host, such as https://usage.example.org, and no folder.")
@click.option("--token-env", metavar="NAME", help="Variable that holds a personal token for it.")
@click.option(
    "--token-fd", type=click.IntRange(0), metavar="N", help="File descriptor to read one from."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print one answer as CSV.")
def report_command(  # noqa: PLR0913, PLR0917 - one argument per option
    directory: Path,
    package: str,
    answers: tuple[str, ...],
    days: int | None,
    begin: str | None,
    until: str | None,
    where: str | None,
    ci: bool,  # noqa: FBT001 - click passes flags by name
    url: str | None,
    token_env: str | None,
    token_fd: int | None,
    as_json: bool,  # noqa: FBT001
    as_csv: bool,  # noqa: FBT001
) -> None:
    """Print how many use a package, how often, and which features.

    ANSWERS are names of plots, as the pages have them; without any, a summary is
    printed. An unknown name lists those there are. With --url they come from a host
    elsewhere; make the token there: otumat-usage host token add.

    \b
    Example:
      otumat-usage report mypackage
      otumat-usage report mypackage features never --days 365
      otumat-usage report mypackage drop --where "os = Linux" --csv
      otumat-usage report mypackage --url https://usage.example.org --token-env USAGE_TOKEN
    """
    from otumat_usage.host import _exhibit, _report
    from otumat_usage.host._terminal import as_text

    if as_csv and (as_json or len(answers) != 1):
        raise Failure("--csv prints one answer: name it, such as `features --csv`, without --json")
    source = _source(directory, url, token_env, token_fd)
    given = {"days": days and str(days), "from": begin, "to": until, "where": where}
    given["ci"] = "with" if ci else None
    if not answers and not any(given.values()):
        summary = source.summary(package)
        click.echo(_report.as_json(summary) if as_json else _report.as_text(summary))
        return
    if begin and days:
        raise Failure("--from and --days both say how long: leave one out")
    words = {name: text for name, text in given.items() if text}
    found = source.exhibits(package, answers or _DEFAULT, words)
    if as_csv:
        click.echo(_exhibit.as_csv(found[0]), nl=False)
    elif as_json:
        click.echo(_exhibit.dump([_exhibit.as_json(each) for each in found]))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo("\n\n".join(as_text(each, width=width) for each in found))


class _Source(Protocol):
    """Where answers come from."""

    def summary(self, package: str) -> Summary: ...

    def exhibits(
        self, package: str, wanted: Sequence[str], given: Mapping[str, str]
    ) -> list[Exhibit]: ...


def _source(directory: Path, url: str | None, env: str | None, fd: int | None) -> _Source:
    if url is None:
        if env is not None or fd is not None:
            raise Failure("a token is for --url: say which host")
        from otumat_usage.host._asked import Folder

        return Folder(directory)
    from otumat_usage.host._remote import Remote

    return Remote(url, _token(env, fd))


def _token(env: str | None, fd: int | None) -> str:
    """Return the token; it is never an argument, which every user of a machine can read."""
    if (env is None) == (fd is None):
        raise Failure("--url needs --token-env NAME, or --token-fd N, and one of them only")
    if env is not None:
        token = os.environ.get(env, "").strip()
        where = f"the variable {env}"
    else:
        assert fd is not None  # noqa: S101 - for the type checker
        where = f"file descriptor {fd}"
        try:
            with os.fdopen(fd, "rb", closefd=False) as file:
                token = file.read(_TOKEN_BYTES).decode("ascii", "replace").strip()
        except OSError as error:
            raise Failure(f"{where} cannot be read: {error.strerror}") from error
    if not token:
        raise Failure(f"{where} holds no token")
    return token
