"""Lead the tables from version 2 to 3: an upload takes less room.

Written down for itself, as the tables were then (see `_migrations`).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from otumat_usage.host._bitmaps import pack_set, union, unpack_set
from otumat_usage.host._body import pack, unpack
from otumat_usage.host._errors import StoreUnavailable
from otumat_usage.host._settings import remember
from otumat_usage.host._sql import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otumat_usage.host._sql import Connection

__all__ = ["shorten_uploads"]

_ROWS = 2000
_SHORT = 8
_DAY = 86_400_000


def _old(metadata: MetaData) -> tuple[Table, Table]:
    key = (("install", LargeBinary(16)), ("batch", String(64)))
    log = Table(
        "log",
        metadata,
        *(Column(name, kind, primary_key=True) for name, kind in key),
        Column("package", Integer),
        Column("received", BigInteger),
        Column("run", String(64)),
        Column("first", BigInteger),
        Column("last", BigInteger),
        Column("context", Integer),
        Column("body", LargeBinary),
        Column("sha256", LargeBinary(32)),
        Column("rejected", Text),
        Column("dropped", Text),
    )
    Index("log_by_run", log.c.install, log.c.run, log.c.last)
    Index("log_by_package", log.c.package, log.c.received)
    inbox = Table(
        "inbox",
        metadata,
        *(Column(name, kind, primary_key=True) for name, kind in key),
        Column("package", Integer),
        Column("since", Integer),
    )
    Index("inbox_by_package", inbox.c.package)
    return log, inbox


def _new(metadata: MetaData) -> tuple[Table, Table, Table]:
    def place() -> list[Column[Any]]:
        return [
            Column("install", LargeBinary(16), primary_key=True),
            Column("run", LargeBinary(8), primary_key=True),
            Column("last", BigInteger, primary_key=True, autoincrement=False),
            Column("batch", LargeBinary(16), primary_key=True),
        ]

    log = Table(
        "log",
        metadata,
        *place(),
        Column("span", BigInteger, nullable=False),
        Column("package", Integer, nullable=False),
        Column("received", BigInteger, nullable=False),
        Column("context", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("rejected", Text, nullable=True),
        Column("dropped", Text, nullable=True),
        sqlite_with_rowid=False,
    )
    recent = Table(
        "recent",
        metadata,
        Column("install", LargeBinary(16), primary_key=True),
        Column("batch", LargeBinary(8), primary_key=True),
        Column("day", Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    inbox = Table(
        "inbox",
        metadata,
        Column("package", Integer, primary_key=True, autoincrement=False),
        *place(),
        sqlite_with_rowid=False,
    )
    _rollup(metadata, "rollup_week")
    return log, recent, inbox


def shorten_uploads(connection: Connection) -> None:
    """Move every upload into the new tables; what is counted stays counted."""
    before, after = MetaData(), MetaData()
    for table in _old(before):
        for index in table.indexes:
            index.drop(connection)
        connection.execute(text(f"ALTER TABLE {table.name} RENAME TO old_{table.name}"))
        if connection.dialect.name == "postgresql":  # an index keeps its name
            connection.execute(
                text(f"ALTER INDEX {table.name}_pkey RENAME TO old_{table.name}_pkey")
            )
    old_log, old_inbox = (_renamed(before.tables[name]) for name in ("log", "inbox"))
    if connection.scalar(select(func.count()).where(old_inbox.c.since > 0)):
        raise StoreUnavailable(
            "statistics are half rebuilt: let `otumat-usage host rollup` of the version "
            "before finish, then upgrade"
        )
    log, recent, inbox = _new(after)
    after.create_all(connection)
    for rows in _parts(connection, old_log, old_inbox):
        made = [_made(row) for row in rows]
        connection.execute(insert(log), made)
        connection.execute(insert(recent), [_late(row) for row in made])
        waiting = [row for row, old in zip(made, rows, strict=True) if old.since is not None]
        if waiting:
            names = [column.name for column in inbox.c]
            connection.execute(insert(inbox), [{n: row[n] for n in names} for row in waiting])
    _gather(connection)
    newest = select(log.c.package, func.max(log.c.received)).group_by(log.c.package)
    for package, last in connection.execute(newest).all():
        remember(connection, f"newest:{package}", str(last))
    connection.execute(text("DROP TABLE old_inbox"))
    connection.execute(text("DROP TABLE old_log"))


def _renamed(table: Table) -> Table:
    return table.to_metadata(MetaData(), name=f"old_{table.name}")


def _parts(connection: Connection, log: Table, inbox: Table) -> Iterator[Sequence[Any]]:
    """Yield the old rows a part at a time, each with the state of its counting."""
    own = (inbox.c.install == log.c.install) & (inbox.c.batch == log.c.batch)
    statement = (
        select(log, inbox.c.since)
        .outerjoin(inbox, own)
        .order_by(log.c.install, log.c.batch)
        .limit(_ROWS)
    )
    rows = connection.execute(statement).all()
    while rows:
        yield rows
        install, batch = rows[-1].install, rows[-1].batch
        later = (log.c.install > install) | ((log.c.install == install) & (log.c.batch > batch))
        rows = connection.execute(statement.where(later)).all()


def _made(row: Any) -> dict[str, Any]:
    times, kinds, counts, properties = unpack(0, row.body)
    return {
        "install": row.install,
        "run": _short(row.run),
        "last": row.last,
        "batch": _short(row.batch) + row.sha256[:_SHORT],
        "span": row.last - row.first,
        "package": row.package,
        "received": row.received,
        "context": row.context,
        "body": pack(row.received, times, kinds, counts, properties),
        "rejected": row.rejected,
        "dropped": row.dropped,
    }


def _late(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "install": row["install"],
        "batch": row["batch"][:_SHORT],
        "day": row["received"] // _DAY,
    }


def _short(text_: str) -> bytes:
    return hashlib.blake2b(text_.encode(), digest_size=_SHORT).digest()


def _gather(connection: Connection) -> None:
    """Make the weeks of the days that are counted."""
    days, weeks = (_rollup(MetaData(), name) for name in ("rollup", "rollup_week"))
    keys = (days.c.package, days.c.dimension, days.c.value)
    for package, dimension, value in connection.execute(select(*keys).distinct()).all():
        if dimension == "health":
            continue
        ours = (keys[0] == package) & (keys[1] == dimension) & (keys[2] == value)
        made: dict[int, list[Any]] = {}
        for row in connection.execute(select(days).where(ours)):
            made.setdefault(row.day - (row.day + 3) % 7, []).append(row)
        rows = []
        for monday, some in made.items():
            users = union(unpack_set(row.bits) for row in some if row.bits is not None)
            known = all(row.bits is not None for row in some)
            rows.append(
                {
                    "package": package,
                    "dimension": dimension,
                    "value": value,
                    "day": monday,
                    "events": sum(row.events for row in some),
                    "users": len(users),
                    "bits": pack_set(users) if known else None,
                }
            )
        connection.execute(insert(weeks), rows)


def _rollup(metadata: MetaData, name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("package", Integer, primary_key=True, autoincrement=False),
        Column("dimension", String(32), primary_key=True),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("value", String(200), primary_key=True),
        Column("events", BigInteger, nullable=False),
        Column("users", Integer, nullable=False),
        Column("bits", LargeBinary, nullable=True),
    )
