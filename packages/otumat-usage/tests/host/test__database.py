"""Laws of the schema: distributable by install, durable, private."""

import os

import pytest
from sqlalchemy import UniqueConstraint

from otumat_usage.host._database import REFERENCE, Database, _metadata
from otumat_usage.host._errors import StoreMissing, StoreUnavailable

GROWING = [table for table in _metadata.sorted_tables if table.name not in REFERENCE]


@pytest.mark.parametrize("table", GROWING, ids=lambda table: table.name)
def test_every_unique_key_of_a_growing_table_holds_the_install(table):
    column = "id" if table.name == "install" else "install"
    keys = [
        [c.name for c in constraint.columns]
        for constraint in [table.primary_key, *table.constraints]
        if constraint is table.primary_key or isinstance(constraint, UniqueConstraint)
    ]
    keys += [[c.name for c in index.columns] for index in table.indexes if index.unique]

    assert keys
    assert all(column in key for key in keys)


def test_reference_tables_hold_no_install():
    for table in _metadata.sorted_tables:
        assert ("install" in table.c) <= (table.name not in REFERENCE)


def test_a_commit_is_on_disk_before_it_returns(tmp_path):
    database = Database.create(tmp_path)

    with database.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete")
        }
    database.close()

    assert settings == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no mode bits")
def test_only_the_owner_reads_it(tmp_path):
    folder = tmp_path / "a" / "b"

    Database.create(folder).close()

    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_what_is_no_host_is_named(tmp_path):
    with pytest.raises(StoreMissing, match="no host in"):
        Database.open(tmp_path)
    (tmp_path / "host.sqlite3").write_text("x" * 5000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        Database.open(tmp_path)


def test_another_schema_is_refused_not_rewritten(tmp_path):
    database = Database.create(tmp_path)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE setting SET value = '99' WHERE name = 'schema'")
    database.close()

    with pytest.raises(StoreUnavailable, match="schema 99"):
        Database.create(tmp_path)
