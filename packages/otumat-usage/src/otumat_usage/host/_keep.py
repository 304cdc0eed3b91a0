"""Keep the store safe: copy it while it is in use, put a copy back, look for trouble."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import sqlite3
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from otumat_usage import _lock
from otumat_usage.host._database import FILE_NAME, SCHEMA_VERSION
from otumat_usage.host._errors import StoreInUse, StoreMissing, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Finding", "backup", "examine", "restore", "serving"]

_LOCK = "serving.lock"
#: Free space under which `examine` warns, in bytes.
_SCARCE = 200 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; *good* is None when it is only worth knowing."""

    what: str
    good: bool | None
    text: str


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[None]:
    """Hold the folder for one serving process.

    Raises:
        StoreInUse: another process serves from it.
    """
    with _lock.held(str(folder / _LOCK)) as ours:
        if not ours:
            raise StoreInUse(f"another host serves from {folder}: stop it first")
        yield


def backup(folder: Path, target: Path) -> int:
    """Copy the store to *target*, which appears whole or not at all; return its bytes.

    Works while the host serves (SQLite's online backup).

    Raises:
        StoreMissing: there is no host in *folder*.
        StoreUnavailable: it cannot be read, or *target* cannot be written.
    """
    source = folder / FILE_NAME
    if not source.is_file():
        raise StoreMissing(f"no host in {folder}")
    if target.exists():
        raise StoreUnavailable(f"{target} exists: choose another name")
    with _beside(target) as copy, _failures(f"cannot back up {source} to {target}"):
        with _opened(source) as one, _opened(copy, write=True) as other:
            one.backup(other, pages=1000, sleep=0.001)
            other.execute("PRAGMA journal_mode=DELETE")
        _verify(copy)
        _settle(copy)
        copy.rename(target)
    return target.stat().st_size


def restore(folder: Path, source: Path) -> Path | None:
    """Put a backup in the place of the store; return where the old one was moved.

    Raises:
        StoreInUse: a host serves from *folder*.
        StoreMissing: there is no backup at *source*.
        StoreUnavailable: *source* is damaged or no backup of this version.
    """
    if not source.is_file():
        raise StoreMissing(f"no backup at {source}")
    _verify(source)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder / FILE_NAME
    with serving(folder), _beside(place) as copy, _failures(f"cannot restore {source}"):
        shutil.copyfile(source, copy)
        _settle(copy)
        old = None
        if place.exists():
            _empty_log(place)
            old = folder / f"{FILE_NAME}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
            place.rename(old)
        copy.replace(place)
    return old


def examine(folder: Path) -> Iterator[Finding]:
    """Yield what is well and what is not with the store in *folder*.

    Raises:
        StoreMissing: there is no host in *folder*.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise StoreMissing(f"no host in {folder}: make one with `otumat-usage host init`")
    for place in (folder, path):
        loose = os.name == "posix" and bool(place.stat().st_mode & 0o077)
        hint = f"others can read it: chmod go= {place}" if loose else "only its owner can read it"
        yield Finding(str(place), not loose, hint)
    free = shutil.disk_usage(folder).free
    yield Finding("free space", free > _SCARCE, f"{free >> 20} MiB")
    try:
        with _opened(path) as connection:
            yield from _examine_file(connection)
    except sqlite3.Error as error:
        yield Finding("database", False, f"cannot be read: {error}")
    with _lock.held(str(folder / _LOCK)) as ours:
        yield Finding("serving", None, "no" if ours else "yes, a host serves from this folder")


def _examine_file(connection: sqlite3.Connection) -> Iterator[Finding]:
    damage = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    yield Finding("integrity", damage == ["ok"], "; ".join(damage))
    schema = _setting(connection, "schema")
    good = schema == str(SCHEMA_VERSION)
    yield Finding("schema", good, f"{schema}, this version reads {SCHEMA_VERSION}")
    if not good:
        return
    url = _setting(connection, "url") or _setting(connection, "serving")
    loopback = url is not None and url.startswith(
        ("http://127.", "http://localhost", "http://[::1]")
    )
    yield Finding(
        "address",
        None if url is None or loopback else url.startswith("https:"),
        f"{url or 'never served'}{', this machine only' if loopback else ''}",
    )
    for what, query in (
        ("packages", "SELECT count(*) FROM package"),
        ("installs", "SELECT count(*) FROM install WHERE state = 'active'"),
        ("uploads", "SELECT count(*) FROM log"),
    ):
        yield Finding(what, None, str(connection.execute(query).fetchone()[0]))
    last = connection.execute("SELECT max(received) FROM log").fetchone()[0]
    if last is not None:
        late = time.gmtime(last / 1000)
        ahead = last / 1000 - time.time() > 300  # noqa: PLR2004 - five minutes
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", late)
        yield Finding("last upload", not ahead, f"{text}, in the future" if ahead else text)


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
def _beside(target: Path) -> Iterator[Path]:
    """Give an empty private file in the folder of *target*, removed if it is left there."""
    with _failures(f"cannot write in {target.parent}"):
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        os.close(handle)
    path = Path(name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


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


def _settle(path: Path) -> None:
    """Force *path* to the disk, readable by its owner only."""
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _empty_log(path: Path) -> None:
    """Move a write-ahead log into its file, so that neither can be mistaken for another's."""
    with _opened(path, write=True) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
