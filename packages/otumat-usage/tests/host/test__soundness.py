"""Laws of the look at a backup: every one that a host wrote passes, and no other row gets in."""

import contextlib
import sqlite3
import zlib

import msgspec
import pytest
from pyroaring import BitMap

from otumat_usage.host import _care, _keep, _restore
from otumat_usage.host._database import log, metadata, rollups, select, update
from otumat_usage.host._errors import StoreUnavailable


def packed(*columns):
    return msgspec.msgpack.encode(columns)


@pytest.fixture
def folder(service):
    """Return the folder of a host with an upload of every kind, counted."""
    events = {"open": {"size": "int"}}
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, *["open"] * 200, dropped={"age": 2}))
    service.upload(tokens, service.batch(tokens, "open", "", events=events))
    folder = service.host.database.path.parent
    _care.roll_up(folder, anew=False)
    return folder


def rows(service):
    with service.host.database.read() as connection:
        return {
            table.name: [repr(tuple(row)) for row in connection.execute(select(table))]
            for table in metadata.sorted_tables
        }


def refused(service, folder, backup):
    """Say that *backup* is refused in one line, and nothing changed."""
    before = rows(service)
    with pytest.raises(StoreUnavailable, match="holds what no host would") as caught:
        _restore.restore(folder, backup)
    assert len(str(caught.value).splitlines()) == 1
    return rows(service) == before


@pytest.mark.parametrize(
    "values",
    [
        {"body": zlib.compress(bytes(2**26))},
        {"body": b""},
        {"body": zlib.compress(bytes(500))[:-5]},
        {"body": packed([0], [1, 1])},
        {"body": packed([0], [1], [1, 1])},
        {"body": packed([0], [1], [])},
        {"body": packed([0], [1], [1], [])},
        {"body": packed([0], [99])},
        {"body": packed([0], [1], [0])},
        {"body": packed([0], [1], [1_000_001])},
        {"body": packed([300_001], [1])},
        {"body": packed([-400 * 86_400_000 - 1], [1])},
        {"body": packed([2**63], [1])},
        {"received": -1},
        {"received": 2**53},
        {"span": -1},
        {"span": 2**53},
        {"last": 2**53},
        {"context": 99},
        {"package": 99},
        {"refused": "[]"},
        {"refused": '{"rejected": [1]}'},
        {"refused": '{"rejected": [{"row": 1}]}'},
        {"refused": '{"rejected": [{"reason": "count", "rows": -1}]}'},
        {"refused": '{"dropped": {"age": 2147483648}}'},
        {"refused": "no JSON"},
        {"refused": '{"rejected": [' + '{"reason": ""},' * 80_000 + '{"reason": ""}]}'},
    ],
)
def test_an_upload_that_cannot_be_counted_is_refused(service, folder, tmp_path, values):
    with service.host.database.write() as connection:
        connection.execute(update(log).values(**values).where(log.c.refused != ""))
    _keep.backup(folder, tmp_path / "copy")

    assert refused(service, folder, tmp_path / "copy")


@pytest.mark.parametrize("bits", [b"", b"no set", BitMap(range(2**32 - 1)).serialize()])
def test_a_set_of_more_installs_than_there_are_is_refused(service, folder, tmp_path, bits):
    """A run of four thousand million of them is some hundred kilobytes."""
    with service.host.database.write() as connection:
        connection.execute(update(rollups).values(bits=bits))
    _keep.backup(folder, tmp_path / "copy")

    assert refused(service, folder, tmp_path / "copy")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE install SET created = 'yesterday'",
        "UPDATE install SET id = x'00'",
        "UPDATE install SET consent_version = x'00'",
        "UPDATE install SET state = 'more than eight'",
        "UPDATE rollup SET events = 1.5",
        "UPDATE token_family SET id = 'sixteen letters.'",
    ],
)
def test_a_value_that_is_not_of_its_column_is_refused(service, folder, tmp_path, change):
    """SQLite holds any value in any column; what reads it does not."""
    backup = tmp_path / "copy"
    _keep.backup(folder, backup)
    with contextlib.closing(sqlite3.connect(backup)) as connection:
        connection.execute(change)
        connection.commit()

    assert refused(service, folder, backup)


def test_what_a_host_wrote_is_taken(folder, tmp_path):
    _keep.backup(folder, tmp_path / "copy")

    assert _restore.restore(folder, tmp_path / "copy").kept
