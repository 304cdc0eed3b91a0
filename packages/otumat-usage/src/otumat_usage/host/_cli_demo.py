"""Give the command ``host demo``: a made-up year of use, and the pages that answer from it."""

from __future__ import annotations

from pathlib import Path

import click

from otumat_usage.host._cli_edge import Command, port_option

__all__ = ["demo_command"]


@click.command("demo", cls=Command)
@click.option(
    "-d",
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("otumat-demo"),
    show_default=True,
    help="Folder for the made-up data; it must hold no other.",
)
@click.option(
    "--installs",
    type=click.IntRange(1, 100_000),
    default=400,
    show_default=True,
    help="How many people ever agreed.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another year.")
@port_option
@click.option("--no-serve", is_flag=True, help="Only fill the folder.")
def demo_command(
    directory: Path,
    installs: int,
    seed: int,
    port: int,
    no_serve: bool,  # noqa: FBT001 - click passes flags by name
) -> None:
    """Show the dashboard with a made-up year of use, until Ctrl-C.

    Nothing of it is real and nothing leaves this machine. Delete the folder to be
    rid of it.

    \b
    Example:
      otumat-usage host demo
    """
    from otumat_usage.host._demo_host import fill
    from otumat_usage.host._operate import Serving, run

    if not directory.exists():
        click.echo(f"making up a year of use by {installs} people (seed {seed}) in {directory}")
    made = fill(directory, count=installs, seed=seed)
    state = f"{made.uploads} uploads stored" if made.new else "made before, left as it is"
    click.echo(f"{made.package}: {made.installs} installs, {state}")
    if no_serve:
        return

    def announce(serving: Serving) -> None:
        click.echo(serving.as_text())

    run(directory, bind="127.0.0.1", port=port, url=None, allowed=(), announce=announce)
