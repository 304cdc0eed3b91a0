"""Keep the store safe: copy it while it is in use, bring it up to date."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from otumat_usage.host import _postgresql, _sqlite
from otumat_usage.host._database import FILE_NAME, SCHEMA_VERSION, Database, located
from otumat_usage.host._errors import StoreMissing, StoreUnavailable
from otumat_usage.host._migrations import migrate, pending
from otumat_usage.host._whole_file import beside, place

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["backup", "dated", "outdated", "upgrade"]


def backup(folder: Path, target: Path) -> int:
    """Copy the store to *target*, which appears whole or not at all; return its bytes.

    Works while the host serves (SQLite's online backup, or PostgreSQL's pg_dump).

    Raises:
        StoreMissing: there is no host in *folder*.
        StoreUnavailable: it cannot be read, or *target* cannot be written.
    """
    url, source = located(folder)
    if target.exists():
        raise StoreUnavailable(f"{target} exists: choose another name")
    with _sqlite.failures(f"cannot back up {folder} to {target}"):
        if url.get_backend_name() == "sqlite":
            _sqlite.copy(source, target)
        else:
            with beside(target) as copy:
                _postgresql.dump(url, copy)
                place(copy, target)
    return target.stat().st_size


def outdated(folder: Path) -> list[str]:
    """Return what `upgrade` would do, in words; nothing when the store is up to date.

    Raises:
        StoreMissing: there is no host in *folder*.
        StoreUnavailable: the store is of a newer version than this one.
    """
    database = Database(*located(folder))
    try:
        known = database.schema()
    finally:
        database.close()
    if known is None:
        raise StoreMissing(f"no host in {database.name}")
    if known > SCHEMA_VERSION:
        raise StoreUnavailable(
            f"{database.name} has schema {known}, this version reads {SCHEMA_VERSION}: "
            "install a newer otumat-usage"
        )
    return pending(known, SCHEMA_VERSION)


def upgrade(folder: Path) -> tuple[list[str], Path | None]:
    """Bring the store to this version; return what was done and where a copy was kept.

    All of it or nothing: the changes are one transaction, and a copy is made before.

    Raises:
        StoreInUse: a host serves from the store.
        StoreMissing: there is no host in *folder*.
        StoreUnavailable: the copy or the changes cannot be made.
    """
    if not outdated(folder):
        return [], None
    database = Database(*located(folder))
    try:
        with database.serving(alone=True):
            copy = dated(folder / ("host.dump" if not database.embedded else FILE_NAME))
            backup(folder, copy)
            with database.write() as connection:
                return migrate(connection, SCHEMA_VERSION), copy
    finally:
        database.close()


def dated(path: Path) -> Path:
    """Return a name for what is kept of *path* now; one that was kept before is never replaced."""
    name = f"{path.name}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    names = itertools.chain([name], (f"{name}-{count}" for count in itertools.count(2)))
    return next(each for each in map(path.with_name, names) if not each.exists())
