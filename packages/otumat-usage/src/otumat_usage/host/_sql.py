"""Own the SQL library: the words of it in which the host's storage is written."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
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
    inspect,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

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
    "LargeBinary",
    "MetaData",
    "PoolTimeout",
    "String",
    "Table",
    "Text",
    "bindparam",
    "create_engine",
    "delete",
    "event",
    "func",
    "insert",
    "inspect",
    "literal",
    "make_url",
    "select",
    "text",
    "update",
]
