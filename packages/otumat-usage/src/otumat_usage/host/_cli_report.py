"""Give the command ``report``: the answers of the pages, in a terminal or for a pipeline."""

from __future__ import annotations

from pathlib import Path

import click

from otumat_usage.host._cli_edge import Command, Failure, folder_option

__all__ = ["report_command"]

_DEFAULT = ("actives", "features", "never", "versions", "python", "os", "frequency")


@click.command("report", cls=Command)
@folder_option
@click.argument("package")
@click.argument("answers", nargs=-1)
@click.option("--days", type=click.IntRange(1, 800), help="Days to look back on.  [default: 90]")
@click.option("--from", "begin", metavar="DATE", help="The first day instead, such as 2026-01-01.")
@click.option("--to", "until", metavar="DATE", help="The last day.  [default: today, in UTC]")
@click.option("--where", help='Only these users, such as "python = 3.12 and not os = Windows".')
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print one answer as CSV.")
def report_command(  # noqa: PLR0913, PLR0917 - one argument per option
    directory: Path,
    package: str,
    answers: tuple[str, ...],
    days: int | None,
    begin: str | None,
    until: str | None,
    where: str | None,
    as_json: bool,  # noqa: FBT001 - click passes flags by name
    as_csv: bool,  # noqa: FBT001
) -> None:
    """Print how many use a package, how often, and which features.

    ANSWERS are names of plots, as the pages have them; without any, a summary is
    printed. An unknown name lists those there are.

    \b
    Example:
      otumat-usage report mypackage
      otumat-usage report mypackage features never --days 365
      otumat-usage report mypackage drop --where "os = Linux" --csv
    """
    from otumat_usage.host import _exhibit, _report
    from otumat_usage.host._asked import exhibits_of, summary_of
    from otumat_usage.host._terminal import as_text

    if as_csv and (as_json or len(answers) != 1):
        raise Failure("--csv prints one answer: name it, such as `features --csv`, without --json")
    given = {"days": days and str(days), "from": begin, "to": until, "where": where}
    if not answers and not any(given.values()):
        summary = summary_of(directory, package)
        click.echo(_report.as_json(summary) if as_json else _report.as_text(summary))
        return
    if begin and days:
        raise Failure("--from and --days both say how long: leave one out")
    words = {name: text for name, text in given.items() if text}
    found = exhibits_of(directory, package, answers or _DEFAULT, words)
    if as_csv:
        click.echo(_exhibit.as_csv(found[0]), nl=False)
    elif as_json:
        click.echo(_exhibit.dump([_exhibit.as_json(each) for each in found]))
    else:
        click.echo("\n\n".join(as_text(each) for each in found))
