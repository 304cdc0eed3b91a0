"""Laws of the worker: what arrives is counted, by one leader, also after the leader is gone."""

import io
import json
import logging
import time

import pytest

from otumat_usage.host import _kept, _kept_badges, _packages, _public, _worker
from otumat_usage.host._bitmaps import BitMap
from otumat_usage.host._cells import ALL, FEATURE, VERSION, Cell
from otumat_usage.host._database import (
    Database,
    delete,
    func,
    inbox,
    log,
    members,
    mixed,
    select,
    update,
)
from otumat_usage.host._errors import StoreInUse, StoreUnavailable
from otumat_usage.host._journal import Journal, _Handler
from otumat_usage.host._worker import WEEKS, Worker, fold_all


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def waiting(service):
    with service.host.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(inbox))


@pytest.fixture
def workers(service):
    """Start workers as processes of their own would: each with its own connections."""
    started = []

    def start():
        database = Database.open(service.host.database.path.parent)
        started.append((Worker(database, pause=0.02), database))
        started[-1][0].start()
        return started[-1][0]

    yield start
    for worker, database in started:
        worker.stop()
        database.close()


def test_what_arrives_is_counted(service, workers):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))
    assert waiting(service) == 1

    workers()

    until(lambda: waiting(service) == 0)
    service.upload(tokens, service.batch(tokens, "plot"))
    until(lambda: waiting(service) == 0)


def test_what_the_badges_of_published_packages_say_is_kept_ready(service, workers):
    def said():
        with service.host.database.read(single=True) as connection:
            return _kept_badges.said(connection, "demo", time.time_ns() // 1_000_000)

    with service.host.database.write() as connection:
        _public.publish(connection, _packages.find(connection, "demo"), on=True)
    assert said() == {}

    workers()

    until(said)


def test_counting_that_takes_long_leaves_time_for_the_rest(service):
    worker = Worker(service.host.database)

    assert worker._stops_in(0)()
    assert not worker._stops_in(60)()
    worker.stop()
    assert worker._stops_in(60)()


def test_a_store_that_cannot_be_used_is_told(service):
    """Also where nobody asks anything of the host."""
    out = io.StringIO()
    worker = Worker(service.host.database, pause=0.02, journal=Journal(out))
    with service.host.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE inbox")

    worker.start()
    until(out.getvalue)
    worker.stop()

    assert json.loads(out.getvalue())["event"] == "store"


@pytest.mark.parametrize("how", [StoreInUse, StoreUnavailable, RuntimeError])
@pytest.mark.parametrize("duty", [False, True])
def test_what_goes_on_to_fail_is_told_once_a_minute(service, monkeypatch, how, duty):
    out, tried = io.StringIO(), []
    journal = Journal(out)
    monkeypatch.setattr(logging.getLogger("otumat_usage.host"), "handlers", [_Handler(journal)])

    def fails(*_):
        tried.append("failed")
        raise how

    monkeypatch.setattr(_kept_badges, "keep", fails if duty else lambda *_: 0)
    keep = (lambda: None) if duty else fails
    worker = Worker(service.host.database, pause=0.01, journal=journal, keep=keep)
    worker.start()
    until(lambda: len(tried) > 3)
    worker.stop()

    assert len(out.getvalue().splitlines()) == 1


def test_a_package_with_an_upload_that_cannot_be_read_keeps_no_other_waiting(service):
    database = service.host.database
    for name in ("demo", "other"):
        service.add(name)
        tokens = service.enrol(name)
        service.upload(tokens, service.batch(tokens, "plot"))
    with database.write() as connection:
        broken = _packages.find(connection, "demo").id
        connection.execute(update(log).where(log.c.package == broken).values(body=b"\xff"))

    with pytest.raises(Exception, match="Expected"):
        fold_all(database)

    with database.read() as connection:
        assert connection.scalars(select(inbox.c.package)).all() == [broken]
        assert broken not in connection.scalars(select(members.c.package)).all()


@pytest.mark.parametrize("how", [RuntimeError, StoreUnavailable])
def test_a_duty_that_fails_keeps_no_other_waiting_and_comes_no_more_often(
    workers, monkeypatch, how
):
    done, never = [], 10**9

    def fails(*_):
        done.append("failed")
        raise how

    monkeypatch.setattr(_worker, "SWEEP", never)
    monkeypatch.setattr(_worker, "let_go", fails)
    monkeypatch.setattr(_worker, "work_ahead", lambda *_: done.append("ahead"))
    monkeypatch.setattr(_worker, "AHEAD", 0)
    monkeypatch.setattr(_worker, "TIDY", never)

    worker = workers()

    until(lambda: done.count("ahead") > 1)
    assert worker.leads
    assert done.count("failed") == 1
    assert done[0] == "failed"


def test_what_an_older_store_lacks_is_filled(service, workers):
    package = service.add("demo")
    days = range(20_605, 20_605 + 7 * (WEEKS + 1))
    cells = {
        key: Cell(1, BitMap([1]))
        for day in days
        for key in ((ALL, "", day), (VERSION, f"1.{day % 2}", day), (FEATURE, "fit", day))
    }
    with service.host.database.beside() as connection:
        _kept.add(connection, package.id, cells)
        connection.execute(delete(mixed))

    workers()

    def filled():
        with service.host.database.read() as connection:
            return set(connection.scalars(select(mixed.c.day))) == {*days[::7]}

    until(filled)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.postgresql
def test_one_leads_and_another_takes_over(service, workers):
    first = workers()
    until(lambda: first.leads)
    second = workers()
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))
    until(lambda: waiting(service) == 0)
    assert not second.leads

    first.stop()

    until(lambda: second.leads)
    service.upload(tokens, service.batch(tokens, "plot"))
    until(lambda: waiting(service) == 0)
