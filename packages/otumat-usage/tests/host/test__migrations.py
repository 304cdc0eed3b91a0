"""Laws of upgrading: all or nothing, a copy before, the same answers after."""

import contextlib
import gzip
import hashlib
import itertools
import json
import zlib

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import (
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
)

from otumat_usage.host import (
    _care,
    _keep,
    _log,
    _migrations,
    _packages,
    _restore,
    _statistics,
)
from otumat_usage.host._database import SCHEMA_VERSION, Database, inspect
from otumat_usage.host._errors import StoreInUse, StoreOutdated, StoreUnavailable
from otumat_usage.host.cli import host_group


@pytest.fixture
def folder(service):
    return service.host.database.path.parent


def summary(folder, now):
    database = Database.open(folder)
    with database.read() as connection:
        package = _packages.find(connection, "demo")
        found = _statistics.summarise(connection, package, now)
    database.close()
    return found


def set_schema(service, version):
    with service.host.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE setting SET value = '{version}' WHERE name = 'schema'")


@pytest.fixture
def old(service):
    """Make the store what version 1 of the tables left; return what it should answer."""
    tokens = service.enrol()
    for _ in range(3):
        service.upload(tokens, service.batch(tokens, "plot", "fit"))
    with service.host.database.read() as connection:
        package = _packages.find(connection, "demo")
        found = _statistics.summarise(connection, package, service.clock())
    with service.host.database.write() as connection:
        rows = old_uploads(connection, package.id)
        later = ("api_token", "self_key", "mail", "rollup_mixed", "rollup_block")
        added = ("inbox", "member", "rollup", *later)
        for table in ("log", "recent", *added):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        then = MetaData()
        log = Table(
            "log",
            then,
            Column("install", LargeBinary(16), primary_key=True),
            Column("batch", String(64), primary_key=True),
            *(Column(name, Integer) for name in ("package", "context", "n")),
            *(Column(name, BigInteger) for name in ("received", "sent_at", "first", "last")),
            Column("run", String(64)),
            Column("body", LargeBinary),
            Column("sha256", LargeBinary(32)),
            Column("rejected", Text),
            Column("dropped", Text),
        )
        Index("log_by_run", log.c.install, log.c.run, log.c.last)
        Index("log_by_package", log.c.package, log.c.received)
        then.create_all(connection)
        connection.execute(insert(log), rows)
        connection.exec_driver_sql("DROP INDEX token_by_expiry")
        connection.exec_driver_sql("CREATE INDEX token_by_expiry ON token (expires)")
    set_schema(service, 1)
    return found


def old_uploads(connection, package):
    """Return what is in the log as version 1 held it: ids as text, always compressed."""
    rows = []
    for entry in _log.entries(connection, package):
        steps = [b - a for a, b in itertools.pairwise([0, *entry.times])]
        rows.append(
            {
                "install": entry.install,
                "batch": entry.batch.hex(),
                "package": package,
                "received": entry.received,
                "sent_at": entry.received,
                "run": entry.run.hex(),
                "first": entry.first,
                "last": entry.last,
                "context": entry.context,
                "n": len(steps),
                "body": zlib.compress(msgspec.msgpack.encode((steps, entry.kinds, None, None))),
                "sha256": entry.batch * 2,
                "rejected": None,
                "dropped": None,
            }
        )
    return rows


def tables(database):
    with database.read() as connection:
        looked = inspect(connection)
        storage = {}
        if not database.embedded:
            how = "SELECT attrelid::regclass, attname, attstorage FROM pg_attribute"
            rows = connection.exec_driver_sql(f"{how} WHERE attname = 'bits'").all()
            storage = {"bits": sorted(map(tuple, rows))}
        return storage | {
            name: (
                [(c["name"], str(c["type"]), c["nullable"]) for c in looked.get_columns(name)],
                looked.get_pk_constraint(name)["constrained_columns"],
                sorted((i["name"], tuple(i["column_names"])) for i in looked.get_indexes(name)),
            )
            for name in looked.get_table_names()
        }


def test_an_upgraded_store_answers_as_before_and_looks_like_a_new_one(
    service, folder, old, engine, tmp_path
):
    with pytest.raises(StoreOutdated, match="host upgrade"):
        Database.open(folder)
    assert _keep.outdated(folder)

    done, copy = _keep.upgrade(folder)

    assert len(done) == SCHEMA_VERSION - 1
    assert copy.stat().st_size > 0
    assert _keep.outdated(folder) == []
    assert summary(folder, service.clock()) == old
    _care.roll_up(folder, anew=False)
    assert summary(folder, service.clock()) == old
    engine.place(tmp_path / "new")
    fresh = Database.open(tmp_path / "new")
    assert tables(service.host.database) == tables(fresh)
    fresh.close()


def test_a_backup_of_an_older_version_is_upgraded_as_it_is_restored(
    service, folder, old, engine, tmp_path
):
    """Into a host of this version, and into the old store itself, which nobody serves from."""
    _keep.backup(folder, tmp_path / "copy")
    engine.place(tmp_path / "new")

    _restore.restore(tmp_path / "new", tmp_path / "copy")
    _restore.restore(folder, tmp_path / "copy")

    for place in (tmp_path / "new", folder):
        _care.roll_up(place, anew=False)
        assert summary(place, service.clock()) == old
    with contextlib.closing(Database.open(folder)) as database:
        restored = tables(database)
    with contextlib.closing(Database.open(tmp_path / "new")) as fresh:
        assert restored == tables(fresh)


