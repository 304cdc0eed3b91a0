"""Give the commands ``host token …``: personal tokens for programs that ask the host."""

from __future__ import annotations

import json
from pathlib import Path

import click

from otumat_usage.host._cli_edge import Group, folder_option

__all__ = ["token_group"]


@click.group("token", cls=Group)
def token_group() -> None:
    """Make, list and revoke personal tokens. A program asks /api/stats with one.

    \b
    Example:
      otumat-usage host token add ci --package mypackage --days 365
    """


@token_group.command("add")
@folder_option
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(["read", "admin"]),
    default="read",
    show_default=True,
    help="What it may do; admin also changes things.",
)
@click.option("--package", multiple=True, help="Only about this package (repeatable).")
@click.option("--days", type=click.IntRange(1, 3650), help="How long it lasts.  [default: no end]")
def add_command(
    directory: Path, name: str, scope: str, package: tuple[str, ...], days: int | None
) -> None:
    """Make a token called NAME and print its secret, this once; only its hash is kept.

    \b
    Example:
      otumat-usage host token add ci --package mypackage --days 365
    """
    from otumat_usage.host._operate_token import add_token

    secret = add_token(directory, name, scope=scope, packages=package, days=days)
    click.echo(secret)
    click.echo("Keep it now: it cannot be shown again.", err=True)


@token_group.command("list")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(directory: Path, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """List the tokens, what each may do, and the last day on which it was used.

    \b
    Example:
      otumat-usage host token list
    """
    from otumat_usage.host._operate_token import tokens_in

    found = tokens_in(directory)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for token in found:
        packages = token["packages"]
        about = ", ".join(packages) if isinstance(packages, list) else "all packages"
        ends = "has expired" if token["expired"] else f"until {token['expires'] or 'revoked'}"
        used = f"last used {token['last_used']}" if token["last_used"] else "never used"
        click.echo(f"{token['name']}: {token['scope']}, {about}, {ends}, {used}")
    if not found:
        click.echo("There are no tokens.", err=True)


@token_group.command("revoke")
@folder_option
@click.argument("name")
def revoke_command(directory: Path, name: str) -> None:
    """End the token called NAME, at once and for good.

    \b
    Example:
      otumat-usage host token revoke ci
    """
    from otumat_usage.host._operate_token import revoke_token

    revoke_token(directory, name)
    click.echo(f"revoked: {name}")
