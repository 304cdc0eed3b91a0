"""Number the names of a package, so that the log stores numbers; both are bounded."""

from __future__ import annotations

from typing import Any

from otumat_usage.host._database import (
    Connection,
    Locked,
    bindparam,
    contexts,
    event_types,
    func,
    insert,
    lock,
    select,
)
from otumat_usage.host._prepared import Prepared

__all__ = ["CONTEXTS", "EVENT_TYPES", "Dictionary"]

#: Texts that one connection remembers before it starts anew.
_REMEMBERED = 50_000


class Dictionary:
    """The numbered texts of one table.

    Args:
        table: Columns ``package``, ``id`` and *column*.
        column: Where the text stands.
        bound: How many texts a package may have.
        overflow: What every further text is counted as.
    """

    def __init__(self, table: Any, column: str, *, bound: int, overflow: str) -> None:
        self.bound = bound
        self._name = table.name
        self._overflow = overflow
        ours = table.c.package == bindparam("package")
        same = table.c[column] == bindparam("text")
        self._find = Prepared(select(table.c.id).where(ours & same))
        self._size = Prepared(select(func.count()).where(ours))
        values: dict[str, Any] = {
            "package": bindparam("package"),
            "id": bindparam("id"),
            column: bindparam("text"),
        }
        self._add = Prepared(insert(table).values(values))
        self._all = select(table.c.id, table.c[column]).where(ours)

    def number(self, connection: Connection, package: int, text: str) -> int:
        """Return the number of *text*, adding it when it is new.

        A number never changes once it is committed, so each connection remembers;
        a transaction that fails makes it forget.
        """
        known: dict[tuple[int, str], int] = connection.info.setdefault(self._name, {})
        found = known.get((package, text))
        if found is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            found = known[package, text] = self._look_up(connection, package, text)
        return found

    def texts(self, connection: Connection, package: int) -> dict[int, str]:
        """Return the texts of *package* by their numbers."""
        rows = connection.execute(self._all, {"package": package})
        return {number: text for number, text in rows}  # noqa: C416 - rows are no pairs to mypy

    def _look_up(self, connection: Connection, package: int, text: str) -> int:
        for (number,) in self._find.rows(connection, package=package, text=text):
            return int(number)
        lock(connection, Locked.DICTIONARY)
        for (number,) in self._find.rows(connection, package=package, text=text):
            return int(number)  # another process was quicker
        ((size,),) = self._size.rows(connection, package=package)
        if size >= self.bound and text != self._overflow:
            return self.number(connection, package, self._overflow)
        self._add.run(connection, package=package, id=size + 1, text=text)
        return int(size) + 1


EVENT_TYPES = Dictionary(event_types, "name", bound=500, overflow="other")
CONTEXTS = Dictionary(contexts, "value", bound=2000, overflow="{}")