@pytest.mark.usefixtures("old")
def test_a_step_that_fails_leaves_everything_as_it_was(service, folder, monkeypatch):
    before = tables(service.host.database)

    def fail(connection):
        _migrations.STEPS[1][1](connection)
        connection.exec_driver_sql("SELECT * FROM no_such_table")

    monkeypatch.setattr(_keep, "migrate", lambda connection, _wanted: fail(connection))
    with pytest.raises(StoreUnavailable, match="no_such_table"):
        _keep.upgrade(folder)

    assert tables(service.host.database) == before
    assert len(_keep.outdated(folder)) == SCHEMA_VERSION - 1


@pytest.mark.usefixtures("old")
def test_nothing_is_changed_while_a_host_serves(service, folder):
    with service.host.database.serving(), pytest.raises(StoreInUse):
        _keep.upgrade(folder)

    assert _keep.outdated(folder)


def test_a_newer_store_is_left_alone(service, folder):
    set_schema(service, 99)

    for ask in (_keep.outdated, _keep.upgrade, Database.open):
        with pytest.raises(StoreUnavailable, match="schema 99"):
            ask(folder)


@pytest.mark.usefixtures("old")
def test_the_command_checks_without_changing(folder):
    def run(*words):
        return CliRunner().invoke(host_group, ["upgrade", "-d", str(folder), *words])

    checked = run("--check")
    done = run()
    again = run("--check")

    planned = "\n".join(done.stdout.splitlines()[: SCHEMA_VERSION - 1])
    assert (checked.exit_code, checked.stdout) == (1, planned + "\n")
    assert "kept what was there as" in done.stdout
    assert (again.exit_code, again.stdout) == (0, "up to date\n")


def test_what_was_sent_before_the_upload_was_shortened_is_known_after(service, folder):
    """Version 6 held longer hashes: a repetition gets its receipt still, a reused id none."""
    package, tokens = service.add("demo").id, service.enrol()
    sent = service.batch(tokens, "plot", "", "fit", dropped={"full": 2})
    data = gzip.compress(json.dumps(sent).encode())
    before = service.upload(tokens, data).json()
    answers = summary(folder, service.clock())
    longer = [hashlib.blake2b(sent[n].encode(), digest_size=8).digest() for n in ("run", "batch")]
    with service.host.database.write() as connection:
        (entry,) = _log.entries(connection, package)
        steps = [b - a for a, b in itertools.pairwise([entry.received, *entry.times])]
        row = {
            "install": entry.install, "run": longer[0], "last": entry.last,
            "batch": longer[1] + hashlib.sha256(gzip.decompress(data)).digest()[:8],
            "span": entry.last - entry.first, "package": package,
            "received": entry.received, "context": entry.context,
            "body": msgspec.msgpack.encode([steps, entry.kinds]),
            "rejected": json.dumps(entry.rejected), "dropped": json.dumps(entry.dropped),
        }  # fmt: skip
        version_6(connection, row)
    set_schema(service, 6)

    _keep.upgrade(folder)

    assert summary(folder, service.clock()) == answers
    again = service.upload(tokens, data).json()
    assert again.pop("duplicate") is True
    assert before.pop("duplicate") is False
    before.pop("next_upload_after"), again.pop("next_upload_after")
    assert again == before
    assert service.upload(tokens, sent | {"dropped": {}}).status_code == 422
    moved = {"run": "another", "first": 7, "last": 9}
    assert service.upload(tokens, sent | moved).status_code == 422
    _care.roll_up(folder, anew=False)
    assert summary(folder, service.clock()) == answers
    _care.roll_up(folder, anew=True)
    assert summary(folder, service.clock()) == answers


def version_6(connection, upload):
    """Make the tables of uploads as version 6 had them, with one upload that waits."""
    came_later = ("rollup_mixed", "rollup_block")
    for name in ("log", "recent", "inbox", *came_later):
        connection.exec_driver_sql(f"DROP TABLE {name}")
    then = MetaData()

    def place():
        kinds = {
            "install": LargeBinary(16), "run": LargeBinary(8), "last": BigInteger,
            "batch": LargeBinary(16),
        }  # fmt: skip
        return [Column(name, kind, primary_key=True) for name, kind in kinds.items()]

    numbers = (("span", BigInteger), ("package", Integer), ("received", BigInteger))
    log = Table(
        "log", then, *place(),
        *(Column(name, kind, nullable=False) for name, kind in numbers),
        Column("context", Integer, nullable=False), Column("body", LargeBinary, nullable=False),
        Column("rejected", Text), Column("dropped", Text), sqlite_with_rowid=False,
    )  # fmt: skip
    key = {"install": LargeBinary(16), "batch": LargeBinary(8)}
    recent = Table(
        "recent", then, *(Column(name, kind, primary_key=True) for name, kind in key.items()),
        Column("day", Integer, nullable=False), sqlite_with_rowid=False,
    )  # fmt: skip
    package = Column("package", Integer, primary_key=True, autoincrement=False)
    inbox = Table("inbox", then, package, *place(), sqlite_with_rowid=False)
    then.create_all(connection)
    day = upload["received"] // 86_400_000
    late = {"install": upload["install"], "batch": upload["batch"][:8], "day": day}
    connection.execute(insert(log).values(upload))
    connection.execute(insert(recent).values(late))
    connection.execute(insert(inbox).values({c.name: upload[c.name] for c in inbox.c}))
