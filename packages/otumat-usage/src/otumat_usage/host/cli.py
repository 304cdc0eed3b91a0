"""Give the maintainer's commands: ``host …`` and ``report``; everything heavy loads inside."""

from __future__ import annotations

import os
from pathlib import Path

import click

from otumat_usage.host._cli_conformance import conformance_command
from otumat_usage.host._cli_demo import demo_command
from otumat_usage.host._cli_edge import Failure, Group, port_option
from otumat_usage.host._cli_edge import folder_option as _folder
from otumat_usage.host._cli_init import init_command
from otumat_usage.host._cli_legacy import legacy_command
from otumat_usage.host._cli_mail import alerts_command, mail_report_command
from otumat_usage.host._cli_news import news_command
from otumat_usage.host._cli_publish import publish_command
from otumat_usage.host._cli_report import report_command
from otumat_usage.host._cli_restore import restore_command
from otumat_usage.host._cli_sign_in import sign_in_group
from otumat_usage.host._cli_store import (
    retention_command,
    rollup_command,
    scale_command,
    upgrade_command,
)
from otumat_usage.host._cli_survey import survey_command
from otumat_usage.host._cli_token import token_group

__all__ = ["host_group", "report_command"]


@click.group("host", cls=Group)
def host_group() -> None:
    """Run the host that receives usage and shows the answers.

    \b
    Example:
      otumat-usage host add-package mypackage
      otumat-usage host serve
    """


@host_group.command("serve")
@_folder
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address to listen on.")
@port_option
@click.option("--url", help="Public address when a proxy stands before the host.")
@click.option("--allowed-host", multiple=True, help="Another host name to answer to (repeatable).")
@click.option(
    "--trust-proxy",
    multiple=True,
    metavar="ADDRESS",
    help="Proxy or network whose X-Forwarded-For is believed (repeatable).",
)
@click.option(
    "--daily-limit",
    "daily",
    type=click.IntRange(0),
    metavar="MIB",
    default=64,
    show_default=True,
    help="What one installation may upload in a day, unpacked; 0 is no limit.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as one JSON line.")
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write that JSON line here once the host answers.",
)
@click.option("--access-log", is_flag=True, help="Log each answer on stderr, naming nobody.")
def serve_command(  # noqa: PLR0913, PLR0917 - one argument per option
    directory: Path,
    bind: str,
    port: int,
    url: str | None,
    allowed_host: tuple[str, ...],
    trust_proxy: tuple[str, ...],
    daily: int,
    as_json: bool,  # noqa: FBT001 - click passes flags by name
    ready_file: Path | None,
    access_log: bool,  # noqa: FBT001
) -> None:
    """Serve until Ctrl-C or SIGTERM; the data folder is made when missing.

    \b
    Example:
      otumat-usage host serve -d ./otumat-host --port 8080
    """
    from otumat_usage.host._operate import Serving, run

    if ready_file is not None and not os.access(ready_file.parent, os.W_OK):
        raise Failure(f"--ready-file {ready_file}: cannot write into {ready_file.parent}")

    def announce(serving: Serving) -> None:
        if ready_file is not None:
            serving.write(ready_file)
        click.echo(serving.as_json() if as_json else serving.as_text())

    run(
        directory,
        bind=bind,
        port=port,
        url=url,
        allowed=allowed_host,
        announce=announce,
        access_log=access_log,
        proxies=trust_proxy,
        daily=daily,
    )


@host_group.command("add-package")
@_folder
@click.argument("name")
@click.option(
    "--events",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSON file of declared events: {"event": {"property": "str|int|float|bool"}}.',
)
def add_package_command(directory: Path, name: str, events: Path | None) -> None:
    """Register a package, or replace its declared events.

    \b
    Example:
      otumat-usage host add-package mypackage --events events.json
    """
    from otumat_usage.host._operate import add_package

    package = add_package(directory, name, events)
    declared = "any event"
    if package.events is not None:
        count = len(package.events)
        declared = f"{count} declared event{'s' * (count != 1)}"
    click.echo(f"{package.name}: {declared}")


