"""Carry out the maintainer's command about what answers to uploads tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _packages
from otumat_usage.host._database import Database

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["tell"]


def tell(
    folder: Path, name: str, *, latest: str | None, notice: str | None, clear: bool
) -> _packages.Package:
    """Change what is told to the users of package *name*, and return the package.

    Args:
        folder: Where the host keeps its data.
        name: The package, in any spelling.
        latest: The newest version; None leaves it, an empty text takes it back.
        notice: One line of text; None leaves it, an empty text takes it back.
        clear: Take both back.
    """
    database = Database.open(folder)
    try:
        with database.write() as connection:
            known = _packages.find(connection, name)
            if clear:
                return _packages.news(connection, name, None, None)
            if latest is None and notice is None:
                return known
            return _packages.news(
                connection,
                name,
                known.latest if latest is None else latest,
                known.notice if notice is None else notice,
            )
    finally:
        database.close()
