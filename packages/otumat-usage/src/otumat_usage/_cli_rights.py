"""The commands by which a user takes back what they gave: off, export, erase."""

from __future__ import annotations

import json

import click

from otumat_usage import _console

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("off")
@click.argument("packages", nargs=-1)
@click.option(
    "--all", "everything", is_flag=True, help="All packages, known or not, now and later."
)
@_json
def off_command(packages: tuple[str, ...], everything: bool, as_json: bool) -> None:  # noqa: FBT001
    """Stop recording about PACKAGES, and keep nothing of them but a no.

    They will not ask again. What was sent before stays with their makers: to
    have that erased too, use erase instead. For example:

    \b
        otumat-usage off tracked
    """
    if bool(packages) == everything:
        raise click.UsageError("name packages, or say --all")
    found = _console.switch_off(packages)
    if as_json:
        click.echo(json.dumps([{"package": name, "left": left} for name, left in found], indent=2))
        return
    for name, left in found:
        click.echo(f"{name}: off")
        for host, number in left.items():
            click.echo(f"  {host} keeps what was sent before, as installation")
            click.echo(f"  {number}; its makers erase it if you tell them this number")


@click.command("export")
@click.argument("package", required=False)
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
@click.argument("package")
@_json
@click.pass_context
def erase_command(ctx: click.Context, package: str, as_json: bool) -> None:  # noqa: FBT001
    """Have all about PACKAGE erased, here and at the host, and stop it.

    Exit code 2: the host has not confirmed it; it is asked again with every upload. For example:

    \b
        otumat-usage erase tracked
    """
    outcomes = _console.erase(package)
    if as_json:
        click.echo(json.dumps(outcomes, indent=2))
    else:
        click.echo(f"{package}: off, and nothing of it is kept here")
        if not outcomes:
            click.echo("no host was asked: nothing here tells of an installation at one", err=True)
        for outcome in outcomes:
            if outcome["erased"]:
                click.echo(f"{outcome['host']} has erased what it had")
            else:
                why = f"{outcome['host']} has not confirmed ({outcome['why']}); asked again later"
                click.echo(why, err=True)
    ctx.exit(0 if all(outcome["erased"] for outcome in outcomes) else 2)
