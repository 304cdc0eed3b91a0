"""The generator underneath: wait, look, yield what changed."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    from otumat_watch._change import Change
    from otumat_watch._watcher import Watcher

    class Stop(Protocol):
        """Anything that can say that it is over, `threading.Event` for one."""

        def is_set(self) -> bool:
            """Tell whether the watching ends."""


__all__ = ["batches", "changes", "wait_for"]

#: A `stop` is asked this often, in seconds; without one nothing wakes up.
_STOP_STEP = 0.1


def changes(  # noqa: PLR0913 -- every knob has a default
    path: str | os.PathLike[str],
    *more: str | os.PathLike[str],
    interval: float = 5.0,
    settle: float = 0.05,
    poll: bool = False,
    safety_poll: bool = True,
    by_content: bool = False,
    stop: Stop | None = None,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[Iterable[int], float | None], object] | None = None,
) -> Iterator[Change]:
    """Yield a `Change` each time something watched was modified.

    Watching has begun when this returns. What changes while the caller is busy is folded: each
    path is reported once, as it then is. Where the operating system cannot tell of changes, looks
    are used, and the logger `otumat_watch` is told why.

    Args:
        path: A file (it need not exist yet), a folder with all below it, or a glob.
        more: Further ones.
        interval: Seconds between two looks, where looks are needed.
        settle: Seconds of quiet after which a file that its writer keeps open is taken as it is.
        poll: Only look every *interval*, do not ask the operating system.
        safety_poll: Look every *interval* also where the operating system tells of changes, for
            the few it cannot see.
        by_content: Report only what has another content than before.
        stop: Ends the generator soon after its `is_set()` returns true.
        clock: Returns seconds that only go forward.
        wait: Waits until one of the descriptors is readable, for at most so many seconds.

    Raises:
        TargetError: A path is neither a file nor a folder nor a glob.
    """
    from otumat_watch._watcher import Watcher

    sleep = wait or wait_for
    watcher = Watcher(
        [os.fspath(each) for each in (path, *more)],
        clock=clock,
        interval=interval,
        settle=settle,
        poll=poll,
        safety_poll=safety_poll,
        by_content=by_content,
    )

    def pause() -> bool:
        deadline = watcher.deadline()
        timeout = None if deadline is None else max(0.0, deadline - clock())
        if stop is not None:
            timeout = _STOP_STEP if timeout is None else min(timeout, _STOP_STEP)
        descriptor = watcher.fileno()
        sleep(() if descriptor is None else (descriptor,), timeout)
        return stop is None or not stop.is_set()

    return _flattened(watcher, pause, clock)


def batches(
    watcher: Watcher, pause: Callable[[], bool], clock: Callable[[], float]
) -> Iterator[tuple[float, list[Change]]]:
    """Yield (instant before the look, changes) after every *pause*, also without any change.

    *pause* returns False to end, and may return for reasons of its own.
    """
    while pause():
        looked_at = clock()
        watcher.read(looked_at)
        yield looked_at, watcher.take(looked_at)


def _flattened(
    watcher: Watcher, pause: Callable[[], bool], clock: Callable[[], float]
) -> Iterator[Change]:
    try:
        _tell(watcher.reasons)
        for _, batch in batches(watcher, pause, clock):
            _tell(watcher.reasons)
            yield from batch
    finally:
        watcher.close()


def _tell(reasons: list[str]) -> None:
    """Log why something is polled; nobody has to import logging for that before."""
    if reasons:
        import logging

        for reason in reasons:
            logging.getLogger("otumat_watch").warning("%s; polling instead", reason)
        reasons.clear()


def wait_for(descriptors: Iterable[int], timeout: float | None) -> list[int]:
    """Wait until a descriptor is readable, for at most *timeout* seconds; None waits for ever.

    Returns the readable ones.
    """
    import select

    if not hasattr(select, "poll"):  # Windows: sockets only, and never none of them
        return _select(list(descriptors), timeout)
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    # Rounded up: a wait that ends just before its deadline would be repeated at once.
    ready = poll.poll(None if timeout is None else int(timeout * 1000) + 1)
    return [descriptor for descriptor, _ in ready]


def _select(descriptors: list[int], timeout: float | None) -> list[int]:
    import select

    if descriptors:
        return select.select(descriptors, [], [], timeout)[0]
    if timeout is not None:
        time.sleep(timeout)
    return []
