"""Bring an older store to the tables of this version.

Each step is one function, run once, in the order of its number, all in the one
transaction that also notes the new version: SQLite and PostgreSQL both take changes
of tables back. A step writes its tables down for itself, as they were then, so that
a later change of `_schema` cannot change what it does.

No migration library: its history would hold these few lines and it would add a
quarter to the start of the host; what matters (one transaction, a copy before, a
test that opens a file of every earlier version) we must do ourselves either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._migration_3 import shorten_uploads
from otumat_usage.host._migration_7 import shorten_again
from otumat_usage.host._settings import recall, remember
from otumat_usage.host._sql import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    insert,
    literal,
    select,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage.host._sql import Connection

__all__ = ["STEPS", "migrate", "pending"]


def _add_rollups(connection: Connection) -> None:
    then = MetaData()
    log = Table(
        "log",
        then,
        Column("install", LargeBinary(16), primary_key=True),
        Column("batch", String(64), primary_key=True),
        Column("package", Integer),
    )
    inbox = Table(
        "inbox",
        then,
        Column("install", LargeBinary(16), primary_key=True),
        Column("batch", String(64), primary_key=True),
        Column("package", Integer, nullable=False),
        Column("since", Integer, nullable=False),
    )
    Index("inbox_by_package", inbox.c.package)
    member = Table(
        "member",
        then,
        Column("install", LargeBinary(16), primary_key=True),
        Column("package", Integer, nullable=False),
        Column("number", Integer, nullable=False),
    )
    Index("member_by_number", member.c.package, member.c.number)
    rollup = Table(
        "rollup",
        then,
        Column("package", Integer, primary_key=True, autoincrement=False),
        Column("dimension", String(32), primary_key=True),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("value", String(200), primary_key=True),
        Column("events", BigInteger, nullable=False),
        Column("users", Integer, nullable=False),
        Column("bits", LargeBinary, nullable=True),
    )
    then.create_all(connection, tables=[inbox, member, rollup])
    every = select(log.c.install, log.c.batch, log.c.package, literal(0))
    columns = ["install", "batch", "package", "since"]
    connection.execute(insert(inbox).from_select(columns, every))


def _add_api_tokens_and_self_keys(connection: Connection) -> None:
    then = MetaData()
    Table(
        "api_token",
        then,
        Column("id", LargeBinary(16), primary_key=True),
        Column("hash", LargeBinary(32), nullable=False),
        Column("name", String(64), nullable=False, unique=True),
        Column("scope", String(8), nullable=False),
        Column("packages", Text, nullable=True),
        Column("created", BigInteger, nullable=False),
        Column("expires", BigInteger, nullable=True),
        Column("used", Integer, nullable=True),
    )
    Table(
        "self_key",
        then,
        Column("install", LargeBinary(16), primary_key=True),
        Column("hash", LargeBinary(32), primary_key=True),
        Column("expires", BigInteger, nullable=False),
    )
    then.create_all(connection)


def _find_expired_by_kind(connection: Connection) -> None:
    then = MetaData()
    token = Table("token", then, Column("kind", String(8)), Column("expires", BigInteger))
    old = Index("token_by_expiry", token.c.expires)
    old.drop(connection)
    token.indexes.remove(old)
    Index("token_by_expiry", token.c.kind, token.c.expires).create(connection)


def _add_mails(connection: Connection) -> None:
    then = MetaData()
    mail = Table(
        "mail",
        then,
        Column("package", Integer, primary_key=True, autoincrement=False),
        Column("address", String(254), primary_key=True),
        Column("occasion", String(64), primary_key=True),
        Column("created", BigInteger, nullable=False),
        Column("due", BigInteger, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("state", String(8), nullable=False),
        Column("body", Text, nullable=True),
    )
    Index("mail_by_state", mail.c.state, mail.c.due)
    then.create_all(connection)


def _add_mixed(connection: Connection) -> None:
    then = MetaData()
    Table(
        "rollup_mixed",
        then,
        Column("package", Integer, primary_key=True, autoincrement=False),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("bits", LargeBinary, nullable=False),
        Column("pairs", LargeBinary, nullable=False),
    )
    then.create_all(connection)


def _add_blocks(connection: Connection) -> None:
    then = MetaData()
    sets = ("features", "pairs")
    Table(
        "rollup_block",
        then,
        Column("package", Integer, primary_key=True, autoincrement=False),
        Column("day", Integer, primary_key=True, autoincrement=False),
        *(Column(name, LargeBinary, nullable=False) for name in sets),
    )
    then.create_all(connection)
    if connection.dialect.name == "postgresql":
        for name in sets:
            change = f"ALTER TABLE rollup_block ALTER COLUMN {name} SET STORAGE EXTERNAL"
            connection.execute(text(change))


def _add_values(connection: Connection) -> None:
    # What was in the table is put together anew, with the rest.
    connection.execute(text("DROP TABLE rollup_block"))
    then = MetaData()
    Table(
        "rollup_block",
        then,
        Column("package", Integer, primary_key=True, autoincrement=False),
        Column("kind", String(32), primary_key=True),
        Column("weeks", Integer, primary_key=True, autoincrement=False),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("sets", LargeBinary, nullable=False),
    )
    then.create_all(connection)
    if connection.dialect.name == "postgresql":
        change = "ALTER TABLE rollup_block ALTER COLUMN sets SET STORAGE EXTERNAL"
        connection.execute(text(change))


#: What leads from each version to the next, and what it does in words.
STEPS: dict[int, tuple[str, Callable[[Connection], None]]] = {
    1: ("add the roll-ups; what is in the log is counted once the host serves", _add_rollups),
    2: ("store uploads in less room", shorten_uploads),
    3: ("add tokens of maintainers, and links to a user's own page", _add_api_tokens_and_self_keys),
    4: ("find expired tokens by their kind", _find_expired_by_kind),
    5: ("add the mails to maintainers", _add_mails),
    6: ("store uploads in less room again, and change statistics faster", shorten_again),
    7: ("add what tells features by version at once; filled once the host serves", _add_mixed),
    8: ("add what tells features of months sooner; filled while the host serves", _add_blocks),
    9: ("add the same of versions and systems; filled while the host serves", _add_values),
}


def pending(known: int, wanted: int) -> list[str]:
    """Return what is to be done from version *known* to *wanted*, in words."""
    return [f"schema {step + 1}: {STEPS[step][0]}" for step in range(known, wanted)]


def migrate(connection: Connection, wanted: int) -> list[str]:
    """Do it, inside the transaction of *connection*; return what was done."""
    known = int(recall(connection, "schema") or 0)
    done = pending(known, wanted)
    for step in range(known, wanted):
        STEPS[step][1](connection)
        remember(connection, "schema", str(step + 1))
    return done
