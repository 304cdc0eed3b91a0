"""Write down the tables.

Every unique key of a table that grows with installs starts with the install, so
that the same schema can be distributed by install without change. The tables
named in `REFERENCE` are small and would be copied to every machine.

Instants are milliseconds since 1970 in UTC. Secrets appear only as SHA-256.
"""

from __future__ import annotations

from otumat_usage.host._sql import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    event,
    text,
)

__all__ = [
    "BY_PACKAGE",
    "REFERENCE",
    "SCHEMA_VERSION",
    "admin_links",
    "api_tokens",
    "auth_codes",
    "blocks",
    "consents",
    "contexts",
    "device_grants",
    "event_types",
    "families",
    "inbox",
    "installs",
    "log",
    "mails",
    "members",
    "metadata",
    "mixed",
    "packages",
    "recent",
    "rollups",
    "self_keys",
    "sessions",
    "settings",
    "tokens",
    "tombstones",
    "weeks",
]

SCHEMA_VERSION = 10

metadata = MetaData()

settings = Table(
    "setting",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
packages = Table(
    "package",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(214), nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("settings", Text, nullable=False),
)
# One row per browser decision, yes or no: the consent rate. It names no install.
consents = Table(
    "consent",
    metadata,
    Column("package", Integer, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("decision", String(8), primary_key=True),
    Column("count", Integer, nullable=False),
)
installs = Table(
    "install",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("package", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),  # pending, active, revoked
    Column("consent_sha256", String(64), nullable=False),
    Column("consent_version", String(32), nullable=False),
    Column("consent_at", BigInteger, nullable=False),
    Column("consent_how", String(16), nullable=False),  # see `_held`
    Column("survey", Text, nullable=True),
)
Index("install_by_package", installs.c.package, installs.c.state)
auth_codes = Table(
    "auth_code",
    metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("family", LargeBinary(16), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", String(128), nullable=False),
    Column("scope", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used", Integer, nullable=False),
)
device_grants = Table(
    "device_grant",
    metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("user_code", String(8), nullable=False),
    Column("package", Integer, nullable=False),
    Column("scope", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),  # pending, approved, denied, used
    Column("interval", Integer, nullable=False),  # seconds
    Column("polled", BigInteger, nullable=False),
)
Index("device_by_user_code", device_grants.c.user_code)
families = Table(
    "token_family",
    metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("id", LargeBinary(16), primary_key=True),
    Column("scope", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # active, revoked, stolen
    # The highest generation seen in use. A refresh token below it is retired.
    Column("seen", Integer, nullable=False),
)
tokens = Table(
    "token",
    metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("kind", String(8), nullable=False),  # access, refresh
    Column("family", LargeBinary(16), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("scope", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("nonce", LargeBinary(16), nullable=True),
)
Index("token_by_expiry", tokens.c.kind, tokens.c.expires)
contexts = Table(
    "context",
    metadata,
    Column("package", Integer, primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("value", Text, nullable=False),
)
event_types = Table(
    "event_type",
    metadata,
    Column("package", Integer, primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
)
# One row per upload, in its key's own order: the key is all that it is looked up by. Numbers come
# first and nothing is null, because PostgreSQL would fill up to eight bytes for each otherwise.
#   run:   6 bytes of a hash of the run's id.
#   last:  the last sequence number of the upload's range, *span* its length less one.
#   batch: 6 bytes of a hash of the batch's id, then 6 of one of its body.
#   refused: what was not taken, and what the client had dropped: JSON, "" for neither.
# Hashes are only compared within one install. 48 bits: of 100 000 installs with 400 runs each, one
# in 35 000 such hosts has an install with two runs that look alike. To be taken for a repetition,
# two uploads of overlapping numbers of one run have to agree in 96 bits.
log = Table(
    "log",
    metadata,
    Column("last", BigInteger, nullable=False),
    Column("span", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("package", Integer, nullable=False),
    Column("context", Integer, nullable=False),
    Column("install", LargeBinary(16), nullable=False),
    Column("run", LargeBinary(6), nullable=False),
    Column("batch", LargeBinary(12), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("refused", Text, nullable=False),
    PrimaryKeyConstraint("install", "run", "last", "batch"),
    sqlite_with_rowid=False,
)
# Which batch ids came lately, so that one used again for another body is noticed in any run.
recent = Table(
    "recent",
    metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("batch", LargeBinary(6), primary_key=True),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
# Uploads that are in the log and not in the roll-ups yet: written with the one, deleted with the
# other.
inbox = Table(
    "inbox",
    metadata,
    Column("package", Integer, primary_key=True, autoincrement=False),
    Column("install", LargeBinary(16), primary_key=True),
    Column("run", LargeBinary(6), primary_key=True),
    Column("last", BigInteger, primary_key=True),
    Column("batch", LargeBinary(12), primary_key=True),
    sqlite_with_rowid=False,
)
# The small number that stands for an install in the roll-ups' bitmaps.
members = Table(
    "member",
    metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("package", Integer, nullable=False),
    Column("number", Integer, nullable=False),
)
Index("member_by_number", members.c.package, members.c.number)
# Derived from the log. `bits` is the set of installs; null when only their number is kept.
rollups = Table(
    "rollup",
    metadata,
    Column("package", Integer, primary_key=True),
    Column("dimension", String(32), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("value", String(200), primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("users", Integer, nullable=False),
    Column("bits", LargeBinary, nullable=True),
)
# The same by week; `day` is its Monday.
weeks = Table(
    "rollup_week",
    metadata,
    Column("package", Integer, primary_key=True),
    Column("dimension", String(32), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("value", String(200), primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("users", Integer, nullable=False),
    Column("bits", LargeBinary, nullable=True),
)
# By week, too: who had more than one version in it, and, as `pairs`, what they used in which.
mixed = Table(
    "rollup_mixed",
    metadata,
    Column("package", Integer, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("bits", LargeBinary, nullable=False),
    Column("pairs", LargeBinary, nullable=False),
)
# By some whole weeks, where they are over: of each `kind` what `_blocks` says.
blocks = Table(
    "rollup_block",
    metadata,
    Column("package", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(32), primary_key=True),
    Column("weeks", Integer, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("sets", LargeBinary, nullable=False),
)
sessions = Table(
    "session",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("expires", BigInteger, nullable=False),
)
admin_links = Table(
    "admin_link",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("expires", BigInteger, nullable=False),
)

# What a maintainer's own programs ask with.
api_tokens = Table(
    "api_token",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("hash", LargeBinary(32), nullable=False),
    Column("name", String(64), nullable=False, unique=True),
    Column("scope", String(8), nullable=False),  # read, admin
    Column("packages", Text, nullable=True),  # null: all of them
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=True),
    Column("used", Integer, nullable=True),  # the last day
)
# What lets a user see their own data in a browser: a one-time link, then a session.
self_keys = Table(
    "self_key",
    metadata,
    Column("install", LargeBinary(16), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("expires", BigInteger, nullable=False),
)
# Mails to maintainers: a row is there before a mail is sent, and stays, so that none is sent twice.
mails = Table(
    "mail",
    metadata,
    Column("package", Integer, primary_key=True, autoincrement=False),
    Column("address", String(254), primary_key=True),
    Column("occasion", String(64), primary_key=True),
    Column("created", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", String(8), nullable=False),  # waiting, sent, dropped
    Column("body", Text, nullable=True),
)
Index("mail_by_state", mails.c.state, mails.c.due)

# Hashes of erased installs' ids: what lets us say "gone" and not only "unknown".
tombstones = Table(
    "tombstone",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
)


@event.listens_for(rollups, "after_create", propagate=True)  # to copies of the table
@event.listens_for(weeks, "after_create", propagate=True)
@event.listens_for(blocks, "after_create", propagate=True)
def _leave_sets_alone(table: Table, connection: Connection, **_: object) -> None:
    # They are as short as can be: PostgreSQL's own compression would try for nothing, and that
    # is most of the time that writing them takes.
    if connection.dialect.name == "postgresql":
        name = connection.dialect.identifier_preparer.format_table(table)
        for column in table.c:
            if isinstance(column.type, LargeBinary):
                change = f"ALTER TABLE {name} ALTER COLUMN {column.name} SET STORAGE EXTERNAL"
                connection.execute(text(change))


#: Tables that hold statistics of a package: distributed by package.
BY_PACKAGE = frozenset(("rollup", "rollup_week", "rollup_mixed", "rollup_block"))
#: Small tables without an install: copied everywhere when the others are distributed.
REFERENCE = frozenset(
    (
        "setting",
        "package",
        "consent",
        "context",
        "event_type",
        "session",
        "admin_link",
        "api_token",
        "mail",
        "tombstone",
    )
)
