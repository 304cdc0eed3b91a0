"""Copy and check the file of a host that lives in SQLite."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import sys
from typing import TYPE_CHECKING

from otumat_usage.host._errors import ServingError, StoreUnavailable
from otumat_usage.host._whole_file import beside, place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["checked_copy", "copy", "damage", "failures", "rested", "schema_of", "set_aside"]


def copy(source: Path, target: Path, *, check: bool = True) -> None:
    """Copy the database in *source*, which may be in use, to *target*: whole or not at all.

    Raises:
        StoreUnavailable: what is there is damaged (where that is to be checked), or no host's.
    """
    with beside(target) as whole:
        with _opened(source) as one, _opened(whole, write=True) as other:
            one.backup(other, pages=1000, sleep=0.001)
            other.execute("PRAGMA journal_mode=DELETE")
        if not schema_of(whole):
            raise StoreUnavailable(f"{source} is no host's")
        if check and (found := damage(whole)) is not None:
            raise StoreUnavailable(f"{source} is damaged: {found}")
        place(whole, target)


@contextlib.contextmanager
def checked_copy(source: Path, target: Path) -> Iterator[Path]:
    """Give a copy of the backup *source* in the folder of *target*, which goes afterwards.

    Raises:
        StoreUnavailable: *source* is damaged or no backup of a host.
    """
    with beside(target) as whole:
        with failures(f"cannot copy {source}"):
            shutil.copyfile(source, whole)
        with failures(f"{source} is no backup of a host"):
            if (found := damage(whole)) is not None:
                raise StoreUnavailable(f"{source} is damaged: {found}")
            if not _disarmed(whole) or not schema_of(whole):
                raise StoreUnavailable(f"{source} is no backup of a host")
        yield whole


def damage(path: Path) -> str | None:
    """Return what is wrong with the database in *path*, None when it is whole."""
    with _opened(path) as connection:
        found = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    return None if found == "ok" else found


def _disarmed(path: Path) -> bool:
    """Drop what *path* would have run when it is read or written; false where it still would.

    A view can take the place of a table, and have no end.
    """
    with _opened(path, write=True) as connection:
        running = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')"
        for kind, name in connection.execute(running).fetchall():
            quoted = name.replace('"', '""')
            connection.execute(f'DROP {kind} IF EXISTS "{quoted}"')
        connection.commit()
        # A virtual table has no pages of its own; a hidden column is made by an expression.
        found = connection.execute(
            "SELECT 1 FROM sqlite_master AS m, pragma_table_xinfo(m.name) AS c"
            " WHERE m.type = 'table' AND (m.rootpage = 0 OR c.hidden > 0)"
        ).fetchone()
    return found is None


def schema_of(path: Path) -> str:
    """Return the version of the tables in *path*, "" where it is no host's; or it raises."""
    with _opened(path) as connection:
        row = connection.execute("SELECT value FROM setting WHERE name = 'schema'").fetchone()
    return "" if row is None else str(row[0])


def rested(path: Path) -> None:
    """Leave the database in *path* as one file that nobody has open."""
    with _opened(path, write=True) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def set_aside(path: Path, name: Path) -> None:
    """Rename the database in *path*, whole or damaged, to *name*, with the log that belongs to it.

    The log goes first: another database in this place must never meet it.
    """
    for suffix in ("-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(name.with_name(name.name + suffix))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)


@contextlib.contextmanager
def failures(what: str) -> Iterator[None]:
    """Say *what* could not be done, in one line, whoever refused."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{what}: {error}") from error
    except ServingError:
        raise
    except OSError as error:
        raise StoreUnavailable(f"{what}: {error.strerror or error}") from error


@contextlib.contextmanager
def _opened(path: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    mode = "rw" if write else "ro"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=5)
    try:
        # The file may be one from outside, made to be read wrongly.
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        if sys.version_info >= (3, 12):
            connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        yield connection
    finally:
        connection.close()
