"""Give the command that takes clients of otumat 0.3, or no longer."""

from __future__ import annotations

from pathlib import Path

import click

from otumat_usage.host._cli_edge import Command, folder_option

__all__ = ["legacy_command"]


@click.command("legacy", cls=Command)
@folder_option
@click.argument("package")
@click.option("--off", is_flag=True, help="Take them no longer; they end at their next upload.")
def legacy_command(directory: Path, package: str, off: bool) -> None:  # noqa: FBT001
    """Take clients of otumat 0.3 for PACKAGE (wire 1), which is off by default.

    Such a client sends its user's hardware address and place before anybody is asked,
    and gets its tokens without encryption. This host forgets the first and says both
    on the page; it cannot change them. Turn it on for versions in the field only.

    \b
    Example:
      otumat-usage host legacy mypackage
    """
    from otumat_usage.host._operate import take_legacy

    name = take_legacy(directory, package, on=not off)
    click.echo(f"{name}: clients of otumat 0.3 are {'not taken' if off else 'taken'}")
