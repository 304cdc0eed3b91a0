"""Say how the tables are spread over several machines by Citus; nothing is carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._schema import BY_PACKAGE, REFERENCE, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["citus_statements", "distribution_column"]


def distribution_column(table: str) -> str | None:
    """Return the column by which *table* is spread, None when it is copied to every machine."""
    if table in REFERENCE:
        return None
    if table in BY_PACKAGE:
        return "package"
    return "id" if table == "install" else "install"


def citus_statements() -> Iterator[str]:
    """Yield the statements, for the operator to review and run on the coordinator."""
    yield "-- For the coordinator of a Citus cluster, while no host serves. Read before you run."
    yield "-- Everything of one install lands on one machine; small tables are copied to all."
    yield "CREATE EXTENSION IF NOT EXISTS citus;"
    tables = [table.name for table in metadata.sorted_tables]
    for table in tables:
        if distribution_column(table) is None:
            yield f"SELECT create_reference_table('{table}');"
    together = None
    for table in tables:
        column = distribution_column(table)
        if column is None or table in BY_PACKAGE:
            continue
        beside = f", colocate_with => '{together}'" if together else ""
        yield f"SELECT create_distributed_table('{table}', '{column}'{beside});"
        together = together or table
    for table in sorted(BY_PACKAGE):
        yield f"SELECT create_distributed_table('{table}', 'package', colocate_with => 'none');"
    yield "-- The coordinator's own copy of what was there before stays in its files, where"
    yield "-- neither a query nor an erasure reaches it. Once the cluster answers rightly:"
    for table in sorted(tables):
        yield f"SELECT truncate_local_data_after_distributing_table('{table}');"
