"""Open SQLite or PostgreSQL, and begin transactions so that both keep the same order.

SQLite lets one writer in at a time. On PostgreSQL the same is said by advisory
locks: a write either stands alone, or names the installs it touches and runs beside
the writes to others. Every process takes its locks in one order (all, installs,
dictionaries, roll-ups), so none can wait for another in a circle.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import stat
import time
import zlib
from typing import TYPE_CHECKING, Any

from otumat_usage import _lock
from otumat_usage.host._errors import StoreInUse, StoreMissing, StoreUnavailable, UrlInvalid
from otumat_usage.host._reading import is_single
from otumat_usage.host._sql import (
    URL,
    ArgumentError,
    Connection,
    DBAPIError,
    Engine,
    InvalidatePoolError,
    create_engine,
    event,
    make_url,
    text,
)
from otumat_usage.host._whole_file import beside, place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = [
    "FILE_NAME",
    "LOCK_NAME",
    "Locked",
    "lives_in",
    "located",
    "lock",
    "make_file",
    "making",
    "name_url",
    "open_engine",
    "parsed_url",
    "reason",
    "serving_from",
    "shown",
    "take_room",
    "try_lead",
    "try_serve",
]

FILE_NAME = "host.sqlite3"
#: Holds the address of a PostgreSQL database, where the host does not live in a file.
URL_NAME = "database.url"
LOCK_NAME = "serving.lock"
#: Seconds that a statement waits for another one's lock before the caller is told to come back.
PATIENCE = 30
#: Under which name the record of a connection holds since when it lies in the pool.
_SINCE = "otumat_since"
#: Seconds for which a connection that lies unused is taken to be alive, while the server is silent.
_ALIVE = 1.0
#: For a look at one socket: the default one needs the system to be made, to be told, to be closed.
_LOOK: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)

_POSTGRESQL = "postgresql+psycopg"
# The first half of a lock's number: ours ("otum"), and one for each install.
_OURS, _INSTALL = 0x6F74756D, 0x6F74696E
_ALL = 0


class Locked:
    """Numbers of the locks that come after those for everything and for installs."""

    DICTIONARY = 1
    ROLLUPS = 2
    LEADER = 3
    SERVING = 4
    MAILS = 5


def located(folder: Path) -> tuple[URL, Path]:
    """Return the database of the host in *folder*, and the file that shows it is there.

    Raises:
        StoreMissing: there is none.
        UrlInvalid: the address in the folder is not one of PostgreSQL.
    """
    named = folder / URL_NAME
    if named.is_file():
        return parsed_url(named.read_text(encoding="utf-8").strip()), named
    file = folder / FILE_NAME
    if not file.is_file():
        raise StoreMissing(
            f"no host in {folder}: make one with `otumat-usage host init -d {folder}`"
        )
    return URL.create("sqlite", database=str(file)), file


def lives_in(folder: Path) -> bool:
    """Say whether *folder* holds a host, or names the database of one."""
    try:
        located(folder)
    except StoreMissing:
        return False
    return True


@contextlib.contextmanager
def making(folder: Path) -> Iterator[None]:
    """Hold *folder* where no host is yet: whoever restores into it finds all of one, or none.

    Raises:
        StoreInUse: a backup is being put there.
    """
    if lives_in(folder):
        yield
        return
    with serving_from(folder, wait=1.0):  # for another one who makes it
        yield


def make_file(path: Path) -> None:
    """Make the empty file of a host, readable by its owner only; an existing one is left."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, stat.S_IRUSR | stat.S_IWUSR))


def name_url(folder: Path, url: str) -> None:
    """Note in *folder* that its host lives in the PostgreSQL database at *url*.

    Raises:
        UrlInvalid: this is no address of PostgreSQL.
        StoreUnavailable: the folder holds another host already.
    """
    parsed_url(url)
    named = folder / URL_NAME
    if (folder / FILE_NAME).exists():
        raise StoreUnavailable(f"{folder} holds a host in {FILE_NAME}: choose another folder")
    if named.exists() and named.read_text(encoding="utf-8").strip() != url:
        raise StoreUnavailable(f"{named} names another database: choose another folder")
    with beside(named) as whole:
        whole.write_text(url + "\n", encoding="utf-8")
        place(whole, named)


@contextlib.contextmanager
def serving_from(folder: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Hold *folder* for the one process that serves from it, or makes or changes its store.

    Raises:
        StoreInUse: another process does, *wait* seconds from now, too.
    """
    with _lock.held(str(folder / LOCK_NAME), wait=wait) as ours:
        if not ours:
            raise StoreInUse(f"another host serves from {folder}: stop it first")
        yield


def open_engine(url: URL) -> Engine:
    """Return the engine for *url*; nothing is opened yet."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(
            url, connect_args={"check_same_thread": False, "cached_statements": 256}
        )
        _configure_sqlite(engine)
        return engine
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=8,
        pool_timeout=5,
        pool_use_lifo=True,  # what was used last is alive, and knows the statements
        connect_args={"connect_timeout": 5, "application_name": "otumat-usage host"},
    )
    _configure_postgresql(engine)
    return engine


