"""The state on disk (`--state`): whole or old, never half; a damaged file is kept aside."""

# os.path, because pathlib folds what it should not and is slow to load.
# ruff: noqa: PTH105, PTH108, PTH109, PTH112, PTH118, PTH120, PTH123

from __future__ import annotations

import json
import os
import time
from binascii import crc32
from contextlib import suppress

from otumat_watch.exceptions import StateFileError

__all__ = ["StateFile"]

_FORMAT = 1
#: No state is longer: the system passes no more as arguments; JSON takes 6 bytes for one at most.
_MOST = 16 * 1024 * 1024


class StateFile:
    """One file that holds the next run's arguments."""

    def __init__(self, path: str) -> None:
        """Use *path*; its folder must be there and be ours to write.

        Raises:
            StateFileError: It cannot become a state file.
        """
        self._path = os.path.join(os.getcwd(), path)
        folder = os.path.dirname(os.path.realpath(self._path))
        if not os.path.isdir(folder):
            raise StateFileError(f"{path}: its folder does not exist; make it first")
        if os.path.isdir(self._path):
            raise StateFileError(f"{path} is a folder: name a file after --state")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise StateFileError(f"{path}: its folder cannot be written")

    def load(self) -> tuple[list[str] | None, str]:
        """Return (arguments, ""), or (None, "") if there is no file yet.

        A file that is not as it was written is renamed; then the answer is (None, why and where).

        Raises:
            StateFileError: It cannot be read, or comes from a newer version.
        """
        try:
            with open(self._path, "rb") as file:
                content = file.read(_MOST + 1)
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            raise StateFileError(f"{self._path} cannot be read: {error.strerror}") from error
        arguments = _parsed(content, self._path)
        if arguments is not None:
            return arguments, ""
        aside = self._set_aside()
        return None, f"{self._path} is damaged: kept as {aside}, starting from the arguments given"

    def save(self, arguments: list[str]) -> None:
        """Write *arguments*, so that after a crash the file is either the old or the new one.

        Raises:
            StateFileError: It cannot be written.
        """
        # A link keeps pointing where it does: the file behind it is what is replaced.
        path = os.path.realpath(self._path)
        temporary = f"{path}.{os.getpid()}.tmp"
        try:
            try:
                with open(temporary, "wb") as file:
                    file.write(_written(arguments))
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
                _sync_folder(os.path.dirname(path))
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            raise StateFileError(
                f"printed a state that could not be kept: {path}: {error.strerror}"
            ) from error

    def _set_aside(self) -> str:
        aside = f"{self._path}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
        try:
            os.replace(self._path, aside)
        except OSError as error:
            raise StateFileError(
                f"{self._path} is damaged and cannot be renamed: {error.strerror}"
            ) from error
        return aside


def _written(arguments: list[str]) -> bytes:
    """Return the file's content: ASCII; bytes that are not UTF-8 are escaped lone surrogates."""
    listed = json.dumps(arguments)
    check = crc32(listed.encode("ascii"))
    return json.dumps(
        {"otumat-watch-state": _FORMAT, "crc32": check, "arguments": arguments}
    ).encode("ascii") + (b"\n")


def _parsed(content: bytes, path: str) -> list[str] | None:
    """Return the arguments; None if *content* is not as it was written."""
    try:
        document = json.loads(content)
        number, check = document["otumat-watch-state"], document.get("crc32")
        arguments = document["arguments"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if isinstance(number, int) and number > _FORMAT:
        raise StateFileError(f"{path} was written by a newer otumat-watch: upgrade this one")
    if not isinstance(arguments, list) or not all(isinstance(each, str) for each in arguments):
        return None
    if check != crc32(json.dumps(arguments).encode("ascii")):
        return None
    return arguments


def _sync_folder(folder: str) -> None:
    """Make the rename itself durable, where folders can be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
