"""Own the SQL library: the words of it in which the host's storage is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    and_,
    bindparam,
    column,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InvalidatePoolError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "URL",
    "ArgumentError",
    "BigInteger",
    "Column",
    "ColumnElement",
    "Connection",
    "DBAPIError",
    "DataError",
    "Engine",
    "Index",
    "Integer",
    "IntegrityError",
    "InvalidatePoolError",
    "LargeBinary",
    "MetaData",
    "PoolTimeout",
    "PrimaryKeyConstraint",
    "String",
    "Table",
    "Text",
    "and_",
    "bindparam",
    "create_engine",
    "delete",
    "event",
    "func",
    "insert",
    "inspect",
    "literal",
    "make_url",
    "or_",
    "rows_of",
    "select",
    "text",
    "update",
]


def rows_of(columns: Mapping[str, Column[Any]]) -> dict[str, Any]:
    """Return the columns, by their own names, of a table that parameters tell (PostgreSQL).

    Args:
        columns: What each of them is like, by the name of the parameter: the list of its values.
    """
    # Not `String(n)`, to which PostgreSQL would silently cut what is longer.
    kinds = {n: Text() if isinstance(c.type, String) else c.type for n, c in columns.items()}
    arrays = (bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items())
    names = (column(c.name, kinds[n]) for n, c in columns.items())
    told = func.unnest(*arrays).table_valued(*names, name="told").render_derived()
    return {c.name: told.c[c.name] for c in columns.values()}
