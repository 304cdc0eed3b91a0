"""Tell a person at a terminal that work which takes long goes on."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds before anything is shown, and between two changes of it.
_PATIENCE, _PACE = 1.0, 0.25
_ERASE = "\r\x1b[K"


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show *what* and the seconds on stderr while the block runs, from the first second on.

    Nothing is shown where stderr is no terminal, and nothing of it stays when the block ends.
    """
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    # A signal to this process still ends it: the thread is a daemon and holds nothing.
    thread = threading.Thread(target=_show, args=(what, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _show(what: str, done: threading.Event) -> None:
    begin = time.monotonic()
    line = "".join(letter if letter.isprintable() else "?" for letter in what)
    wait, erase = _PATIENCE, ""
    while not done.wait(wait):
        sys.stderr.write(f"{_ERASE}{line}: {time.monotonic() - begin:.0f} s")
        sys.stderr.flush()
        wait, erase = _PACE, _ERASE
    sys.stderr.write(erase)
    sys.stderr.flush()
