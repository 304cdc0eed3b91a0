"""Give the command that puts questions on a package's consent page."""

from __future__ import annotations

from pathlib import Path

import click

from otumat_usage.host._cli_edge import Command, folder_option

__all__ = ["survey_command"]


@click.command("survey", cls=Command)
@folder_option
@click.argument("package")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def survey_command(directory: Path, package: str, file: Path) -> None:
    """Put the questions in FILE on PACKAGE's consent page; an empty list takes them off.

    FILE is JSON: [{"id": "field", "text": "What do you work in?", "options": ["research",
    "industry", "teaching"]}]. Every question may be left out by the user.

    \b
    Example:
      otumat-usage host survey mypackage questions.json
    """
    from otumat_usage.host._operate_sign_in import ask

    number = ask(directory, package, file)
    click.echo(f"{package}: {number} questions")
