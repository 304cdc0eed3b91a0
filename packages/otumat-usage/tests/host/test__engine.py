"""Laws of the connections to PostgreSQL: none that died is used, and none is asked for nothing."""

import contextlib
import time

import pytest

from otumat_usage.host import _engine
from otumat_usage.host._database import Database, func, literal, select, settings
from otumat_usage.host._errors import StoreUnavailable
from otumat_usage.host._prepared import Prepared
from otumat_usage.host._settings import remember

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.parametrize("engine", ["postgresql"], indirect=True),
]
ONE = Prepared(select(literal("one")))


@pytest.fixture
def database(tmp_path, engine):
    engine.place(tmp_path / "host")
    with contextlib.closing(Database.open(tmp_path / "host")) as found:
        yield found


def process_of(connection):
    return connection.connection.driver_connection.info.backend_pid


def read(database, **how):
    """Read something; return the number of the server's process that answered."""
    with database.read(**how) as connection:
        assert ONE.rows(connection) == [("one",)]
        return process_of(connection)


def ends(engine, process):
    """End a process of the server, as its administrator or its failure would."""
    engine.sql(f"SELECT pg_terminate_backend({process})")
    end = time.monotonic() + 60
    while engine.sql(f"SELECT 1 FROM pg_stat_activity WHERE pid = {process}"):
        assert time.monotonic() < end, "it does not end"


@pytest.mark.parametrize("how", [{}, {"single": True}], ids=["snapshot", "single"])
def test_a_connection_that_died_a_moment_ago_is_replaced(database, engine, how):
    process = read(database, **how)
    assert read(database, **how) == process

    ends(engine, process)

    assert read(database, **how) != process


def test_a_connection_that_dies_under_a_single_statement_is_used_no_more(database, engine):
    with database.read(single=True) as connection:
        process = process_of(connection)
        ends(engine, process)
        with pytest.raises(StoreUnavailable, match="refused"):
            ONE.rows(connection)

    assert read(database) != process


def test_what_served_a_single_statement_gives_a_snapshot_afterwards(database):
    process = read(database, single=True)
    count = Prepared(select(func.count()).select_from(settings))

    with database.read() as connection:
        assert process_of(connection) == process
        before = count.rows(connection)
        with database.write() as other:
            remember(other, "another", "1")
        assert count.rows(connection) == before

    with database.read() as connection:
        assert count.rows(connection) == [(before[0][0] + 1,)]


def test_a_connection_that_lay_for_long_is_asked_before_it_is_used(database, monkeypatch):
    """It may be gone without a word: a firewall forgets, and tells nobody."""
    driver = database._engine.dialect.loaded_dbapi

    def asked(_connection):
        raise driver.OperationalError("no answer")

    monkeypatch.setattr(database._engine.dialect, "do_ping", asked)
    process = read(database)
    assert read(database) == process

    with database.read() as connection:
        record = connection.connection._connection_record
    record.info[_engine._SINCE] -= 2

    assert read(database) != process


@pytest.mark.parametrize(("how", "questions"), [({"single": True}, 1), ({}, 3)])
def test_a_single_statement_is_one_question_to_the_server(database, tmp_path, how, questions):
    """Counted by PostgreSQL's own library; a snapshot begins a transaction, and ends it.

    A statement that came some times is planned no more, whatever was read in between.
    """
    for _ in range(10):
        process = read(database, **how)
    with database.read() as connection:
        wire = connection.connection.driver_connection.pgconn
        ONE.rows(connection)

    with (tmp_path / "trace").open("w+b") as trace:
        wire.trace(trace.fileno())
        assert read(database, **how) == process
        wire.untrace()
        trace.seek(0)
        lines = [line.split(b"\t") for line in trace.read().splitlines()]

    sent = [line[3] for line in lines if line[1:2] == [b"F"]]  # by us, who are the front end
    assert sum(kind in (b"Sync", b"Query") for kind in sent) == questions
    assert b"Parse" not in sent
