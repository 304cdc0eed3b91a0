"""Give the command that says what answers to uploads tell a package's users."""

from __future__ import annotations

from pathlib import Path

import click

from otumat_usage.host._cli_edge import Command, Failure, folder_option

__all__ = ["news_command"]


@click.command("news", cls=Command)
@folder_option
@click.argument("package")
@click.option("--latest", help="The newest version, such as 1.2.3.")
@click.option("--notice", help="One line for users, at most 200 characters.")
@click.option("--clear", is_flag=True, help="Tell nothing from now on.")
def news_command(
    directory: Path,
    package: str,
    latest: str | None,
    notice: str | None,
    clear: bool,  # noqa: FBT001 - click passes flags by name
) -> None:
    """Say what the answers to uploads of PACKAGE tell; without options, show it.

    What is not named stays as it is. Users see it only where the package itself asks
    for it and shows it.

    \b
    Example:
      otumat-usage host news mypackage --latest 1.2.3
      otumat-usage host news mypackage --notice "1.1 loses rows: please upgrade"
      otumat-usage host news mypackage --clear
    """
    from otumat_usage.host._operate_news import tell

    if clear and (latest is not None or notice is not None):
        raise Failure("--clear tells nothing: leave out --latest and --notice")
    told = tell(directory, package, latest=latest, notice=notice, clear=clear)
    click.echo(f"latest version: {told.latest or 'not told'}")
    click.echo(f"notice:         {told.notice or 'none'}")
