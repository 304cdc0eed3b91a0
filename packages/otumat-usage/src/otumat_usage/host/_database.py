"""Hand out transactions on the host's store, which lives in SQLite or in PostgreSQL.

The words of SQL and the tables are handed on from here, so that what reads or
writes the store needs this module only.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from otumat_usage.host._engine import (
    FILE_NAME,
    Locked,
    lives_in,
    located,
    lock,
    make_file,
    making,
    name_url,
    open_engine,
    reason,
    serving_from,
    shown,
    take_room,
    try_lead,
)
from otumat_usage.host._errors import StoreOutdated, StoreUnavailable
from otumat_usage.host._generation import generation, notice
from otumat_usage.host._place import Place
from otumat_usage.host._reading import read_from, single_of
from otumat_usage.host._schema import (
    REFERENCE,
    SCHEMA_VERSION,
    admin_links,
    api_tokens,
    auth_codes,
    blocks,
    consents,
    contexts,
    device_grants,
    event_types,
    families,
    inbox,
    installs,
    log,
    mails,
    members,
    metadata,
    mixed,
    packages,
    recent,
    rollups,
    self_keys,
    sessions,
    settings,
    tokens,
    tombstones,
    weeks,
)
from otumat_usage.host._sql import (
    URL,
    Connection,
    DataError,
    DBAPIError,
    IntegrityError,
    PoolTimeout,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    literal,
    select,
    update,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

__all__ = [
    "FILE_NAME",
    "REFERENCE",
    "SCHEMA_VERSION",
    "Connection",
    "Database",
    "Locked",
    "admin_links",
    "api_tokens",
    "auth_codes",
    "bindparam",
    "blocks",
    "consents",
    "contexts",
    "delete",
    "device_grants",
    "event_types",
    "families",
    "func",
    "inbox",
    "insert",
    "installs",
    "literal",
    "located",
    "lock",
    "log",
    "mails",
    "members",
    "metadata",
    "mixed",
    "packages",
    "recent",
    "rollups",
    "select",
    "self_keys",
    "serving_from",
    "sessions",
    "settings",
    "take_room",
    "tokens",
    "tombstones",
    "update",
    "weeks",
]


class Database:
    """Hold the engine and hand out transactions.

    Args:
        url: The SQLite file, or the PostgreSQL database.
        path: The file that shows a host is here: SQLite's own, or the one that names
            the PostgreSQL database.

    Attributes:
        embedded: Whether this is SQLite.
        name: What a reader is told; it holds no password.
        generation: Which store this process knows; another one after a restore.
    """

    def __init__(self, url: URL, path: Path) -> None:
        self.path = path
        self.embedded = url.get_backend_name() == "sqlite"
        self.name = str(path) if self.embedded else shown(url)
        self.generation = ""
        self._engine = open_engine(url)
        self._single = single_of(self._engine)

    @staticmethod
    def lives_in(folder: Path) -> bool:
        """Say whether *folder* holds a host, or names the database of one."""
        return lives_in(folder)

    @classmethod
    def create(cls, folder: Path, *, url: str | None = None) -> Database:
        """Open the host in *folder*, making the folder and the tables when missing.

        Args:
            folder: The host's data folder.
            url: A PostgreSQL database for a new host; without it, SQLite in the folder.

        Raises:
            StoreInUse: a backup is being put there.
            StoreUnavailable: the folder or the tables cannot be made.
            UrlInvalid: *url* is no address of PostgreSQL.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"cannot make the folder {folder}: {error.strerror}") from error
        with making(folder):
            if url is not None:
                return cls._made_at(folder, url)
            if not lives_in(folder):
                make_file(folder / FILE_NAME)
            return cls._ready(*located(folder))

    @classmethod
    def _made_at(cls, folder: Path, url: str) -> Database:
        new = not lives_in(folder)
        name_url(folder, url)
        place = located(folder)
        try:
            return cls._ready(*place)
        except StoreUnavailable:
            if new:  # else a slip in the address would have to be deleted by hand
                place[1].unlink()
            raise

    @classmethod
    def open(cls, folder: Path) -> Database:
        """Open the host in *folder*; raise `StoreMissing` where there is none."""
        return cls._ready(*located(folder))

    @classmethod
    def _ready(cls, url: URL, path: Path) -> Database:
        database = cls(url, path)
        try:
            database._ensure_tables()
        except BaseException:
            database.close()
            raise
        return database

    def _ensure_tables(self) -> None:
        known = self.schema()
        if known is None:
            with self._writing(otumat_installs=None) as connection:
                known = _version(connection)  # another process may have been quicker
                if known is None:
                    metadata.create_all(connection)
                    values = {"name": "schema", "value": str(SCHEMA_VERSION)}
                    connection.execute(insert(settings).values(values))
                    return
        if known < SCHEMA_VERSION:
            raise StoreOutdated(
                f"{self.name} has schema {known}, this version needs {SCHEMA_VERSION}: "
                "run `otumat-usage host upgrade`"
            )
        if known > SCHEMA_VERSION:
            raise StoreUnavailable(
                f"{self.name} has schema {known}, this version reads {SCHEMA_VERSION}: "
                "install a newer otumat-usage"
            )

    def schema(self) -> int | None:
        """Return the version of the store's tables, None when there are none yet."""
        with self.read() as connection:
            known = _version(connection)
            if known is not None:
                self.generation = generation(connection)
            return known

    @contextlib.contextmanager
    def read(self, *, single: bool = False) -> Iterator[Connection]:
        """Give a connection that sees one state of the store, or is for a *single* statement."""
        engine = self._single if single else self._engine
        with self._told("read"), read_from(engine) as connection:
            yield connection

    @contextlib.contextmanager
    def write(self, installs: Collection[bytes] | None = None) -> Iterator[Connection]:
        """Give a connection inside one write transaction, committed at the end.

        Args:
            installs: All that is written belongs to these installs, so that writes to
                others may run at the same time where the engine can; None when the
                write must stand alone.
        """
        with self._writing(otumat_installs=installs) as connection:
            self.generation = notice(connection)
            yield connection

    @contextlib.contextmanager
    def beside(self) -> Iterator[Connection]:
        """Give a write transaction that waits for nobody; it takes each `lock` it needs itself."""
        with self._writing(otumat_free=True) as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self, **options: object) -> Iterator[Connection]:
        with self._told("write"):
            connecting = self._engine.connect().execution_options(otumat_write=True, **options)
            with connecting as connection:
                try:
                    with connection.begin():
                        yield connection
                except BaseException:
                    # What was remembered about rows that now never were.
                    connection.info.clear()
                    raise

    @contextlib.contextmanager
    def apart(self, what: str, **options: object) -> Iterator[Connection]:
        """Give a connection that nobody gets afterwards: it may hold a lock, or tables of its own.

        Args:
            what: What it is for, as a verb, should it fail.
            options: As the engine has them.
        """
        with self._told(what), self._engine.connect() as pooled:
            connection = pooled.execution_options(**options)
            connection.detach()
            yield connection

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (DataError, IntegrityError):
            raise  # the fault of what was written, not of the store
        except DBAPIError as error:
            why = reason(error, self.path)
            raise StoreUnavailable(f"cannot {what} {self.name}: {why}") from error
        except PoolTimeout as error:
            raise StoreUnavailable(f"cannot {what} {self.name}: too many at once") from error

    @contextlib.contextmanager
    def leading(self) -> Iterator[Callable[[], None] | None]:
        """Lead all processes of this host while inside, None where another one does.

        What is given raises `StoreUnavailable` as soon as the leadership is lost. The
        lock belongs to a connection, so it is free again the moment its process dies.
        """
        if self.embedded:  # one process serves from a folder
            yield lambda: None
            return
        with self.apart("lead", isolation_level="AUTOCOMMIT") as connection:
            leads = try_lead(connection)
            yield (lambda: connection.execute(select(1)).close()) if leads else None

    @contextlib.contextmanager
    def serving(self, *, alone: bool = False) -> Iterator[Callable[[], None]]:
        """Be one of the processes that serve, or keep all away; what is given keeps it so.

        Raises:
            StoreInUse: see `Place.keep`. On SQLite only one process may serve at all.
        """
        if self.embedded:
            with serving_from(self.path.parent):
                self.close()  # until now the file could be replaced, with what was open of it
                yield lambda: None
            return
        with contextlib.closing(Place(self, alone=alone)) as place:
            place.keep()
            yield place.keep

    def flush(self, connection: Connection) -> None:
        """Move the write-ahead log into the file, so that what was erased is gone from both.

        Best effort: a reader elsewhere delays it until the next one. PostgreSQL does
        the same in its own time (autovacuum, and the archive of its log).
        """
        if self.embedded:
            connection.rollback()
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


def _version(connection: Connection) -> int | None:
    """Return the version of the tables in the store, None when there are none yet."""
    if not inspect(connection).has_table(settings.name):
        return None
    value = connection.scalar(select(settings.c.value).where(settings.c.name == "schema"))
    return None if value is None else int(value)
