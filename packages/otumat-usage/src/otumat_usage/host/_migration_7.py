"""Lead the tables from version 6 to 7: an upload takes less room, and sets are stored as they are.

Written down for itself, as the tables were then (see `_migrations`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otumat_usage.host._body import pack, pack_refused, unpack
from otumat_usage.host._sql import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    insert,
    select,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage.host._sql import Connection

__all__ = ["shorten_again"]

_ROWS = 2000
_WAS, _SHORT = 8, 6


def shorten_again(connection: Connection) -> None:
    """Move every upload into the new tables; what waits to be counted still waits."""
    before, after = MetaData(), MetaData()
    old = {table.name: table for table in _old(before)}
    for name in old:
        connection.execute(text(f"ALTER TABLE {name} RENAME TO old_{name}"))
        if connection.dialect.name == "postgresql":  # an index keeps its name
            connection.execute(text(f"ALTER INDEX {name}_pkey RENAME TO old_{name}_pkey"))
    new = {table.name: table for table in _new(after)}
    after.create_all(connection)
    made: dict[str, Callable[[Any], dict[str, Any]]] = {"log": _upload}
    for name, table in old.items():
        moved = select(table.to_metadata(MetaData(), name=f"old_{name}"))
        found = connection.execute(moved.execution_options(yield_per=_ROWS))
        for rows in found.partitions():
            connection.execute(insert(new[name]), [made.get(name, _shorter)(row) for row in rows])
        connection.execute(text(f"DROP TABLE old_{name}"))
    if connection.dialect.name == "postgresql":
        for name in ("rollup", "rollup_week"):
            connection.execute(text(f"ALTER TABLE {name} ALTER COLUMN bits SET STORAGE EXTERNAL"))


def _old(metadata: MetaData) -> tuple[Table, Table, Table]:
    def place() -> list[Column[Any]]:
        return [
            Column("install", LargeBinary(16), primary_key=True),
            Column("run", LargeBinary(8), primary_key=True),
            Column("last", BigInteger, primary_key=True),
            Column("batch", LargeBinary(16), primary_key=True),
        ]

    numbers = (("span", BigInteger), ("package", Integer), ("received", BigInteger))
    log = Table(
        "log",
        metadata,
        *place(),
        *(Column(name, kind) for name, kind in numbers),
        Column("context", Integer),
        Column("body", LargeBinary),
        Column("rejected", Text),
        Column("dropped", Text),
    )
    recent = Table(
        "recent",
        metadata,
        Column("install", LargeBinary(16), primary_key=True),
        Column("batch", LargeBinary(8), primary_key=True),
        Column("day", Integer),
    )
    inbox = Table("inbox", metadata, Column("package", Integer, primary_key=True), *place())
    return log, recent, inbox


def _new(metadata: MetaData) -> tuple[Table, Table, Table]:
    numbers = (("last", BigInteger), ("span", BigInteger), ("received", BigInteger))
    log = Table(
        "log",
        metadata,
        *(Column(name, kind, nullable=False) for name, kind in numbers),
        Column("package", Integer, nullable=False),
        Column("context", Integer, nullable=False),
        Column("install", LargeBinary(16), nullable=False),
        Column("run", LargeBinary(6), nullable=False),
        Column("batch", LargeBinary(12), nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("refused", Text, nullable=False),
        PrimaryKeyConstraint("install", "run", "last", "batch"),
        sqlite_with_rowid=False,
    )
    recent = Table(
        "recent",
        metadata,
        Column("install", LargeBinary(16), primary_key=True),
        Column("batch", LargeBinary(6), primary_key=True),
        Column("day", Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    inbox = Table(
        "inbox",
        metadata,
        Column("package", Integer, primary_key=True, autoincrement=False),
        Column("install", LargeBinary(16), primary_key=True),
        Column("run", LargeBinary(6), primary_key=True),
        Column("last", BigInteger, primary_key=True, autoincrement=False),
        Column("batch", LargeBinary(12), primary_key=True),
        sqlite_with_rowid=False,
    )
    return log, recent, inbox


def _upload(row: Any) -> dict[str, Any]:
    found = _shorter(row)
    rejected, dropped = (found.pop(name) for name in ("rejected", "dropped"))
    found["refused"] = pack_refused(json.loads(rejected or "[]"), json.loads(dropped or "{}"))
    found["body"] = pack(row.received, *unpack(row.received, row.body))
    return found


def _shorter(row: Any) -> dict[str, Any]:
    found = dict(row._mapping)  # noqa: SLF001 - the library's own name for it
    # Of two hashes, of a batch's id and its body, the beginning of each.
    batch = row.batch
    found["batch"] = batch[:_SHORT] + batch[_WAS : _WAS + _SHORT]
    if "run" in found:
        found["run"] = row.run[:_SHORT]
    return found
