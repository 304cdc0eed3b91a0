"""Give the commands that say who gets reports and alerts by mail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from otumat_usage.host._cli_edge import Command, Failure, folder_option

if TYPE_CHECKING:
    from otumat_usage.host._subscriptions import Subscription

__all__ = ["alerts_command", "mail_report_command"]


@click.command("mail-report", cls=Command)
@folder_option
@click.argument("package")
@click.option("--to", "addresses", multiple=True, metavar="ADDRESS", help="Whom (repeatable).")
@click.option(
    "--every",
    type=click.Choice(["week", "month"]),
    default="week",
    show_default=True,
    help="A report of each week, from Monday, or of each month.",
)
@click.option("--off", is_flag=True, help="Send none there any more.")
@click.option("--preview", is_flag=True, help="Print the report of the last one, send nothing.")
def mail_report_command(  # noqa: PLR0913, PLR0917 - one argument per option
    directory: Path,
    package: str,
    addresses: tuple[str, ...],
    every: str,
    off: bool,  # noqa: FBT001 - click passes flags by name
    preview: bool,  # noqa: FBT001
) -> None:
    """Mail the numbers of PACKAGE each week or month; without options, say to whom.

    A serving host sends it 30 hours after the week or month is over (UTC), by the mail
    server of `sign-in email`.

    \b
    Example:
      otumat-usage host mail-report mypackage --to me@example.org --every month
      otumat-usage host mail-report mypackage --preview
    """
    from otumat_usage.host._operate_mail import change, written

    _check(addresses, off=off, preview=preview)
    if preview:
        letter = written(directory, package, every)
        click.echo(f"Subject: {letter.subject}\n\n{letter.text}", nl=False)
        return
    kinds = (every, "month" if every == "week" else "week")
    found = change(directory, package, addresses, kinds, on=not off)
    _tell(package, found, kinds, "reports")


@click.command("alerts", cls=Command)
@folder_option
@click.argument("package")
@click.option("--to", "addresses", multiple=True, metavar="ADDRESS", help="Whom (repeatable).")
@click.option("--off", is_flag=True, help="Send none there any more.")
@click.option("--preview", is_flag=True, help="Print how it looks now, send nothing.")
def alerts_command(
    directory: Path,
    package: str,
    addresses: tuple[str, ...],
    off: bool,  # noqa: FBT001 - click passes flags by name
    preview: bool,  # noqa: FBT001
) -> None:
    """Mail when PACKAGE falls silent, is used far more than usual, or loses events.

    One mail when that begins and one when it is over. A serving host looks every ten
    minutes. Without options, say who gets alerts.

    \b
    Example:
      otumat-usage host alerts mypackage --to me@example.org
      otumat-usage host alerts mypackage --preview
    """
    from otumat_usage.host._operate_mail import change, look

    _check(addresses, off=off, preview=preview)
    if preview:
        for sign in look(directory, package):
            click.echo(f"{'ALERT' if sign.wrong else 'ok   '} {sign.kind}: {sign.text}")
        return
    found = change(directory, package, addresses, ("alerts",), on=not off)
    _tell(package, found, ("alerts",), "alerts")


def _check(addresses: tuple[str, ...], *, off: bool, preview: bool) -> None:
    if preview and (addresses or off):
        raise Failure("--preview sends and changes nothing: leave out --to and --off")
    if off and not addresses:
        raise Failure("--off needs the address: --to me@example.org --off")


def _tell(package: str, found: list[Subscription], kinds: tuple[str, ...], what: str) -> None:
    ours = [each for each in found if each.kind in kinds]
    for each in ours:
        every = "" if each.kind == "alerts" else f", every {each.kind}"
        click.echo(f"{package}: {what} to {each.address}{every}")
    if not ours:
        click.echo(f"{package}: nobody gets {what}")
