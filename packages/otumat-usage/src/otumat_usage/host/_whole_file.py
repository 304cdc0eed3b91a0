"""Write a file that appears whole or not at all: aside first, forced to the disk, then renamed."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from otumat_usage import _home
from otumat_usage.host._errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["beside", "place"]


@contextlib.contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Give an empty private file in the folder of *target*, removed if it is left there.

    Raises:
        StoreUnavailable: nothing can be written there.
    """
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        reason = error.strerror or error
        raise StoreUnavailable(f"cannot write in {target.parent}: {reason}") from error
    os.close(handle)
    path = Path(name)
    try:
        yield path
    finally:
        for more in ("", "-wal", "-shm", "-journal"):  # SQLite's own, where it could not finish
            path.with_name(path.name + more).unlink(missing_ok=True)


def place(path: Path, target: Path) -> None:
    """Rename *path*, which is whole, to *target*, readable by its owner only.

    Once this returns, it is there after a loss of power, too.
    """
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    with path.open("r+b") as file:
        os.fsync(file.fileno())
    path.replace(target)
    _home.settle(str(target.parent))
