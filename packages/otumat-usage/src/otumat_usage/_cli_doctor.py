"""The command that finds what is broken on this machine, and mends what can be mended."""

from __future__ import annotations

import json

import click

from otumat_usage import _console


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--offline", is_flag=True, help="Do not ask whether the hosts answer.")
@click.pass_context
def doctor_command(ctx: click.Context, as_json: bool, offline: bool) -> None:  # noqa: FBT001
    """Find what is broken and mend it; say what was done.

    Never turns a no into a yes. Exit code 0: all is well now; 1: something is
    left for you to do. For example:

    \b
        otumat-usage doctor
    """
    findings = _console.examine(ask=not offline)
    left = [one for one in findings if one["state"] == "broken"]
    if as_json:
        click.echo(json.dumps(findings, indent=2))
    else:
        for one in findings:
            whose = f"{one['package']}: " if one["package"] else ""
            click.echo(f"{one['state']:<8}{whose}{one['text']}")
        click.echo(_verdict(len(left), sum(one["state"] == "mended" for one in findings)))
    ctx.exit(1 if left else 0)


def _verdict(left: int, mended: int) -> str:
    if left:
        return f"{left} of these {'needs' if left == 1 else 'need'} you: see what is broken above."
    return f"All is well now: {mended} mended." if mended else "All is well."
