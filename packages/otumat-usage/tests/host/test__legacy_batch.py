"""Laws of a 0.3 client's uploads: whatever it sends again, each event counts once."""

import json
import random
import types
import uuid

import pytest

from otumat_usage.host import _grants, _legacy_batch, _packages, _wire
from otumat_usage.host._statistics import summarise

HEADERS = ["install_id", "event_date", "event_type"]


@pytest.fixture
def upload(service):
    """Store rows as a 0.3 client of one install sends them; return the receipt."""
    with service.host.database.write() as connection:
        package = _packages.take_legacy(connection, "demo", on=True)
        consent = _grants.Consent(package.id, "0" * 64, "1-0", service.clock(), "browser-0.3")
        install = _grants.enrol(connection, consent)

    def upload(rows, headers=HEADERS, events=None):
        data = json.dumps(
            {"installId": str(uuid.UUID(bytes=install)), "headers": headers, "rows": rows}
        ).encode()
        named = types.SimpleNamespace(events=events)
        made = _legacy_batch.uploads_of(_legacy_batch.decode(data), data, named, service.clock())
        with service.host.database.write() as connection:
            return _legacy_batch.store(connection, install, package.id, made)

    return upload


@pytest.fixture
def summary(service):
    def summary():
        with service.host.database.read() as connection:
            return summarise(connection, _packages.find(connection, "demo"), service.clock())

    return summary


def at(second, micro=0):
    return f"2026-06-01 10:{second // 60:02}:{second % 60:02}.{micro:06}"


def test_three_headers_and_two_columns_are_read(upload, summary):
    receipt = upload([[at(1), "plot"], [at(2), "fit"], [at(2), "fit"]])

    assert (receipt.accepted, receipt.rejected, receipt.duplicate) == (3, [], False)
    found = summary()
    assert found.events == 3
    assert found.health["lost"] == 0


def test_the_same_body_again_gives_the_first_receipt(upload, summary):
    rows = [[at(1), "plot"], [at(1), "plot"]]
    first = upload(rows)

    again = upload(rows)

    assert (again.duplicate, again.receipt, again.accepted) == (True, first.receipt, 2)
    assert summary().events == 2


def test_rows_that_come_again_with_new_ones_count_once(upload, summary):
    """The answer was lost; until the client's next try two more events came."""
    rows = [[at(1), "plot"], [at(1), "plot"], [at(2), "fit"]]
    upload(rows)

    receipt = upload([*rows, [at(1, 1000), "plot"], [at(3), "plot"]])

    assert receipt.accepted == 2
    assert receipt.rejected == [{"row": n, "reason": "replay"} for n in range(3)]
    assert summary().events == 5
    assert summary().health["replayed"] == 3


def test_an_event_that_was_written_late_is_no_replay(upload, summary):
    """Another process began to write it before the upload and ended after it."""
    upload([[at(1), "plot"], [at(9), "plot"]])

    assert upload([[at(5), "plot"], [at(9), "fit"]]).accepted == 2
    assert summary().events == 4


@pytest.mark.parametrize("seed", range(5))
def test_every_order_of_lost_answers_ends_in_the_truth(upload, summary, seed):
    """The client of usage.py: send what is there, delete it only when the answer came."""
    draw = random.Random(seed)
    waiting, second, made = [], 0, 0
    for _ in range(25):
        for _ in range(draw.randrange(4)):
            second += draw.randrange(2)
            waiting.append([at(second, draw.randrange(3) * 400), draw.choice("ab")])
            made += 1
        if waiting and draw.random() < 0.7:
            upload(waiting)
            if draw.random() < 0.5:  # else the answer is lost
                waiting = []
                second += 1
    if waiting:
        upload(waiting)

    assert summary().events == made


def test_a_bad_row_is_rejected_alone(upload):
    receipt = upload(
        [[at(1), "plot"], ["yesterday", "fit"], [at(2)], ["1999-01-01 00:00:00", "fit"], None]
    )

    assert receipt.accepted == 1
    reasons = ["event_date", "row_shape", "event_date_range", "row_shape"]
    assert [item["reason"] for item in receipt.rejected] == reasons


def test_only_declared_events_are_taken_where_there_are_such(upload):
    assert upload([[at(1), "plot"], [at(2), "x"]], events={"plot": {}}).accepted == 1


def test_more_rows_than_a_batch_may_have_are_taken_all_the_same(upload, summary, monkeypatch):
    """Such a client cannot send less, whatever it is told."""
    monkeypatch.setitem(_wire.LIMITS, "rows", 10)
    rows = [[at(n // 3), "plot"] for n in range(25)]
    rows[24] = ["never", "plot"]

    first, again = upload(rows), upload(rows)

    assert (first.accepted, first.rejected) == (24, [{"row": 24, "reason": "event_date"}])
    assert (again.accepted, again.duplicate) == (24, True)
    assert summary().events == 24


def test_of_two_equal_rows_in_one_body_one_was_brought_before(upload, summary, monkeypatch):
    """Also where more rows than a batch may have lie between the two."""
    monkeypatch.setitem(_wire.LIMITS, "rows", 10)
    upload([[at(1), "plot"]])

    receipt = upload([[at(1), "plot"], *([at(n), "fit"] for n in range(10)), [at(1), "plot"]])

    assert receipt.accepted == 11
    assert summary().events == 12


def test_what_a_body_repeats_is_found_however_many_rows_it_has(upload, summary):
    """The file of such a client cannot be written to: it sends all that it ever noted."""
    rows = [[at(n), "plot"] for n in range(2200)]

    for many in (1, 1100, 2200):
        upload(rows[:many])

    assert summary().events == 2200


@pytest.mark.parametrize(("between", "counted"), [(999, 1), (1000, 2)])
def test_a_body_of_few_rows_is_compared_with_the_newest_thousand(upload, service, between, counted):
    """Whatever lies between two bodies of one client came from others of that id."""
    upload([[at(1), "plot"]])
    service.clock.forward(seconds=1)
    upload([[at(2 + n), "plot"] for n in range(between)])
    service.clock.forward(seconds=1)

    assert upload([[at(1), "plot"], [at(1), "fit"]]).accepted == counted


@pytest.mark.parametrize(
    "headers",
    [[], ["event_date", "event_type"], [*HEADERS, "x"], ["install_id", "event_date", "event_date"]],
)
def test_other_columns_are_refused(upload, headers):
    with pytest.raises(_wire.Malformed):
        upload([], headers)


def test_the_columns_may_come_in_any_order(upload, summary):
    upload([["plot", at(1)]], HEADERS[::-1])

    assert upload([["plot", at(1)], ["plot", at(2)]], HEADERS[::-1]).accepted == 1
    assert summary().events == 2


@pytest.mark.parametrize("data", [b"", b"[]", b'{"rows": []}', b"\xff", b"[" * 10_000])
def test_what_is_no_upload_is_refused(data):
    with pytest.raises(_wire.Malformed):
        _legacy_batch.decode(data)
