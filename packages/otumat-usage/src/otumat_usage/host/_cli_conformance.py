"""Give the command that holds any server to the protocol."""

from __future__ import annotations

import click

from otumat_usage.host._cli_edge import Command

__all__ = ["conformance_command"]


@click.command("conformance", cls=Command)
@click.argument("url")
@click.option("--package", default="demo", show_default=True, help="A package it takes.")
@click.option("--rule", "rules", multiple=True, help="Check this rule only (repeatable).")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def conformance_command(
    ctx: click.Context,
    url: str,
    package: str,
    rules: tuple[str, ...],
    as_json: bool,  # noqa: FBT001 - click passes flags by name
) -> None:
    """Hold the server at URL to the protocol: the client's whole dialogue, rule by rule.

    It enrols some dozens of installations of the package, sends events for them and
    erases one: use a package made for it, that anyone may enrol for. Exit code 0:
    every rule is kept; 1: one is broken; 2: nothing answers there.

    \b
    Example:
      otumat-usage host conformance http://127.0.0.1:8080 --package demo
    """
    from otumat_usage.host import _rules
    from otumat_usage.host._conformance import examine_server, what_stands_in_the_way

    findings = []
    for finding in examine_server(url, package, rules):
        findings.append(finding)
        if not as_json:
            click.echo(_rules.as_text(finding))
    broken = sum(finding.state == "broken" for finding in findings)
    if as_json:
        click.echo(_rules.as_json(findings))
    else:
        kept = sum(finding.state == "ok" for finding in findings)
        click.echo(
            f"{kept} rules kept, {broken} broken, {len(findings) - kept - broken} not offered"
        )
    if broken and (hint := what_stands_in_the_way(url, package)):
        click.echo(hint, err=True)
    ctx.exit(int(broken > 0))
