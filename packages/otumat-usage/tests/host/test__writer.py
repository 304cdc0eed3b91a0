"""Laws of the write thread: durable before answered, grouped, bounded, one failure costs one."""

import threading

import pytest

from otumat_usage.host._database import Database, insert, select, settings
from otumat_usage.host._errors import StoreBusy
from otumat_usage.host._writer import Writer


@pytest.fixture
def database(tmp_path, engine):
    engine.place(tmp_path / "store")
    found = Database.create(tmp_path / "store")
    yield found
    found.close()


@pytest.fixture
def writer(database):
    found = Writer(database, capacity=8)
    yield found
    found.stop()


def put(name):
    return lambda connection: connection.execute(insert(settings).values(name=name, value="x"))


def names(database):
    with database.read() as connection:
        found = set(connection.scalars(select(settings.c.name)))
    return found - {"schema", "form_key"}


def test_an_answer_comes_after_the_commit(database, writer):
    writer.start()
    other = Database.open(database.path.parent)
    for n in range(5):
        writer.submit(put(str(n))).result(timeout=20)
        assert str(n) in names(other)
    other.close()


def test_what_waits_together_is_committed_together(database, writer):
    states = []
    futures = [writer.submit(put(str(n))) for n in range(3)]
    futures.append(writer.submit(lambda _connection: states.append(len(names(database)))))
    writer.start()

    for future in futures:
        future.result(timeout=20)

    assert states == [0]
    assert names(database) == {"0", "1", "2"}


def test_one_failure_costs_only_its_own_caller(database, writer):
    def fail(connection):
        put("never")(connection)
        raise ZeroDivisionError

    futures = [writer.submit(put("a")), writer.submit(fail), writer.submit(put("b"))]
    writer.start()

    futures[0].result(timeout=20)
    futures[2].result(timeout=20)
    with pytest.raises(ZeroDivisionError):
        futures[1].result(timeout=20)
    assert names(database) == {"a", "b"}


def test_a_full_queue_refuses_at_once(writer):
    for n in range(8):
        writer.submit(put(str(n)))

    with pytest.raises(StoreBusy, match="8 writes are waiting"):
        writer.submit(put("more"))

    writer.start()


def test_stopping_finishes_what_was_accepted_and_takes_no_more(database, writer):
    futures = [writer.submit(put(str(n))) for n in range(8)]
    writer.start()
    writer.stop()

    assert all(future.done() for future in futures)
    assert len(names(database)) == 8
    with pytest.raises(StoreBusy, match="stopping"):
        writer.submit(put("more"))


def test_a_cancelled_write_is_not_made(database, writer):
    future = writer.submit(put("gone"))
    assert future.cancel()
    kept = writer.submit(put("kept"))
    writer.start()

    kept.result(timeout=20)

    assert names(database) == {"kept"}


def test_a_full_queue_is_503_with_a_time_to_come_back(service):
    service.enrol()
    tokens = service.enrol()
    block, started = threading.Event(), threading.Event()

    def hold(_connection):
        started.set()
        block.wait(20)

    held = service.host.writer.submit(hold)
    started.wait(20)
    queue = service.host.writer._queue
    waiting = [
        service.host.writer.submit(lambda _connection: None)
        for _ in range(queue.maxsize - queue.qsize())
    ]

    answers = [
        service.upload(tokens, service.batch(tokens, "plot")),
        service.refresh(tokens["refresh_token"]),
    ]

    block.set()
    for future in [held, *waiting]:
        future.result(timeout=20)
    assert [answer.status_code for answer in answers] == [503, 503]
    assert all(5 <= int(answer.headers["retry-after"]) <= 60 for answer in answers)
    assert service.upload(tokens, service.batch(tokens, "plot")).status_code == 200


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_database_that_cannot_be_written_is_503_and_recovers(service):
    """Another process holds the write lock for longer than we wait."""
    tokens = service.enrol()
    engine = service.host.database._engine
    engine.dispose()
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    other = Database.open(service.host.database.path.parent)

    with other.write():
        answer = service.upload(tokens, service.batch(tokens, "plot"))

    other.close()
    assert answer.status_code == 503
    assert service.upload(tokens, service.batch(tokens, "plot")).status_code == 200
