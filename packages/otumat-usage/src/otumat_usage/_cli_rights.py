"""The commands by which a user takes back what they gave: off, export, erase."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from otumat_usage import _console, _leaving


def complete(ctx: click.Context, param: click.Parameter, begun: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Complete the name of a package in a shell."""
    return [name for name in _console.names() if name.startswith(begun)]


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("off")
@click.argument("packages", nargs=-1, shell_complete=complete)
@click.option(
    "--all", "everything", is_flag=True, help="All packages, known or not, now and later."
)
@click.option(
    "--erase/--keep",
    "wish",
    default=None,
    help="Have the hosts erase what was sent, or not; do not ask.",
)
@_json
@click.pass_context
def off_command(
    ctx: click.Context,
    packages: tuple[str, ...],
    everything: bool,  # noqa: FBT001
    wish: bool | None,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Stop recording about PACKAGES, and keep nothing of them but a no.

    They will not ask again. What was sent before can be erased by its makers'
    host now, but not from here later: at a terminal you are asked whether it
    should. Exit code 2: a host has not confirmed that. For example:

    \b
        otumat-usage off tracked
    """
    if bool(packages) == everything:
        known = " ".join(_console.names()) or "PACKAGE"
        raise click.UsageError(f"say which: otumat-usage off {known}, or: otumat-usage off --all")
    # Either can be None: a "no" is kept also where they are closed.
    ask = all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout)) and not as_json
    found = _leaving.switch_off(packages, erase=lambda hosts: _wishes(hosts, wish, ask=ask))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _tell(found)
    ctx.exit(0 if all(one["erased"] for package in found for one in package["erased"]) else 2)


def _wishes(hosts: list[str], wish: bool | None, *, ask: bool) -> bool:  # noqa: FBT001 - an option
    """Say whether *hosts* are asked to erase; who gives no answer is left with the no alone."""
    if wish is not None or not ask:
        return bool(wish)
    click.echo("Nothing more is recorded or sent.")
    try:
        return click.confirm(f"Have {' and '.join(hosts)} erase what was sent before?")
    except click.Abort:
        click.echo()
        return False


def _tell(found: list[dict[str, Any]]) -> None:
    for package in found:
        click.echo(f"{package['package']}: off")
        for host, number in package["left"].items():
            click.echo(f"  {host} keeps what was sent before, as installation")
            click.echo(f"  {number}; its makers erase it if you tell them this number")
        _tell_erased([one for one in package["erased"] if one["host"] not in package["left"]])


def _tell_erased(outcomes: list[dict[str, Any]]) -> None:
    for outcome in outcomes:
        if outcome["erased"]:
            click.echo(f"{outcome['host']} has erased what it had")
        else:
            why = f"{outcome['host']} has not confirmed ({outcome['why']}); asked again later"
            click.echo(why, err=True)


@click.command("export")
@click.argument("package", required=False, shell_complete=complete)
@click.option("--local", is_flag=True, help="Only what is held here; ask no host.")
@click.option("--page", is_flag=True, help="Open the host's page about you instead.")
@click.pass_context
def export_command(
    ctx: click.Context,
    package: str | None,
    local: bool,  # noqa: FBT001
    page: bool,  # noqa: FBT001
) -> None:
    """Print everything held about you, here and at the hosts, as JSON.

    Of all packages, or of PACKAGE. Tokens are left out: whoever has one can
    speak for you. With --page, PACKAGE's host shows what it holds in your
    browser, where you can save, stop or erase it; the link that is printed opens
    once. Exit code 2: a host did not tell. For example:

    \b
        otumat-usage export > everything.json
        otumat-usage export --page tracked
    """
    if page:
        if package is None or local:
            raise click.UsageError("--page is about one PACKAGE at its host: name it")
        for host, url, seconds in _console.own_pages(package):
            how_long = f"once, within {seconds // 60} minutes" if seconds >= 60 else "once"  # noqa: PLR2004
            click.echo(f"{host} shows what it holds about you (opens {how_long}):")
            click.echo(url)
        return
    found, untold = _console.export(package, ask=not local)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    for why in untold:
        click.echo(f"Error: not complete: {why}", err=True)
    ctx.exit(2 if untold else 0)


@click.command("erase")
@click.argument("package", shell_complete=complete)
@_json
@click.pass_context
def erase_command(ctx: click.Context, package: str, as_json: bool) -> None:  # noqa: FBT001
    """Have all about PACKAGE erased, here and at the host, and stop it.

    Exit code 2: the host has not confirmed it, and is asked again with every
    upload; or it cannot be asked any more, because off came first. For example:

    \b
        otumat-usage erase tracked
    """
    outcomes = _leaving.erase(package)
    beyond = _leaving.out_of_reach(package)
    if as_json:
        beyond_reach = [
            {"package": package, "host": host, "erased": False, "why": "off came first"}
            for host in beyond
        ]
        click.echo(json.dumps([*outcomes, *beyond_reach], indent=2))
    else:
        click.echo(f"{package}: off, and nothing of it is kept here")
        if not outcomes and not beyond:
            click.echo("no host was asked: nothing here tells of an installation at one", err=True)
        _tell_erased(outcomes)
        for host in beyond:
            click.echo(f"{host} keeps what was sent before: off came first,", err=True)
            click.echo(
                "and left nothing here that could ask for it. Its makers erase it if", err=True
            )
            click.echo("you tell them the number that you were told then.", err=True)
    ctx.exit(0 if all(outcome["erased"] for outcome in outcomes) and not beyond else 2)
