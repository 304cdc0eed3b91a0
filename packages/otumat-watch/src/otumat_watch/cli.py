"""The command `otumat watch`, and alone `otumat-watch`."""

from __future__ import annotations

import click

__all__ = ["main", "watch_command"]


@click.command("watch", short_help="Run a script whenever a file changes.")
@click.option("-f", "--file", "files", metavar="FILE", required=True, multiple=True,
              help="What to watch: a file, a folder or a glob; may be repeated.")  # fmt: skip
@click.option("-i", "--interval", metavar="SECONDS", type=click.FloatRange(min=0.01), default=5,
              show_default=True, help="Seconds between two polls.")  # fmt: skip
@click.option("-s", "--script", metavar="SCRIPT", required=True, help="What to run.")
@click.option("--once", is_flag=True, help="End after the first run.")
@click.argument("arguments", metavar="[ARGS]...", nargs=-1)
def watch_command(
    files: tuple[str, ...], interval: float, script: str, once: bool, arguments: tuple[str, ...]
) -> None:
    """Run SCRIPT whenever FILE changes.

    The lines a run prints become the arguments of the next run; ARGS are those of the first.

    \b
    Example:
      otumat watch -f data.csv -s ./count.sh 0
    """
    from otumat_watch._native import NativeWatcher
    from otumat_watch._report import PlainReport
    from otumat_watch._runner import Runner
    from otumat_watch._script import command_for
    from otumat_watch.exceptions import WatchError

    del interval
    try:
        command = command_for(script)
        watcher = NativeWatcher(list(files), settle=0.05)
        report = PlainReport()
        report.watching(watcher.name, list(files), command)
        code = Runner(watcher, command, list(arguments), report=report, once=once).run()
    except (WatchError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        code = 2
    raise SystemExit(code)


def main() -> None:
    """Run the command under its own name, `otumat-watch`, with `--version`."""
    import copy

    command = copy.copy(watch_command)
    command.params = [*watch_command.params]
    command = click.version_option(package_name="otumat-watch")(command)
    command.main(prog_name="otumat-watch")


if __name__ == "__main__":
    main()
