"""Hold a place among the processes that serve from a PostgreSQL database, or keep all away."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from otumat_usage.host._engine import try_serve
from otumat_usage.host._errors import StoreInUse
from otumat_usage.host._sql import DBAPIError, select

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection, Database

__all__ = ["Place"]


class Place:
    """A lock that lives with a connection, and is taken anew when that was lost.

    Args:
        database: Where.
        alone: Keep all others away, instead of being one of those who serve.
    """

    def __init__(self, database: Database, *, alone: bool) -> None:
        self._database = database
        self._alone = alone
        self._held: Connection | None = None
        self._ours = contextlib.ExitStack()

    def keep(self) -> None:
        """Have the place, also after the database was away.

        Raises:
            StoreInUse: this process wants to be alone and others serve, or the other way round.
            StoreUnavailable: the database is away.
        """
        if self._held is not None:
            with contextlib.suppress(DBAPIError):
                self._held.execute(select(1)).close()
                return
        self.close()
        own = self._database.apart("serve from", isolation_level="AUTOCOMMIT")
        held = self._ours.enter_context(own)
        if not try_serve(held, alone=self._alone):
            self.close()
            other = "a host serves from" if self._alone else "someone changes"
            raise StoreInUse(f"{other} {self._database.name}: wait for it, or stop it first")
        self._held = held

    def close(self) -> None:
        """Leave the place."""
        self._held = None
        self._ours.close()
