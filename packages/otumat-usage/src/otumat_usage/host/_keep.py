"""Keep the store safe: copy it while it is in use, put a copy back, bring it up to date."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from otumat_usage.host import _postgresql
from otumat_usage.host._database import (
    FILE_NAME,
    SCHEMA_VERSION,
    Database,
    located,
    serving_from,
)
from otumat_usage.host._errors import StoreMissing, StoreUnavailable
from otumat_usage.host._migrations import migrate, pending
from otumat_usage.host._whole_file import beside, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["backup", "outdated", "restore", "upgrade"]


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
    with beside(target) as copy, _failures(f"cannot back up {folder} to {target}"):
        if url.get_backend_name() == "sqlite":
            with _opened(source) as one, _opened(copy, write=True) as other:
                one.backup(other, pages=1000, sleep=0.001)
                other.execute("PRAGMA journal_mode=DELETE")
            _verify(copy)
        else:
            _postgresql.dump(url, copy)
        settle(copy)
        copy.rename(target)
    return target.stat().st_size


def restore(folder: Path, source: Path) -> Path | None:
    """Put a backup in the place of the store; return where the old one was kept.

    Raises:
        StoreInUse: a host serves from *folder*.
        StoreMissing: there is no backup at *source*.
        StoreUnavailable: *source* is damaged or no backup of this version.
    """
    if not source.is_file():
        raise StoreMissing(f"no backup at {source}")
    if Database.lives_in(folder) and located(folder)[0].get_backend_name() != "sqlite":
        return _restore_server(folder, source)
    _verify(source)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder / FILE_NAME
    with serving_from(folder), beside(place) as copy, _failures(f"cannot restore {source}"):
        shutil.copyfile(source, copy)
        settle(copy)
        old = None
        if place.exists():
            _empty_log(place)
            old = _dated(place)
            place.rename(old)
        copy.replace(place)
    return old


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
            copy = _dated(folder / ("host.dump" if not database.embedded else FILE_NAME))
            if database.embedded:
                with _failures(f"cannot copy {database.name} to {copy}"):
                    _copy_as_is(database.path, copy)
            else:
                backup(folder, copy)
            with database.write() as connection:
                return migrate(connection, SCHEMA_VERSION), copy
    finally:
        database.close()


def _restore_server(folder: Path, source: Path) -> Path:
    database = Database(*located(folder))
    try:
        with database.serving(alone=True):
            old = _dated(folder / "host.dump")
            backup(folder, old)
            _postgresql.load(located(folder)[0], source)
    finally:
        database.close()
    return old


def _copy_as_is(source: Path, target: Path) -> None:
    with beside(target) as copy:
        with _opened(source) as one, _opened(copy, write=True) as other:
            one.backup(other)
            other.execute("PRAGMA journal_mode=DELETE")
        settle(copy)
        copy.rename(target)


def _dated(path: Path) -> Path:
    """Return a name for what is kept of *path* now; one that was kept before is never replaced."""
    name = f"{path.name}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    names = itertools.chain([name], (f"{name}-{count}" for count in itertools.count(2)))
    return next(each for each in map(path.with_name, names) if not each.exists())


def _setting(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM setting WHERE name = ?", [name]).fetchone()
    return None if row is None else str(row[0])


def _verify(path: Path) -> None:
    """Raise unless *path* is a whole host database of this version."""
    with _failures(f"{path} is no backup of a host"), _opened(path) as connection:
        damage = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if damage != "ok":
            raise StoreUnavailable(f"{path} is damaged: {damage}")
        schema = _setting(connection, "schema")
        if schema != str(SCHEMA_VERSION):
            raise StoreUnavailable(
                f"{path} has schema {schema}, this version reads {SCHEMA_VERSION}"
            )


@contextlib.contextmanager
def _opened(path: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    mode = "rw" if write else "ro"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=5)
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def _failures(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{what}: {error}") from error
    except StoreUnavailable:
        raise
    except OSError as error:
        raise StoreUnavailable(f"{what}: {error.strerror or error}") from error


def _empty_log(path: Path) -> None:
    """Move a write-ahead log into its file, so that neither can be mistaken for another's."""
    with _opened(path, write=True) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
