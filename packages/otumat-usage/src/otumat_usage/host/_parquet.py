"""Own the columnar library: write the events of one package as a Parquet file.

One row is one event of the log, as it is counted. Installs appear as dense numbers
that mean something within this file only. Row groups are written as they fill, so
that memory does not grow with the log.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from otumat_usage.host._cells import CONTEXT, in_words
from otumat_usage.host._log import context_values, entries, type_names

if TYPE_CHECKING:
    from pathlib import Path

    from otumat_usage.host._database import Connection
    from otumat_usage.host._log import Entry
    from otumat_usage.host._packages import Package

__all__ = ["SCHEMA", "write_events"]

#: What a client may tell about its run, in the words that a filter uses.
_NAME = pa.dictionary(pa.int32(), pa.string())
_INSTANT = pa.timestamp("ms", tz="UTC")

#: The columns, in order; null is what no client told.
SCHEMA = pa.schema(
    [
        pa.field("time", _INSTANT, nullable=False),
        pa.field("event", _NAME, nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("install", pa.int32(), nullable=False),
        pa.field("properties", pa.string()),
        *(pa.field(name, _NAME) for name in CONTEXT),
        pa.field("received", _INSTANT, nullable=False),
    ]
)
#: Rows of a group: what is held in memory at once.
_GROUP = 100_000


def write_events(
    connection: Connection, package: Package, target: Path, *, group: int = _GROUP
) -> tuple[int, int]:
    """Write every event of *package* that the log holds; return how many rows and installs.

    Args:
        connection: A connection inside one transaction.
        package: The package.
        target: The file to write.
        group: Rows of a row group.

    Raises:
        OSError: it cannot be written.
    """
    names = type_names(connection, package.id)
    contexts = context_values(connection, package.id)
    numbers: dict[bytes, int] = {}
    rows, columns = 0, _empty()
    with pq.ParquetWriter(target, SCHEMA, compression="zstd") as writer:
        for entry in entries(connection, package.id):
            number = numbers.setdefault(entry.install, len(numbers) + 1)
            rows += _add(columns, entry, number, names, contexts[entry.context])
            if len(columns["time"]) >= group:
                writer.write_table(pa.table(columns, SCHEMA))
                columns = _empty()
        if columns["time"] or not rows:
            writer.write_table(pa.table(columns, SCHEMA))
    return rows, len(numbers)


def _empty() -> dict[str, list[Any]]:
    return {name: [] for name in SCHEMA.names}


def _add(
    columns: dict[str, list[Any]],
    entry: Entry,
    number: int,
    names: dict[int, str],
    context: dict[str, object],
) -> int:
    """Append the events of one upload; return how many they are."""
    many = len(entry.times)
    columns["time"] += entry.times
    columns["event"] += [names[kind] for kind in entry.kinds]
    columns["count"] += entry.counts
    columns["properties"] += [
        None if each is None else json.dumps(each, ensure_ascii=False, sort_keys=True)
        for each in entry.properties
    ]
    same: dict[str, Any] = {"install": number, "received": entry.received}
    same |= {name: in_words(context.get(name)) or None for name in CONTEXT}
    for name, value in same.items():
        columns[name] += [value] * many
    return many
