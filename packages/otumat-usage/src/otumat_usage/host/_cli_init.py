"""Give the command that makes a host: at a terminal it asks for what its options left open."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otumat_usage.host._cli_edge import Command, folder_option

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["init_command"]


@click.command("init", cls=Command)
@folder_option
@click.option("--url", help="Public address, such as https://usage.example.org.")
@click.option(
    "--database",
    envvar="OTUMAT_HOST_DATABASE",
    help="PostgreSQL database, such as postgresql://user@host/name; SQLite without it.",
)
@click.option("--package", help="Package to register at once; more with `add-package`.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take the defaults of the rest.")
def init_command(
    directory: Path,
    url: str | None,
    database: str | None,
    package: str | None,
    yes: bool,  # noqa: FBT001 - click passes flags by name
) -> None:
    """Make the data folder and its database.

    At a terminal it asks, once and three things at most, for what is not given: the public
    address, where the data lives, and the first package. Enter takes the default.

    \b
    Example:
      otumat-usage host init
      otumat-usage host init -d ./otumat-host --url https://usage.example.org
    """
    from otumat_usage.host._operate import holds_host, initialise

    ask = not yes and sys.stdin.isatty() and sys.stdout.isatty() and not holds_host(directory)
    if ask:
        url, database, package = _dialogue(url, database, package)
    made = initialise(directory, url, database, package)
    click.echo(f"{'made' if made else 'already there'}: {directory}")
    for what, said in (("public address", url), ("package", package)):
        if said and not made:  # what was changed of a host that was there
            click.echo(f"{what}: {said}")
    if ask:
        _tell_what_is_next(directory, package)


def _dialogue(
    url: str | None, database: str | None, package: str | None
) -> tuple[str | None, str | None, str | None]:
    from otumat_usage.host._addresses import checked_address
    from otumat_usage.host._engine import parsed_url
    from otumat_usage.host._packages import checked_name

    def database_url(text: str) -> str:
        parsed_url(text)
        return text

    if url is None:
        click.echo("Public address, such as https://usage.example.org. Enter: this computer only.")
        url = _answer("Address", checked_address)
    if database is None:
        click.echo(
            "Where the data lives: postgresql://user@host/name. Enter: a file in the folder."
        )
        database = _answer("Database", database_url)
    if package is None:
        click.echo("First package, by its name on PyPI. Enter: none yet.")
        package = _answer("Package", checked_name)
    return url, database, package


def _answer(what: str, check: Callable[[str], str]) -> str | None:
    """Ask until *check* takes the answer; None is Enter."""
    from otumat_usage.exceptions import UsageError

    def read(text: str) -> str:
        try:
            return check(text.strip()) if text.strip() else ""
        except UsageError as error:
            raise click.UsageError(str(error)) from error

    answer: str = click.prompt(what, default="", show_default=False, value_proc=read)
    return answer or None


def _tell_what_is_next(folder: Path, package: str | None) -> None:
    from shlex import quote

    where = "" if folder == Path("otumat-host") else f" -d {quote(str(folder))}"
    click.echo("Next:")
    if package is None:
        click.echo(f"  otumat-usage host add-package NAME{where}")
    else:
        click.echo(f"  otumat-usage host snippet {package}{where}   # the code to paste")
    click.echo(f"  otumat-usage host serve{where}")