@host_group.command("snippet")
@_folder
@click.argument("name")
@click.option("--url", help="Public address to write into the code.")
def snippet_command(directory: Path, name: str, url: str | None) -> None:
    """Print the code to paste into a package.

    \b
    Example:
      otumat-usage host snippet mypackage
    """
    from otumat_usage.host._operate import snippet_for

    code, hint = snippet_for(directory, name, url)
    click.echo(code, nl=False)
    if hint:
        click.echo(hint, err=True)


@host_group.command("admin-link")
@_folder
@click.option("--url", help="Public address to write into the link.")
def admin_link_command(directory: Path, url: str | None) -> None:
    """Print a link that opens the dashboard, once, within an hour.

    \b
    Example:
      otumat-usage host admin-link -d ./otumat-host
    """
    from otumat_usage.host._operate import admin_link

    click.echo(admin_link(directory, url))


@host_group.command("metrics-token")
@_folder
def metrics_token_command(directory: Path) -> None:
    """Print the token with which Prometheus reads /metrics.

    \b
    Example:
      otumat-usage host metrics-token > /etc/prometheus/otumat-token
    """
    from otumat_usage.host._operate import metrics_token_of

    click.echo(metrics_token_of(directory))


@host_group.command("backup")
@_folder
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def backup_command(directory: Path, target: Path) -> None:
    """Copy everything to TARGET, also while the host serves.

    \b
    Example:
      otumat-usage host backup backup-2026-06-01.sqlite3
    """
    from otumat_usage.host._keep import backup

    size = backup(directory, target)
    click.echo(f"{target}: {size} bytes, checked")


@host_group.command("doctor")
@_folder
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor_command(ctx: click.Context, directory: Path, as_json: bool) -> None:  # noqa: FBT001
    """Look for trouble: exit code 0 when all is well, 1 when something is not.

    \b
    Example:
      otumat-usage host doctor -d ./otumat-host
    """
    import dataclasses
    import json

    from otumat_usage.host._examine import examine

    findings = list(examine(directory))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        marks = {True: "ok  ", False: "BAD ", None: "    "}
        for finding in findings:
            click.echo(f"{marks[finding.good]} {finding.what}: {finding.text}")
    ctx.exit(int(any(finding.good is False for finding in findings)))


@host_group.command("export")
@_folder
@click.argument("what", metavar="INSTALL|PACKAGE")
@click.option(
    "--parquet",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the events of PACKAGE to this file; needs the extra parquet.",
)
def export_command(directory: Path, what: str, parquet: Path | None) -> None:
    """Print everything held about INSTALL as JSON lines, or write the events of PACKAGE.

    The file has one row per event that the log still holds, for DuckDB, pandas and
    their like. Installs are numbered anew in each file; their ids are not in it.

    \b
    Example:
      otumat-usage host export 6b0f2f2e-1c1f-4d0c-9a53-2f1c8a3f0d11
      otumat-usage host export --parquet events.parquet mypackage
    """
    if parquet is None:
        from otumat_usage.host._operate import export_of

        click.echo(export_of(directory, what), nl=False)
        return
    from otumat_usage.host._operate_export import export_events

    rows, installs = export_events(directory, what, parquet)
    click.echo(f"{parquet}: {rows} rows of {installs} installs")


@host_group.command("erase")
@_folder
@click.argument("install")
def erase_command(directory: Path, install: str) -> None:
    """Erase everything about INSTALL, for good.

    \b
    Example:
      otumat-usage host erase 6b0f2f2e-1c1f-4d0c-9a53-2f1c8a3f0d11
    """
    from otumat_usage.host._operate import erase_install

    erased = erase_install(directory, install)
    click.echo(f"erased {install}: {erased.uploads} uploads, {erased.events} events")


host_group.add_command(alerts_command)
host_group.add_command(conformance_command)
host_group.add_command(demo_command)
host_group.add_command(init_command)
host_group.add_command(legacy_command)
host_group.add_command(mail_report_command)
host_group.add_command(news_command)
host_group.add_command(publish_command)
host_group.add_command(restore_command)
host_group.add_command(retention_command)
host_group.add_command(rollup_command)
host_group.add_command(scale_command)
host_group.add_command(upgrade_command)
host_group.add_command(sign_in_group)
host_group.add_command(survey_command)
host_group.add_command(token_group)
