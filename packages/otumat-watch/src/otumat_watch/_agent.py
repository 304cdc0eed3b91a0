"""The class of 0.3."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WatchAgent"]


class WatchAgent:
    """Runs a script whenever a file changes, as the command `otumat watch` does."""

    def __init__(
        self, watch_file: str, watch_interval: float, watch_script: str, watch_args: Sequence[str]
    ) -> None:
        """Keep what to watch; nothing is opened yet.

        Args:
            watch_file: Path of the file.
            watch_interval: Seconds between two polls, where polling is needed.
            watch_script: Path of the script.
            watch_args: Arguments of the first run.
        """
        self.watch_file = watch_file
        self.watch_interval = watch_interval
        self.watch_script = watch_script
        self.watch_args = list(watch_args)

    def run(self) -> None:
        """Watch until interrupted."""
        from otumat_watch._native import NativeWatcher
        from otumat_watch._report import PlainReport
        from otumat_watch._runner import Runner
        from otumat_watch._script import command_for

        command = command_for(self.watch_script)
        watcher = NativeWatcher([self.watch_file], settle=0.05)
        report = PlainReport()
        report.watching(watcher.name, [self.watch_file], command)
        Runner(watcher, command, self.watch_args, report=report).run()
