"""Keep the named values of a host: its address, its keys, how far its work has come."""

from __future__ import annotations

from otumat_usage.host._database import Connection, bindparam, insert, select, settings, update
from otumat_usage.host._prepared import Prepared

__all__ = ["recall", "remember"]

_VALUE = Prepared(select(settings.c.value).where(settings.c.name == bindparam("name")))


def recall(connection: Connection, name: str) -> str | None:
    """Return the value of that name, None when there is none."""
    for (value,) in _VALUE.rows(connection, name=name):
        return str(value)
    return None


def remember(connection: Connection, name: str, value: str) -> None:
    """Set the value of that name."""
    changed = update(settings).where(settings.c.name == name).values(value=value)
    if not connection.execute(changed).rowcount:
        connection.execute(insert(settings).values(name=name, value=value))