def lock(connection: Connection, number: int) -> None:
    """Keep every other process from what *number* of `Locked` guards, until the commit."""
    if connection.dialect.name == "postgresql":  # SQLite's one writer holds everything
        connection.execute(_TAKE, {"kind": _OURS, "number": number})


def take_room(connection: Connection, data: bytes) -> bool:
    """Write *data* where there was nothing before; false where it does not matter what was there.

    SQLite gives the pages that one table has left to any. PostgreSQL keeps them for that table,
    so that what is written to it again and again fits in while nothing else does.
    """
    if connection.dialect.name != "postgresql":
        return False
    connection.execute(_NEW_ROOM, {"data": data})
    return True


def try_lead(connection: Connection) -> bool:
    """Become the one leader for as long as *connection* lives; false where there is one."""
    if connection.dialect.name != "postgresql":
        return True
    taken = connection.scalar(_ALONE, {"kind": _OURS, "number": Locked.LEADER})
    return bool(taken)


def try_serve(connection: Connection, *, alone: bool) -> bool:
    """Be one of the serving processes, or keep them all away, while *connection* lives."""
    statement = _ALONE if alone else _SERVE
    return bool(connection.scalar(statement, {"kind": _OURS, "number": Locked.SERVING}))


_TAKE = text("SELECT pg_advisory_xact_lock(:kind, :number)")
_SHARE = text("SELECT pg_advisory_xact_lock_shared(:kind, :number)")
_ALONE = text("SELECT pg_try_advisory_lock(:kind, :number)")
_SERVE = text("SELECT pg_try_advisory_lock_shared(:kind, :number)")
_NEW_ROOM = text(
    "CREATE TEMPORARY TABLE otumat_room ON COMMIT DROP AS SELECT CAST(:data AS bytea) AS data"
)
# In the order of the array: two writes that share installs never wait for each other in a circle.
_TAKE_EACH = text(
    "SELECT pg_advisory_xact_lock(:kind, n) FROM unnest(CAST(:numbers AS int[])) AS n"
)


def parsed_url(address: str) -> URL:
    """Return the PostgreSQL database that *address* names.

    Raises:
        UrlInvalid: it names none.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        url = None
    if url is None or url.drivername not in ("postgresql", "postgres", _POSTGRESQL):
        # Not repeated: it may hold a password.
        raise UrlInvalid("the database must be postgresql://user@host/name")
    return url.set(drivername=_POSTGRESQL)


def reason(error: DBAPIError, path: Path) -> str:
    """Return what the driver said, and what that is about where SQLite leaves it open."""
    folder = path.parent
    if "unable to open" in str(error.orig) and path.exists() and not os.access(folder, os.W_OK):
        return f"{error.orig}, because {folder} cannot be written in"
    return str(error.orig)


def shown(url: URL) -> str:
    """Return the PostgreSQL database *url* as its operator wrote it, without a password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def _configure_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        # The driver must not open transactions of its own: `begin` below does.
        connection.isolation_level = None
        pragmas = (
            "journal_mode=WAL",
            "synchronous=FULL",  # an acknowledged upload survives power loss
            "busy_timeout=5000",
            "foreign_keys=ON",
            "secure_delete=ON",  # an erased user's bytes leave the file
            "trusted_schema=OFF",  # of a backup that is laid open, too
        )
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()  # SQLAlchemy 2.0 forgets a connection that it could not set up
            raise

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if is_single(connection):
            return
        # IMMEDIATE takes the write lock first, so a writer never fails half-way.
        kind = "IMMEDIATE" if connection.get_execution_options().get("otumat_write") else "DEFERRED"
        connection.exec_driver_sql(f"BEGIN {kind}")


def _configure_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            # An acknowledged upload survives power loss, whatever the server's default is.
            cursor.execute(
                f"SET synchronous_commit = on; SET lock_timeout = '{PATIENCE}s'; "
                f"SET idle_in_transaction_session_timeout = '{4 * PATIENCE}s'"
            )
        connection.commit()

    # A connection that died while it lay in the pool is replaced before it is used. To ask the
    # server is a round trip: what was used a moment ago need only look whether it has hung up.
    @event.listens_for(engine, "checkin")
    def _lay_down(_connection: Any, record: Any) -> None:
        record.info[_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _take_up(connection: Any, record: Any, _proxy: object) -> None:
        since = record.info.get(_SINCE)
        if since is None:  # just made
            return
        if time.monotonic() - since > _ALIVE or _has_spoken(connection):
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError from error

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("otumat_write") or options.get("otumat_free"):
            return
        installs: Collection[bytes] | None = options.get("otumat_installs")
        if installs is None:
            connection.execute(_TAKE, {"kind": _OURS, "number": _ALL})
            return
        connection.execute(_SHARE, {"kind": _OURS, "number": _ALL})
        # Two installs that meet in one number only wait for each other.
        numbers = sorted({zlib.crc32(install) - 2**31 for install in installs})
        connection.execute(_TAKE_EACH, {"kind": _INSTALL, "numbers": numbers})


def _has_spoken(connection: Any) -> bool:
    """Say whether the server sent something unasked: its good-bye, or that it changed a setting."""
    with _LOOK() as waiting:
        waiting.register(connection, selectors.EVENT_READ)
        return bool(waiting.select(0))
