"""The generator underneath: wait, look, yield what changed."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from typing import Protocol

    from otumat_watch._change import Change

    class Stop(Protocol):
        """Anything that can say that it is over, `threading.Event` for one."""

        def is_set(self) -> bool:
            """Tell whether the watching ends."""

    class Watcher(Protocol):
        """What every source of changes is."""

        name: str

        def fileno(self) -> int | None:
            """Return what becomes readable when there is news, None if nothing does."""

        def deadline(self) -> float | None:
            """Return the instant of the next look, None if only an event brings one."""

        def read(self, now: float) -> None:
            """Take in all that happened, without waiting."""

        def take(self, now: float) -> list[Change]:
            """Return the changes that may be reported, and forget them."""

        def close(self) -> None:
            """Release what is held."""


__all__ = ["batches", "changes", "wait_for"]

#: A stop without a descriptor is asked this often, in seconds.
STOP_STEP = 0.1


def changes(
    *paths: str | os.PathLike[str],
    settle: float = 0.05,
    interval: float = 5.0,
    stop: Stop | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Change]:
    """Yield a `Change` each time one of *paths* was modified, until *stop* is set."""
    from otumat_watch._native import NativeWatcher

    del interval
    watcher = NativeWatcher([__import__("os").fspath(p) for p in paths], settle=settle)

    def wait(deadline: float | None) -> bool:
        step = None if stop is None else STOP_STEP
        if deadline is not None:
            left = max(0.0, deadline - clock())
            step = left if step is None else min(step, left)
        wait_for([watcher.fileno()], step)
        return not (stop is not None and stop.is_set())

    try:
        for _, batch in batches(watcher, wait, clock):
            yield from batch
    finally:
        watcher.close()


def batches(
    watcher: Watcher, wait: Callable[[float | None], bool], clock: Callable[[], float]
) -> Iterator[tuple[float, list[Change]]]:
    """Yield (instant of the look, changes) after every wait, also when nothing changed.

    *wait* gets the watcher's deadline, returns False to end, and may return for reasons of its own.
    """
    while wait(watcher.deadline()):
        looked_at = clock()
        watcher.read(looked_at)
        yield looked_at, watcher.take(looked_at)


def wait_for(descriptors: list[int | None], timeout: float | None) -> None:
    """Wait until a descriptor is readable, for at most *timeout* seconds."""
    import select

    poll = select.poll()
    for descriptor in descriptors:
        if descriptor is not None:
            poll.register(descriptor, select.POLLIN)
    poll.poll(None if timeout is None else timeout * 1000)
