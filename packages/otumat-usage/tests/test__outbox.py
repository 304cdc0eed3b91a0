"""The outbox: batches whose bytes never change, streams without gaps, caps that hold."""

import json
import time
import uuid

import pytest

from otumat_usage import _batch, _outbox
from otumat_usage.exceptions import StoreError

ORIGIN = "https://x.example"
KEY = ("p", ORIGIN, {"python": "3.12"})


def _rows(number, start=0):
    return [_batch.Row(1_763_830_862_123 + n, f"event-{start + n}", None) for n in range(number)]


@pytest.fixture(name="outbox")
def _open(data):
    data.mkdir(parents=True)
    with _outbox.free(str(data)) as outbox:
        yield outbox


def _bodies(outbox):
    return [json.loads(batch.body) for batch in outbox.batches("p", ORIGIN)]


def test_a_batch_has_the_fields_of_the_wire(outbox):
    outbox.take("one", KEY, [_batch.Row(0, "read", '{"rows":1}'), *_rows(1)], {"disk": 2})
    outbox.bind("p", ORIGIN, "install-1")

    (body,) = _bodies(outbox)
    assert uuid.UUID(body.pop("batch")).version == 7
    assert len(body.pop("run")) == 24
    assert body.pop("sent_at").endswith("Z")
    assert body == {
        "installId": "install-1",
        "first": 1,
        "last": 2,
        "dropped": {"disk": 2},
        "context": {"python": "3.12"},
        "headers": ["event_date", "event_type", "properties"],
        "rows": [
            ["1970-01-01T00:00:00Z", "read", {"rows": 1}],
            ["2025-11-22T17:01:02Z", "event-0", None],
        ],
    }


def test_many_short_processes_share_one_upload(outbox):
    for number in range(500):
        outbox.take(f"spool-{number}", KEY, _rows(2, 2 * number), {})
    outbox.bind("p", ORIGIN, "i")

    (body,) = _bodies(outbox)
    assert (body["first"], body["last"]) == (1, 1000)
    assert [row[1] for row in body["rows"]] == [f"event-{n}" for n in range(1000)]


def test_before_an_upload_is_due_only_full_batches_are_bound(outbox):
    outbox.take("one", KEY, _rows(2500), {})
    outbox.bind("p", ORIGIN, "i", full=True)

    assert [batch.rows for batch in outbox.batches("p", ORIGIN)] == [1000, 1000]
    assert outbox.waiting("p") == 2500


def test_the_numbers_of_a_stream_go_on_without_gaps(outbox):
    outbox.take("one", KEY, _rows(1500), {})
    outbox.bind("p", ORIGIN, "i")
    outbox.take("two", KEY, _rows(3), {})
    outbox.bind("p", ORIGIN, "i")

    bodies = _bodies(outbox)
    assert [(b["first"], b["last"]) for b in bodies] == [(1, 1000), (1001, 1500), (1501, 1503)]
    assert len({b["run"] for b in bodies}) == 1


@pytest.mark.parametrize(
    "row",
    [
        _batch.Row(0, "read", json.dumps({"text": "x" * 900})),
        _batch.Row(0, "\U0001d518" * 100, None),
    ],
    ids=["properties", "four bytes a letter"],
)
def test_a_batch_holds_no_more_bytes_than_an_upload_may(outbox, row):
    outbox.take("one", KEY, [row] * 1000, {})
    outbox.bind("p", ORIGIN, "i")

    batches = list(outbox.batches("p", ORIGIN))
    assert sum(batch.rows for batch in batches) == 1000
    assert all(len(batch.body) <= _batch.MAX_BYTES for batch in batches)
    assert len(batches) <= 4


def test_another_context_or_package_is_another_stream(outbox):
    outbox.take("one", KEY, _rows(1), {})
    outbox.take("two", ("p", ORIGIN, {"python": "3.13"}), _rows(1), {})
    outbox.take("three", ("q", ORIGIN, {"python": "3.12"}), _rows(1), {})
    for package in ("p", "q"):
        outbox.bind(package, ORIGIN, "i")

    assert len({body["run"] for body in _bodies(outbox)}) == 2
    assert len(list(outbox.batches("q", ORIGIN))) == 1


def test_a_bound_batch_keeps_its_bytes(outbox):
    outbox.take("one", KEY, _rows(10), {})
    outbox.bind("p", ORIGIN, "i")
    before = outbox.next("p", ORIGIN)
    outbox.attempt(before)
    outbox.take("two", KEY, _rows(10), {})
    outbox.bind("p", ORIGIN, "i")
    after = outbox.next("p", ORIGIN)

    assert (after.id, after.gzip, after.attempts) == (before.id, before.gzip, 1)


