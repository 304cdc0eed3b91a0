"""Give the commands that look after the store: counting anew, upgrading, letting go, growing."""

from __future__ import annotations

from pathlib import Path

import click

from otumat_usage.host._cli_edge import Command, folder_option

__all__ = ["retention_command", "rollup_command", "scale_command", "upgrade_command"]


@click.command("rollup", cls=Command)
@folder_option
@click.option("--rebuild", is_flag=True, help="Drop every statistic and count the log anew.")
def rollup_command(directory: Path, rebuild: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Count the uploads that wait; a serving host does so by itself.

    \b
    Example:
      otumat-usage host rollup --rebuild
    """
    from otumat_usage.host._care import roll_up

    click.echo(f"counted {roll_up(directory, anew=rebuild)} uploads")


@click.command("upgrade", cls=Command)
@folder_option
@click.option("--check", is_flag=True, help="Only say what would be done: exit code 1 if anything.")
@click.pass_context
def upgrade_command(ctx: click.Context, directory: Path, check: bool) -> None:  # noqa: FBT001
    """Bring the database to this version; a copy is made before.

    \b
    Example:
      otumat-usage host upgrade --check
    """
    from otumat_usage.host._keep import outdated, upgrade

    if check:
        steps = outdated(directory)
        click.echo("\n".join(steps) or "up to date")
        ctx.exit(int(bool(steps)))
    done, copy = upgrade(directory)
    click.echo("\n".join(done) or "up to date")
    if copy is not None:
        click.echo(f"kept what was there as {copy}")


@click.command("retention", cls=Command)
@folder_option
@click.option("--log-days", type=click.IntRange(1), help="Days that single uploads are kept.")
@click.option(
    "--set-days", type=click.IntRange(402), help="Days that it is kept who was active when."
)
@click.option("--apply", "now", is_flag=True, help="Let go of what is older now.")
def retention_command(
    directory: Path,
    log_days: int | None,
    set_days: int | None,
    now: bool,  # noqa: FBT001
) -> None:
    """Show or set how long things are kept; a serving host lets go once a day.

    \b
    Example:
      otumat-usage host retention --log-days 200
    """
    from otumat_usage.host._care import release, retention

    policy = retention(directory, log_days=log_days, set_days=set_days)
    click.echo(f"single uploads: {policy.log_days} days")
    click.echo(f"who was active when: {policy.set_days} days")
    if now:
        gone = release(directory)
        click.echo(f"let go: {gone.uploads} uploads, {gone.sets} sets")


@click.command("scale", cls=Command)
@click.option("--citus", is_flag=True, required=True, help="Print the statements for Citus.")
def scale_command(citus: bool) -> None:  # noqa: FBT001, ARG001 - the only choice so far
    """Print how to spread the tables over several machines; nothing is changed.

    \b
    Example:
      otumat-usage host scale --citus > citus.sql
    """
    from otumat_usage.host._scale import citus_statements

    click.echo("\n".join(citus_statements()))
