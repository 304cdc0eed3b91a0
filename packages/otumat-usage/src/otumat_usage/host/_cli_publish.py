"""Give the command ``host publish``: open or close a package's public page and badges."""

from __future__ import annotations

from pathlib import Path

import click

from otumat_usage.host._cli_edge import Command, folder_option

__all__ = ["publish_command"]


@click.command("publish", cls=Command)
@folder_option
@click.argument("name")
@click.option("--off", is_flag=True, help="Close it again.")
def publish_command(directory: Path, name: str, off: bool) -> None:  # noqa: FBT001
    """Open a package's public page and badges, or close them.

    Strangers see numbers of users rounded down to tens, and nothing that fewer than
    10 users do. Nothing is public before this command.

    \b
    Example:
      otumat-usage host publish mypackage
    """
    from otumat_usage.host._asked import publish_package

    address, badge = publish_package(directory, name, on=not off)
    if off:
        click.echo(f"closed: {address}")
        return
    click.echo(f"public page: {address}\nbadge:       {badge}")
