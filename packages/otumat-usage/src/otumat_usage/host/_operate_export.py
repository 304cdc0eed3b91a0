"""Carry out the maintainer's command that writes a package's events as a file of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _packages
from otumat_usage.host._database import Database
from otumat_usage.host._errors import StoreUnavailable
from otumat_usage.host._whole_file import beside, place

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["export_events"]


def export_events(folder: Path, package: str, target: Path) -> tuple[int, int]:
    """Write the events of *package* to *target*, which is replaced whole or not at all.

    Returns:
        How many rows it has, and of how many installs.

    Raises:
        ModuleNotFoundError: the extra `parquet` is not installed.
        PackageUnknown: no package of that name is registered.
        StoreUnavailable: the store cannot be read, or *target* cannot be written.
    """
    from otumat_usage.host._parquet import write_events  # the extra, before anything is made

    database = Database.open(folder)
    try:
        with database.read() as connection:
            found = _packages.find(connection, package)
            with beside(target) as aside:
                try:
                    written = write_events(connection, found, aside)
                    place(aside, target)
                except OSError as error:
                    reason = error.strerror or error
                    raise StoreUnavailable(f"cannot write {target}: {reason}") from error
    finally:
        database.close()
    return written
