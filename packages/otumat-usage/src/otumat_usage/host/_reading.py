"""Begin what only reads: a snapshot of the store, or a single statement."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otumat_usage.host._sql import Connection, Engine

__all__ = ["is_single", "read_from", "single_of"]

_SINGLE = "otumat_single"


def single_of(engine: Engine) -> Engine:
    """Return *engine*, with its connections, for what reads by a single statement."""
    return engine.execution_options(**{_SINGLE: True})


def is_single(connection: Connection) -> bool:
    """Say whether *connection* is for a single statement, so that nothing is to be begun."""
    return _SINGLE in connection.get_execution_options()


@contextlib.contextmanager
def read_from(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one state of the store, or one of `single_of`."""
    with engine.connect() as connection:
        if engine.dialect.name != "postgresql":
            yield connection
        elif is_single(connection):
            with _nothing_begun(connection):
                yield connection
        else:
            level = "REPEATABLE READ"
            yield connection.execution_options(isolation_level=level, postgresql_readonly=True)
            # Else it would end by a ROLLBACK, and at one psycopg forgets what it has prepared.
            connection.commit()


@contextlib.contextmanager
def _nothing_begun(connection: Connection) -> Iterator[None]:
    """Keep the driver from beginning a transaction.

    It is told by itself: to note it, and to take it back, takes the library as long as the server
    takes to answer.
    """
    driver: Any = connection.connection.driver_connection
    driver.autocommit = True
    try:
        yield
    finally:
        try:
            driver.autocommit = False
        except connection.dialect.loaded_dbapi.Error:  # it died meanwhile
            connection.invalidate()
