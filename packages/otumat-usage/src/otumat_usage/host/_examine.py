"""Look for trouble with a store, on either engine."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import time
from typing import TYPE_CHECKING

from otumat_usage._origin import is_loopback
from otumat_usage.host._database import (
    SCHEMA_VERSION,
    Connection,
    Database,
    func,
    inbox,
    installs,
    located,
    log,
    mails,
    packages,
    select,
)
from otumat_usage.host._errors import StoreInUse, StoreMissing, StoreUnavailable
from otumat_usage.host._settings import recall

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Finding", "examine"]

#: Free space under which `examine` warns, in bytes.
_SCARCE = 200 << 20
#: What `restore` and `upgrade` keep, and what one that was killed left.
_COPY = re.compile(r"host\.(sqlite3|dump)\.[0-9]{8}T|\.host\.(sqlite3|dump)")
#: Seconds that the clocks of two machines may differ.
_SKEW = 300


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; *good* is None when it is only worth knowing."""

    what: str
    good: bool | None
    text: str


def examine(folder: Path) -> Iterator[Finding]:
    """Yield what is well and what is not with the store of the host in *folder*.

    Raises:
        StoreMissing: there is no host in *folder*.
    """
    try:
        url, path = located(folder)
    except StoreMissing:
        text = f"no host in {folder}: make one with `otumat-usage host init`"
        raise StoreMissing(text) from None
    for place in (folder, path):
        loose = os.name == "posix" and bool(place.stat().st_mode & 0o077)
        hint = f"others can read it: chmod go= {place}" if loose else "only its owner can read it"
        yield Finding(str(place), not loose, hint)
    if copies := sorted(each.name for each in folder.iterdir() if _COPY.match(each.name)):
        text = f"{', '.join(copies)}: they hold people's data; delete what you do not need"
        yield Finding("copies beside the store", None, text)
    free = shutil.disk_usage(folder).free
    yield Finding("free space", free > _SCARCE, f"{free >> 20} MiB")
    database = Database(url, path)
    try:
        with database.read() as connection:
            yield from _examine_engine(connection, database)
            yield from _examine_content(connection)
        yield _serving(database)
    except StoreUnavailable as error:
        yield Finding("database", False, " ".join(str(error).split()))
    finally:
        database.close()


def _examine_engine(connection: Connection, database: Database) -> Iterator[Finding]:
    if database.embedded:
        rows = connection.exec_driver_sql("PRAGMA integrity_check(3)")
        damage = [str(row[0]) for row in rows]
        yield Finding("integrity", damage == ["ok"], "; ".join(damage))
        return
    version = connection.exec_driver_sql("SHOW server_version").scalar()
    yield Finding("PostgreSQL", None, f"{version}, {database.name}")
    for name in ("fsync", "full_page_writes"):
        value = connection.exec_driver_sql(f"SHOW {name}").scalar()
        yield Finding(name, value == "on", f"{value}, so that no power loss takes an upload away")


def _examine_content(connection: Connection) -> Iterator[Finding]:
    schema = recall(connection, "schema")
    good = schema == str(SCHEMA_VERSION)
    text = f"{schema}, this version reads {SCHEMA_VERSION}"
    if not good:
        newer = str(schema).isdecimal() and int(str(schema)) > SCHEMA_VERSION
        what = "install a newer otumat-usage" if newer else "run `otumat-usage host upgrade`"
        yield Finding("schema", good, f"{text}: {what}")
        return
    yield Finding("schema", good, text)
    url = recall(connection, "url") or recall(connection, "serving")
    yield _address(url)
    counted = {
        "packages": select(func.count()).select_from(packages),
        "installs": select(func.count()).where(installs.c.state == "active"),
        "uploads": select(func.count()).select_from(log),
        "uploads not counted yet": select(func.count()).select_from(inbox),
    }
    for what, statement in counted.items():
        yield Finding(what, None, str(connection.scalar(statement)))
    waiting = (mails.c.state == "waiting") & (mails.c.tries > 1)
    if late := connection.scalar(select(func.count()).select_from(mails).where(waiting)):
        text = f"{late} wait: the mail server does not answer or refuses them"
        yield Finding("mails to maintainers", False, text)
    last = connection.scalar(select(func.max(log.c.received)))
    if last is not None:
        ahead = last / 1000 - time.time() > _SKEW
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(last / 1000))
        yield Finding("last upload", not ahead, f"{text}, in the future" if ahead else text)


def _address(url: str | None) -> Finding:
    if url is None:
        return Finding("address", None, "never served")
    if is_loopback(url):
        return Finding("address", None, f"{url}, this machine only")
    if url.startswith("https:"):
        return Finding("address", True, url)
    hint = "clients send to https only; see docs/operating.md for a proxy with TLS"
    return Finding("address", False, f"{url}: {hint}")


def _serving(database: Database) -> Finding:
    try:
        with database.serving(alone=True):
            return Finding("serving", None, "no")
    except StoreInUse:
        return Finding("serving", None, "yes, a host serves from it")
