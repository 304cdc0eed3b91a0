"""Ends process groups in bounded time, and picks this system's kind of process."""

from __future__ import annotations

import signal
import sys
import time

if sys.platform == "win32":
    from otumat_watch._windows import Process, withhold_descriptors
else:
    from otumat_watch._process import Process, withhold_descriptors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Process", "end_all", "withhold_descriptors"]

_STEP = 0.01
#: Seconds after SIGKILL in which even a busy kernel is done with a group.
_LAST_WAIT = 0.8
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def end_all(processes: list[Process], *, grace: float, hurry: Callable[[], bool]) -> None:
    """End every process with all its group: ask, wait *grace* seconds, kill.

    Returns when nobody is left, at most *grace* and 0.8 seconds later. *hurry* tells, while it
    waits, that the grace is over (a second Ctrl-C).
    """
    left = [process for process in processes if not process.is_gone()]
    for process in left:
        process.ask_to_end()
    kill_at = time.monotonic() + grace
    is_killed = False
    while left := [process for process in left if not _is_over(process)]:
        now = time.monotonic()
        if is_killed and now > kill_at + _LAST_WAIT:
            return
        if not is_killed and (now > kill_at or hurry()):
            is_killed, kill_at = True, now
            for process in left:
                process.send(_KILL)
        time.sleep(_STEP)


def _is_over(process: Process) -> bool:
    """Tell whether nobody of the group is left; who merely holds the output has left the group."""
    process.read()
    return process.ended() and not process.has_group()
