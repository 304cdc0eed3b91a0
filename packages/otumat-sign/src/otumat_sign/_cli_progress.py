"""Tell a person at a terminal that work which takes long goes on."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager

import click

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
    if not (sys.stderr and sys.stderr.isatty()):  # None where it is closed
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
    name = "".join(letter if letter.isprintable() else "?" for letter in what)
    wait, erase = _PATIENCE, ""
    while not done.wait(wait):
        seconds = f": {time.monotonic() - begin:.0f} s"
        # A line that wraps could not be erased. The end of a path says more than its start.
        room = max(0, _columns() - 1 - len(seconds))
        click.echo(_ERASE + name[max(0, len(name) - room) :] + seconds, nl=False, err=True)
        wait, erase = _PACE, _ERASE
    click.echo(erase, nl=False, err=True)


def _columns() -> int:
    """Return the width of the terminal; 80 where it does not say."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80
