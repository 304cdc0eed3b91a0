"""Own the SQL library: the schema, the engine and its two kinds of transaction.

Every unique key of a table that grows with installs starts with the install, so
that the same schema can be distributed by install without change. The tables
named in `REFERENCE` are small and would be copied to every machine.

Instants are milliseconds since 1970 in UTC. Secrets appear only as SHA-256.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from otumat_usage.host._errors import StoreMissing, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


__all__ = [
    "REFERENCE",
    "Connection",
    "Database",
    "admin_links",
    "auth_codes",
    "bindparam",
    "consents",
    "contexts",
    "delete",
    "device_grants",
    "event_types",
    "families",
    "func",
    "insert",
    "installs",
    "log",
    "packages",
    "select",
    "sessions",
    "settings",
    "tokens",
    "tombstones",
    "update",
]

FILE_NAME = "host.sqlite3"
SCHEMA_VERSION = 1

_metadata = MetaData()

settings = Table(
    "setting",
    _metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
packages = Table(
    "package",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(214), nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("settings", Text, nullable=False),
)
# One row per browser decision, yes or no: the consent rate. It names no install.
consents = Table(
    "consent",
    _metadata,
    Column("package", Integer, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("decision", String(8), primary_key=True),
    Column("count", Integer, nullable=False),
)
installs = Table(
    "install",
    _metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("package", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),  # pending, active, revoked
    Column("consent_sha256", String(64), nullable=False),
    Column("consent_version", String(32), nullable=False),
    Column("consent_at", BigInteger, nullable=False),
    Column("consent_how", String(16), nullable=False),  # browser, device
    Column("survey", Text, nullable=True),
)
Index("install_by_package", installs.c.package, installs.c.state)
auth_codes = Table(
    "auth_code",
    _metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("family", LargeBinary(16), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", String(128), nullable=False),
    Column("scope", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used", Integer, nullable=False),
)
device_grants = Table(
    "device_grant",
    _metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("user_code", String(8), nullable=False),
    Column("package", Integer, nullable=False),
    Column("scope", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),  # pending, approved, denied, used
    Column("interval", Integer, nullable=False),  # seconds
    Column("polled", BigInteger, nullable=False),
)
Index("device_by_user_code", device_grants.c.user_code)
families = Table(
    "token_family",
    _metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("id", LargeBinary(16), primary_key=True),
    Column("scope", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # active, revoked, stolen
    # The highest generation seen in use. A refresh token below it is retired.
    Column("seen", Integer, nullable=False),
)
tokens = Table(
    "token",
    _metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("kind", String(8), nullable=False),  # access, refresh
    Column("family", LargeBinary(16), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("scope", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("nonce", LargeBinary(16), nullable=True),
)
Index("token_by_expiry", tokens.c.expires)
contexts = Table(
    "context",
    _metadata,
    Column("package", Integer, primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("value", Text, nullable=False),
)
event_types = Table(
    "event_type",
    _metadata,
    Column("package", Integer, primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
)
log = Table(
    "log",
    _metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("batch", String(64), primary_key=True),
    Column("package", Integer, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("run", String(64), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("context", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("rejected", Text, nullable=True),
    Column("dropped", Text, nullable=True),
)
Index("log_by_run", log.c.install, log.c.run, log.c.last)
Index("log_by_package", log.c.package, log.c.received)
sessions = Table(
    "session",
    _metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("expires", BigInteger, nullable=False),
)
admin_links = Table(
    "admin_link",
    _metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("expires", BigInteger, nullable=False),
)

# Hashes of erased installs' ids: what lets us say "gone" and not only "unknown".
tombstones = Table(
    "tombstone",
    _metadata,
    Column("hash", LargeBinary(32), primary_key=True),
)

#: Small tables without an install: copied everywhere when the others are distributed.
REFERENCE = frozenset(
    ("setting", "package", "consent", "context", "event_type", "session", "admin_link", "tombstone")
)


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
        )
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()  # SQLAlchemy 2.0 forgets a connection that it could not set up
            raise

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock first, so a writer never fails half-way.
        kind = "IMMEDIATE" if connection.get_execution_options().get("otumat_write") else "DEFERRED"
        connection.exec_driver_sql(f"BEGIN {kind}")


class Database:
    """Hold the engine and hand out transactions.

    Args:
        path: The SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = create_engine(
            URL.create("sqlite", database=str(path)),
            connect_args={"check_same_thread": False, "cached_statements": 256},
        )
        _configure_sqlite(self._engine)

    @classmethod
    def create(cls, folder: Path) -> Database:
        """Open the host in *folder*, making the folder and the tables when missing."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise StoreUnavailable(f"cannot make the folder {folder}: {reason}") from error
        path = folder / FILE_NAME
        if not path.exists():
            with contextlib.suppress(FileExistsError):
                os.close(
                    os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, stat.S_IRUSR | stat.S_IWUSR)
                )
        return cls._ready(path)

    @classmethod
    def open(cls, folder: Path) -> Database:
        """Open the host in *folder*; raise `StoreMissing` where there is none."""
        if not (folder / FILE_NAME).is_file():
            raise StoreMissing(
                f"no host in {folder}: make one with `otumat-usage host init -d {folder}`"
            )
        return cls._ready(folder / FILE_NAME)

    @classmethod
    def _ready(cls, path: Path) -> Database:
        database = cls(path)
        try:
            database._make_tables()
        except BaseException:
            database.close()
            raise
        return database

    def _make_tables(self) -> None:
        known = self._schema()
        if known is None:
            with self.write() as connection:
                _metadata.create_all(connection)
                values = {"name": "schema", "value": str(SCHEMA_VERSION)}
                connection.execute(insert(settings).values(values))
        elif known != SCHEMA_VERSION:
            raise StoreUnavailable(
                f"{self.path} has schema {known}, this version reads {SCHEMA_VERSION}: "
                "install the matching otumat-usage"
            )

    def _schema(self) -> int | None:
        """Return the version of the tables in the file, None when there are none yet."""
        with self.read() as connection:
            names = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE name = 'setting'"
            )
            if names.first() is None:
                return None
            value = connection.scalar(select(settings.c.value).where(settings.c.name == "schema"))
        return None if value is None else int(value)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one consistent state; nothing is written."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise StoreUnavailable(f"cannot read {self.path}: {error.orig}") from error

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection inside one write transaction, committed at the end."""
        try:
            connecting = self._engine.connect().execution_options(otumat_write=True)
            with connecting as connection:
                try:
                    with connection.begin():
                        yield connection
                except BaseException:
                    # What was remembered about rows that now never were.
                    connection.info.clear()
                    raise
        except DBAPIError as error:
            raise StoreUnavailable(f"cannot write {self.path}: {error.orig}") from error

    def flush(self, connection: Connection) -> None:
        """Move the write-ahead log into the file, so that what was erased is gone from both.

        Best effort: a reader elsewhere delays it until the next one.
        """
        connection.rollback()
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()