def test_halves_hold_what_the_whole_held(outbox):
    outbox.take("one", KEY, _rows(5), {"disk": 1})
    outbox.bind("p", ORIGIN, "i")
    (whole,) = _bodies(outbox)
    assert outbox.halve(outbox.next("p", ORIGIN))

    first, second = _bodies(outbox)
    assert first["rows"] + second["rows"] == whole["rows"]
    assert [(b["first"], b["last"]) for b in (first, second)] == [(1, 2), (3, 5)]
    assert [b["dropped"] for b in (first, second)] == [{"disk": 1}, {}]
    assert len({first["batch"], second["batch"], whole["batch"]}) == 3
    while outbox.halve(outbox.next("p", ORIGIN)):
        pass
    assert len(_bodies(outbox)[0]["rows"]) == 1


def test_what_was_acknowledged_is_in_the_ledger_and_waits_no_more(outbox):
    outbox.take("one", KEY, _rows(4), {})
    outbox.bind("p", ORIGIN, "i")
    assert outbox.waiting("p") == 4
    batch = outbox.next("p", ORIGIN)
    outbox.settle(batch, "acknowledged", 4, "r-1")

    assert outbox.waiting("p") == 0
    (line,) = outbox.ledger("p")
    assert line["batch"] == batch.id
    assert (line["rows"], line["accepted"], line["receipt"]) == (4, 4, "r-1")
    assert line["bytes"] == len(batch.gzip)


def test_gzip_takes_at_least_85_percent_off_a_thousand_mixed_events(outbox):
    rows = [_batch.Row(1_763_830_862_123 + 7919 * n, f"feature-{n * 7 % 23}", None)
            for n in range(1000)]  # fmt: skip
    outbox.take("one", KEY, rows, {})
    outbox.bind("p", ORIGIN, "i")
    batch = outbox.next("p", ORIGIN)

    assert len(batch.gzip) <= 0.15 * len(batch.body)


def test_a_million_events_that_nobody_takes_stay_within_the_cap(data, outbox, monkeypatch):
    """Shown with a cap of a hundredth: oldest first, and every one that went is counted."""
    monkeypatch.setattr(_outbox, "KEEP_BYTES", 20_000)
    for number in range(40):
        outbox.take(f"spool-{number}", KEY, _rows(500, 500 * number), {})
        outbox.bind("p", ORIGIN, "i")
        outbox.trim("p", ORIGIN)

    bodies = _bodies(outbox)
    assert sum(len(batch.gzip) for batch in outbox.batches("p", ORIGIN)) <= 20_000
    assert bodies[-1]["rows"][-1][1] == "event-19999"
    outbox.take("last", KEY, _rows(1), {})
    outbox.bind("p", ORIGIN, "i")
    bodies = _bodies(outbox)
    kept = sum(len(body["rows"]) for body in bodies) - 1
    told = sum(body["dropped"].get("overflow", 0) for body in bodies)
    assert told <= 20_000 - kept
    assert data.joinpath("outbox.db").stat().st_size < 200_000


def test_what_waits_for_too_long_is_dropped_and_counted(outbox):
    outbox.take("one", KEY, _rows(7), {})
    outbox.bind("p", ORIGIN, "i")
    outbox._db.execute("UPDATE batch SET made = made - ?", [181 * 86400])
    outbox.trim("p", ORIGIN)
    outbox.take("two", KEY, _rows(1), {})
    outbox.bind("p", ORIGIN, "i")

    (body,) = _bodies(outbox)
    assert body["dropped"] == {"age": 7}


def test_forgetting_a_package_leaves_the_others(outbox):
    for package in ("p", "q"):
        outbox.take(f"spool-{package}", (package, ORIGIN, {}), _rows(1), {})
        outbox.bind(package, ORIGIN, "i")
        outbox.set_pace(package, ORIGIN, time.time() + 60, 2)
    outbox.forget("p")

    assert (outbox.waiting("p"), outbox.waiting("q")) == (0, 1)
    assert outbox.pace("p", ORIGIN) == (0.0, 0)
    assert outbox.pace("q", ORIGIN)[1] == 2


def test_only_one_process_has_it_open(data, outbox):
    assert outbox is not None
    with _outbox.opened(str(data)) as second:
        assert second is None


def test_a_file_of_a_newer_version_is_left_alone(data):
    data.mkdir(parents=True)
    with _outbox.free(str(data)) as outbox:
        outbox._db.execute("PRAGMA user_version = 99")

    with pytest.raises(StoreError, match="newer"), _outbox.free(str(data)):
        pass


def test_a_damaged_file_is_an_error_of_ours(data):
    data.mkdir(parents=True)
    data.joinpath("outbox.db").write_bytes(b"this is no database" * 100)

    with pytest.raises(StoreError, match="cannot be used"), _outbox.free(str(data)) as outbox:
        outbox.waiting("p")
