"""Run the few statements of the upload path at the driver's own speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otumat_usage.host._errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otumat_usage.host._database import Connection

__all__ = ["Prepared"]

#: Rows that a stream holds at once.
_FETCHED = 2000


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
            self._compiled[name] = (str(compiled), order, constant)
        return self._compiled[name]

    def _run(self, connection: Connection, values: Any, *, many: bool = False, **how: Any) -> Any:
        text, order, constant = self._text(connection)
        driver = connection.dialect.loaded_dbapi
        if not connection.in_transaction():
            connection.begin()  # all that is read on one connection is of one state
        cursor = connection.connection.cursor(**how)
        try:
            if many:
                cursor.executemany(text, values)
            else:
                given = {**constant, **values} if constant else values
                cursor.execute(text, given if order is None else [given[key] for key in order])
        except (driver.DataError, driver.IntegrityError):
            raise  # the fault of what was written, not of the store
        except driver.Error as error:
            raise StoreUnavailable(f"the database refused: {error}") from error
        return cursor


def _binary(connection: Connection) -> dict[str, Any]:
    """Return what makes a cursor of PostgreSQL's that gets sets as they are, not in hexadecimal."""
    return {} if connection.dialect.name == "sqlite" else {"binary": True}
