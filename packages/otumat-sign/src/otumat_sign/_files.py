"""Write files so that a reader sees the old content or the new one, never a part."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def replace(path: str | os.PathLike[str], parts: Iterable[bytes | memoryview]) -> None:
    """Give *path* the content of *parts*, atomically; its mode stays if it was there.

    A link is followed, and what is no plain file (a terminal, /dev/null) is written to.

    Raises:
        OSError: the folder cannot be written to.
    """
    target = os.path.realpath(path)
    if os.path.lexists(target) and not os.path.isfile(target):  # noqa: PTH113
        with open(target, "wb") as file:  # noqa: PTH123 -- strings from here on
            file.writelines(parts)
        return
    folder, name = os.path.split(target)
    handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))  # noqa: PTH101
        os.replace(temporary, target)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def create(path: str | os.PathLike[str], content: bytes, *, mode: int) -> None:
    """Make a new file; a private key gets the mode 0600 from its first moment.

    Raises:
        FileExistsError: something is there already.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o777  # noqa: PTH116
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
