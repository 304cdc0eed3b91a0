"""Give the command that puts a backup in place, which says first what that loses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otumat_usage.host._cli_edge import Command, Failure, folder_option

if TYPE_CHECKING:
    from otumat_usage.host._restore import Loss, Restored

__all__ = ["restore_command"]


@click.command("restore", cls=Command)
@folder_option
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-y", "--yes", is_flag=True, help="Do not ask, whatever is lost.")
@click.pass_context
def restore_command(ctx: click.Context, directory: Path, source: Path, yes: bool) -> None:  # noqa: FBT001
    """Put the backup SOURCE in place, also while the host serves.

    It says first what came since and will be gone, and asks. What was there is kept
    beside it. Users who were erased since are erased again; the tokens that clients
    hold, and what was revoked, stay. A backup of an earlier version is upgraded.
    Exit code 1: the answer was no.

    \b
    Example:
      otumat-usage host restore backup-2026-06-01.sqlite3
    """
    from otumat_usage.host._restore import restore

    said: list[Loss | None] = []

    def agree(loss: Loss | None) -> bool:
        said.append(loss)
        return _agrees(loss, source, yes=yes)

    done = restore(directory, source, agree)
    if done is None:
        click.echo("left as it was")
        ctx.exit(1)
    click.echo(f"restored {source} to {directory}")
    if done.loss and done.loss not in said:
        click.echo(f"gone meanwhile, too: in all {_words(done.loss)}")
    _tell(done)


def _agrees(loss: Loss | None, source: Path, *, yes: bool) -> bool:
    if loss is None:
        click.echo("what is there cannot be read by this version: how much is lost is not known")
        click.echo(
            "tokens and sessions go back with the rest: what was revoked since is valid again"
        )
    elif loss:
        click.echo(f"not in {source}, and gone once it is in place: {_words(loss)}")
    if yes or (loss is not None and not loss):
        return True
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failure("nobody is there to be asked: say --yes if that may be lost")
    return click.confirm("Put it in place?")


def _words(loss: Loss) -> str:
    found = [_count(loss.uploads, "upload"), _count(loss.installs, "installation")]
    if loss.packages:
        found.append(f"{_count(len(loss.packages), 'package')} ({', '.join(loss.packages)})")
    return ", ".join(found)


def _tell(done: Restored) -> None:
    if done.erased is None:
        click.echo("BAD  who was erased since the backup cannot be read: they are back")
    elif done.erased:
        click.echo(f"erased again, as they were since: {_count(done.erased, 'installation')}")
    if done.kept is not None:
        click.echo(f"kept what was there as {done.kept}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
