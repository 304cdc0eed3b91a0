"""Tell whether the store is the one that this process knows, or a backup put in its place.

What a process remembers about rows is right for one generation of the store only; each restore
begins another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._prepared import Prepared
from otumat_usage.host._schema import settings
from otumat_usage.host._secrets import new_secret
from otumat_usage.host._sql import delete, insert, select

if TYPE_CHECKING:
    from otumat_usage.host._sql import Connection

__all__ = ["begin_another", "generation", "notice"]

_NAME = "generation"
_READ = Prepared(select(settings.c.value).where(settings.c.name == _NAME))


def generation(connection: Connection) -> str:
    """Return what is another text after each restore."""
    for (value,) in _READ.rows(connection):
        return str(value)
    return ""


def notice(connection: Connection) -> str:
    """Return the generation; what *connection* remembers about rows of another one is forgotten."""
    now = generation(connection)
    if connection.info.get(_NAME, "") != now:
        connection.info.clear()
        connection.info[_NAME] = now
    return now


def begin_another(connection: Connection) -> None:
    """Make every process forget what it remembers, as soon as this transaction is committed."""
    connection.execute(delete(settings).where(settings.c.name == _NAME))
    connection.execute(insert(settings).values(name=_NAME, value=new_secret()))
