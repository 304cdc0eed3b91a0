"""Laws of the schema: distributable by install, durable, private."""

import contextlib
import os

import pytest
from sqlalchemy import UniqueConstraint

from otumat_usage.host import _sqlite
from otumat_usage.host._database import REFERENCE, Database, metadata, serving_from
from otumat_usage.host._errors import StoreInUse, StoreMissing, StoreUnavailable
from otumat_usage.host._scale import distribution_column
from otumat_usage.host._settings import recall, remember

SPREAD = [table for table in metadata.sorted_tables if distribution_column(table.name)]


@pytest.mark.parametrize("table", SPREAD, ids=lambda table: table.name)
def test_every_unique_key_holds_the_distribution_column(table):
    """What Citus demands of a table before it can be spread by that column."""
    column = distribution_column(table.name)
    keys = [
        [c.name for c in constraint.columns]
        for constraint in [table.primary_key, *table.constraints]
        if constraint is table.primary_key or isinstance(constraint, UniqueConstraint)
    ]
    keys += [[c.name for c in index.columns] for index in table.indexes if index.unique]

    assert keys
    assert all(column in key for key in keys)


def test_what_belongs_to_an_install_is_spread_by_it():
    for table in metadata.sorted_tables:
        column = "id" if table.name == "install" else "install"
        if column == "id" or column in table.c:
            assert distribution_column(table.name) == column


def test_reference_tables_hold_no_install():
    for table in metadata.sorted_tables:
        assert not ("install" in table.c and table.name in REFERENCE)


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


def test_no_host_is_made_where_a_backup_is_being_put(tmp_path):
    """Else the one would replace the file of the other, and both would say that all is well."""
    with serving_from(tmp_path), pytest.raises(StoreInUse):
        Database.create(tmp_path)
    assert not Database.lives_in(tmp_path)

    Database.create(tmp_path).close()


def test_a_file_that_was_replaced_before_the_folder_was_held_is_not_written_to(tmp_path):
    Database.create(tmp_path / "other").close()
    database, file = Database.create(tmp_path), tmp_path / "host.sqlite3"
    _sqlite.set_aside(file, tmp_path / "kept")
    (tmp_path / "other" / "host.sqlite3").replace(file)

    with database.serving(), database.write() as connection:
        remember(connection, "told", "yes")
    database.close()

    with contextlib.closing(Database.open(tmp_path)) as there, there.read() as connection:
        assert recall(connection, "told") == "yes"
