"""The class of 0.3."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from otumat_watch._changes import Stop

__all__ = ["WatchAgent"]


class WatchAgent:
    """Runs a script whenever a file changes, as the command `otumat watch` does."""

    def __init__(
        self, watch_file: str, watch_interval: float, watch_script: str, watch_args: Sequence[str]
    ) -> None:
        """Keep what to watch; nothing is opened yet.

        Args:
            watch_file: Path of the file; a folder and a glob work too.
            watch_interval: Seconds between two looks at what the system does not tell of.
            watch_script: Path of the script.
            watch_args: Arguments of the first run.
        """
        self.watch_file = watch_file
        self.watch_interval = watch_interval
        self.watch_script = watch_script
        self.watch_args = list(watch_args)

    def run(self, *, stop: Stop | None = None) -> None:
        """Watch until a signal comes or *stop* is set; `watch_args` is then the last state.

        Signals are only noticed in the main thread.

        Raises:
            TargetError: The path is neither a file nor a folder nor a glob.
            ScriptError: The script cannot be run.
        """
        from otumat_watch._report import PlainReport, lines_to
        from otumat_watch._runner import Options, Runner
        from otumat_watch._script import command_for
        from otumat_watch._watcher import Watcher

        command = command_for(self.watch_script)
        report = PlainReport(lines_to(sys.stdout), lines_to(sys.stderr))
        watcher = Watcher([self.watch_file], clock=time.monotonic, interval=self.watch_interval)
        try:
            runner = Runner(
                watcher,
                command,
                self.watch_args,
                options=Options(longest_delay=self.watch_interval),
                report=report,
                stop=stop,
            )
            runner.run([self.watch_file])
            self.watch_args = runner.arguments
        finally:
            watcher.close()
