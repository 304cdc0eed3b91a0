"""Run the few statements of the upload path at the driver's own speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otumat_usage.host._errors import StoreUnavailable

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection

__all__ = ["Prepared"]


class Prepared:
    """A statement compiled once and run by the driver itself.

    A tenth of the cost of running it through the library, for the few statements
    that every upload needs; written with `bindparam`, so the dialect still decides.
    """

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, list[str] | None]] = {}

    def rows(self, connection: Connection, **values: object) -> list[Any]:
        """Return the rows as plain tuples."""
        cursor = self._run(connection, values)
        try:
            return list(cursor.fetchall())
        finally:
            cursor.close()

    def run(self, connection: Connection, **values: object) -> None:
        """Run a statement that returns nothing."""
        self._run(connection, values).close()

    def _run(self, connection: Connection, values: dict[str, object]) -> Any:
        name = connection.dialect.name
        if name not in self._compiled:
            compiled = self._statement.compile(dialect=connection.dialect)
            order = getattr(compiled, "positiontup", None)
            self._compiled[name] = (str(compiled), order)
        text, order = self._compiled[name]
        driver = connection.dialect.loaded_dbapi
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text, values if order is None else [values[key] for key in order])
        except (driver.DataError, driver.IntegrityError):
            raise  # the fault of what was written, not of the store
        except driver.Error as error:
            raise StoreUnavailable(f"the database refused: {error}") from error
        return cursor
