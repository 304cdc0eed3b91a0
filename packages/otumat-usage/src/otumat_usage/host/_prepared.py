"""Run the few statements of the upload path at the driver's own speed."""

from __future__ import annotations

import re
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from otumat_usage.host._errors import StoreUnavailable
from otumat_usage.host._reading import is_single
from otumat_usage.host._sql import bindparam, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from otumat_usage.host._database import Connection

__all__ = ["Each", "Prepared"]

#: Rows that a stream holds at once.
_FETCHED = 2000
#: Where psycopg is to send a list as bytes: as text, each value is looked at and quoted.
_LIST = re.compile(r"(?<=\))s(?=::\w+\[\])")
#: Rows that one statement is told at most, where each may hold a set of many kilobytes: with more,
#: what is told at once outgrows the caches of both sides.
_TOLD = 100


class Prepared:
    """A statement compiled once and run by the driver itself.

    A tenth of the cost of running it through the library, for the few statements
    that every upload needs; written with `bindparam`, so the dialect still decides.
    """

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, list[str] | None, dict[str, Any]]] = {}

    def rows(self, connection: Connection, **values: object) -> list[Any]:
        """Return the rows as plain tuples."""
        cursor = self._run(connection, values, **_binary(connection))
        try:
            return list(cursor.fetchall())
        finally:
            cursor.close()

    def each(self, connection: Connection, every: Iterable[dict[str, Any]]) -> Iterator[Any]:
        """Yield the rows that it returns for each of *every*."""
        text, order, constant = self._text(connection)
        cursor = self._cursor(connection)
        try:
            for values in every:
                _ask(connection, cursor.execute, text, _given(values, order, constant))
                yield from cursor.fetchall()
        finally:
            cursor.close()

    def stream(self, connection: Connection, **values: object) -> Iterator[Any]:
        """Yield the rows as plain tuples, a few thousand in memory at a time."""
        served: dict[str, Any] = (
            {} if connection.dialect.name == "sqlite" else {"name": "otumat_stream"}
        )
        cursor = self._run(connection, values, **served)
        try:
            while rows := cursor.fetchmany(_FETCHED):
                yield from rows
        finally:
            cursor.close()

    def run(self, connection: Connection, **values: object) -> None:
        """Run a statement that returns nothing."""
        self._run(connection, values).close()

    def many(self, connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
        """Run a statement that returns nothing once for each of *rows*."""
        _, order, _ = self._text(connection)
        each = rows if order is None else ([row[key] for key in order] for row in rows)
        self._run(connection, each, many=True).close()

    def _text(self, connection: Connection) -> tuple[str, list[str] | None, dict[str, Any]]:
        """Return the statement, its parameters' order where they have no names, and constants."""
        name = connection.dialect.name
        if name not in self._compiled:
            compiled = self._statement.compile(dialect=connection.dialect)
            order = getattr(compiled, "positiontup", None)
            constant = {key: v for key, v in compiled.params.items() if v is not None}
            text = _LIST.sub("b", str(compiled))
            self._compiled[name] = (text, order, constant)
        return self._compiled[name]

    def _run(self, connection: Connection, values: Any, *, many: bool = False, **how: Any) -> Any:
        text, order, constant = self._text(connection)
        cursor = self._cursor(connection, **how)
        if many:
            _ask(connection, cursor.executemany, text, values)
        else:
            _ask(connection, cursor.execute, text, _given(values, order, constant))
        return cursor

    @staticmethod
    def _cursor(connection: Connection, **how: Any) -> Any:
        if not (connection.in_transaction() or is_single(connection)):
            connection.begin()  # all that is read on one connection is of one state
        return connection.connection.cursor(**how)


class Each:
    """A statement about each of many rows: SQLite runs it for each, PostgreSQL once for all.

    To a server, thousands of small statements are mostly the work of taking and answering them.

    Args:
        statement: What makes the statement of the values of a row, by name.
        row: The columns of which such a row has values.
        most: Rows that PostgreSQL is told at once.
    """

    def __init__(
        self, statement: Callable[[Mapping[str, Any]], Any], *row: Any, most: int = _TOLD
    ) -> None:
        # Names of their own, because an UPDATE keeps those of the columns for itself.
        self._most = most
        self._own = {column.name: f"{column.name}_of_row" for column in row}
        self._one = Prepared(statement({n: bindparam(own) for n, own in self._own.items()}))
        self._all = Prepared(statement(rows_of({self._own[column.name]: column for column in row})))

    def run(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement that returns nothing for each of *rows*."""
        if connection.dialect.name == "sqlite":
            self._one.many(connection, map(self._named, rows))
        else:  # the server works on a part while the next one is made
            self._all.many(connection, self._parts(rows))

    def rows(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
        """Yield what it returns for all of *rows*, in no order."""
        if connection.dialect.name == "sqlite":
            return self._one.each(connection, map(self._named, rows))
        found = (self._all.rows(connection, **part) for part in self._parts(rows))
        return chain.from_iterable(found)

    def _named(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {own: row[name] for name, own in self._own.items()}

    def _parts(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, list[Any]]]:
        left = iter(rows)
        while part := list(islice(left, self._most)):
            yield {own: [row[name] for row in part] for name, own in self._own.items()}


def _binary(connection: Connection) -> dict[str, Any]:
    """Return what makes a cursor of PostgreSQL's that gets sets as they are, not in hexadecimal."""
    return {} if connection.dialect.name == "sqlite" else {"binary": True}


def _given(values: dict[str, Any], order: list[str] | None, constant: dict[str, Any]) -> Any:
    """Return the parameters of a statement as the driver wants them."""
    given = {**constant, **values} if constant else values
    return given if order is None else [given[key] for key in order]


def _ask(connection: Connection, run: Callable[[str, Any], Any], text: str, values: Any) -> None:
    driver = connection.dialect.loaded_dbapi
    try:
        run(text, values)
    except (driver.DataError, driver.IntegrityError):
        raise  # the fault of what was written, not of the store
    except driver.Error as error:
        raise StoreUnavailable(f"the database refused: {error}") from error
