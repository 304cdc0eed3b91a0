"""Laws of route 3: idempotence, sequence ranges, limits; who may is in `test_who_uploads`."""

import gzip
import json

import pytest

from ._counts import total


def test_an_upload_is_counted_and_acknowledged(service):
    tokens = service.enrol()
    body = service.batch(tokens, "plot", "fit", "plot")

    answer = service.upload(tokens, body, Idempotency_Key=f'"{body["batch"]}"')

    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["accepted"], said["duplicate"], said["rejected"]) == (3, False, [])
    assert said["batch"] == body["batch"]
    assert 43_200 <= said["next_upload_after"] <= 77_760
    assert total(service).events == 3


def test_a_plain_body_is_taken_too(service):
    tokens = service.enrol()
    data = json.dumps(service.batch(tokens, "plot")).encode()

    answer = service.upload(tokens, data, Content_Encoding=None)

    assert answer.json()["accepted"] == 1


def test_the_same_batch_again_gets_its_first_receipt(service):
    tokens = service.enrol()
    body = service.batch(tokens, "plot", "")
    first = service.upload(tokens, body).json()
    service.clock.forward(seconds=1800)

    again = service.upload(tokens, body).json()

    assert again.pop("duplicate") is True
    assert first.pop("duplicate") is False
    first.pop("next_upload_after"), again.pop("next_upload_after")
    assert again == first
    assert total(service).events == 1


def test_the_same_batch_at_the_same_time_is_counted_once(service):
    tokens = service.enrol()
    data = gzip.compress(json.dumps(service.batch(tokens, "plot")).encode())
    headers = {
        "Authorization": f"Bearer {tokens['access_token']}",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }
    request = ("POST", "/api/usage-event", {"content": data, "headers": headers})

    answers = service.browser.together(*[request] * 16)

    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json()["duplicate"] for answer in answers].count(False) == 1
    assert len({answer.json()["receipt"] for answer in answers}) == 1
    assert total(service).events == 1


def test_a_batch_id_for_another_body_is_refused(service):
    tokens = service.enrol()
    body = service.batch(tokens, "plot")
    service.upload(tokens, body)

    answer = service.upload(tokens, body | {"run": "other"})

    assert answer.status_code == 422
    assert total(service).events == 1


def test_a_batch_id_is_known_in_any_run_for_30_days_and_in_its_own_for_ever(service):
    from otumat_usage.host._retention import let_go

    tokens = service.enrol()
    body = service.batch(tokens, "plot")
    first = service.upload(tokens, body).json()
    service.clock.forward(days=29)
    let_go(service.host.database, service.clock())
    tokens |= service.refresh(tokens["refresh_token"]).json()
    assert service.upload(tokens, body | {"run": "other"}).status_code == 422

    service.clock.forward(days=2)
    let_go(service.host.database, service.clock())
    tokens |= service.refresh(tokens["refresh_token"]).json()
    again = service.upload(tokens, body).json()
    other = service.upload(tokens, body | {"run": "other"}).json()

    assert (again["duplicate"], again["receipt"]) == (True, first["receipt"])
    assert (other["duplicate"], other["accepted"]) == (False, 1)


def test_two_installs_may_use_one_batch_id(service):
    one, two = service.enrol(), service.enrol()

    for tokens in (one, two):
        answer = service.upload(tokens, service.batch(tokens, "plot", batch="same", run="same"))
        assert answer.json()["duplicate"] is False
    assert total(service).events == 2


def test_overlapping_ranges_are_counted_once_and_gaps_as_lost(service):
    tokens = service.enrol()
    at = service.batch(tokens, "x")["sent_at"]

    def send(first, last):
        numbered = [[at, "plot", n] for n in range(first, last + 1)]
        columns = ["event_date", "event_type", "seq"]
        change = {"run": "r", "first": first, "last": last, "rows": numbered, "headers": columns}
        return service.upload(tokens, service.batch(tokens, "x", **change)).json()

    assert send(1, 10)["accepted"] == 10
    assert send(21, 30)["accepted"] == 10
    overlap = send(6, 15)
    late = send(16, 18)

    assert overlap["accepted"] == 5
    assert overlap["rejected"] == [{"row": n, "reason": "replay"} for n in range(5)]
    assert late["accepted"] == 3
    summary = total(service)
    assert summary.events == 28
    assert (summary.health["replayed"], summary.health["lost"]) == (5, 2)


def test_bad_rows_are_rejected_one_by_one(service, instant):
    tokens = service.enrol()
    now = service.clock()
    at = instant(now)
    bad = [
        ([at, "plot", 1], None),
        ([at, "plot"], "row_shape"),
        ({"event_type": "plot"}, "row_shape"),
        (None, "row_shape"),
        (["yesterday", "plot", 1], "event_date"),
        ([12, "plot", 1], "event_date"),
        ([instant(now + 400_000), "plot", 1], "event_date_range"),
        ([instant(now - 401 * 86_400_000), "plot", 1], "event_date_range"),
        ([at, "", 1], "event_type"),
        ([at, "x" * 101, 1], "event_type"),
        ([at, "a\nb", 1], "event_type"),
        ([at, "\u202eabc", 1], "event_type"),
        ([at, 7, 1], "event_type"),
        ([at, "plot", 0], "count"),
        ([at, "plot", -1], "count"),
        ([at, "plot", True], "count"),
        ([at, "plot", 1.5], "count"),
        ([at, "plot", 10**7], "count"),
        ([at, "pløt ü", 3], None),
    ]
    body = service.batch(
        tokens,
        *["x"] * len(bad),
        headers=["event_date", "event_type", "count"],
        rows=[row for row, _ in bad],
    )

    said = service.upload(tokens, body).json()

    expected = [{"row": i, "reason": why} for i, (_, why) in enumerate(bad) if why]
    assert said["rejected"] == expected
    assert said["accepted"] == 2
    assert total(service).events == 4
    assert service.upload(tokens, body).json()["duplicate"] is True


def test_columns_come_in_any_order_and_unknown_ones_are_ignored(service, instant):
    tokens = service.enrol()
    row = ["?", "plot", 5, instant(service.clock())]

    said = service.upload(
        tokens,
        service.batch(
            tokens, "x", headers=["colour", "event_type", "count", "event_date"], rows=[row]
        ),
    ).json()

    assert said["accepted"] == 1
    assert total(service).events == 5


def test_declared_events_bound_names_and_properties(service, instant):
    service.add("strict", events={"plot": {"kind": "str", "n": "int", "on": "bool", "x": "float"}})
    tokens = service.enrol("strict")
    at = instant(service.clock())
    sent = {"kind": "b" * 300, "n": True, "on": False, "x": 1, "secret": "me"}
    body = service.batch(
        tokens,
        "x",
        "x",
        "x",
        headers=["event_date", "event_type", "properties"],
        rows=[[at, "plot", sent], [at, "other", None], [at, "plot", "text"]],
    )

    said = service.upload(tokens, body).json()

    assert said["rejected"] == [
        {"row": 1, "reason": "event_undeclared"},
        {"row": 2, "reason": "properties"},
    ]
    from otumat_usage.host import _log, _packages

    with service.host.database.read() as connection:
        package = _packages.find(connection, "strict")
        (entry,) = _log.entries(connection, package.id)
    assert entry.properties == [{"kind": "b" * 200, "on": False, "x": 1}]


def test_without_a_declaration_no_property_is_kept(service, instant):
    tokens = service.enrol()
    row = [instant(service.clock()), "plot", {"name": "me"}]
    columns = ["event_date", "event_type", "properties"]
    service.upload(tokens, service.batch(tokens, "x", headers=columns, rows=[row]))

    from otumat_usage.host import _log, _packages

    with service.host.database.read() as connection:
        (entry,) = _log.entries(connection, _packages.find(connection, "demo").id)
    assert entry.properties == [None]


def test_a_wrong_clock_is_corrected_by_the_date_header(service, instant):
    tokens = service.enrol()
    wrong = service.clock() + 86_400_000 * 3
    body = service.batch(
        tokens, "x", sent_at=instant(wrong), rows=[[instant(wrong - 5000), "plot"]]
    )

    said = service.upload(tokens, body, Date="Thu, 04 Jun 2026 12:00:00 GMT").json()

    assert said["accepted"] == 1
    assert total(service).active[1] == 1


def test_a_batch_that_waited_for_days_keeps_its_times(service):
    tokens = service.enrol()
    body = service.batch(tokens, "plot")
    service.clock.forward(days=10)
    fresh = service.refresh(tokens["refresh_token"]).json()

    service.upload(fresh, body, Date="Thu, 11 Jun 2026 12:00:00 GMT")

    assert (total(service).active[7], total(service).active[28]) == (0, 1)


def test_naive_times_are_utc(service):
    tokens = service.enrol()
    row = ["2026-06-01 11:59:00.123456", "plot"]

    assert service.upload(tokens, service.batch(tokens, "x", rows=[row])).json()["accepted"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"batch": ""},
        {"batch": "x" * 65},
        {"batch": "a b"},
        {"run": "../x"},
        {"first": -1},
        {"first": 2, "last": 1},
        {"last": 2**53},
        {"last": 5},
        {"sent_at": "now"},
        {"headers": ["event_date", "event_date"]},
        {"headers": ["event_date", "colour"]},
        {"rows": 7},
        {"rows": None},
        {"dropped": {"x": -1}},
        {"dropped": {str(n): 1 for n in range(21)}},
        {"context": []},
        {"installId": None},
    ],
    ids=lambda change: str(change)[:30],
)
def test_a_malformed_batch_is_refused_as_a_whole(steady, change):
    tokens = steady.enrol()

    answer = steady.upload(tokens, steady.batch(tokens, "plot") | change)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert total(steady).health["uploads"] == 0


def test_the_idempotency_key_must_be_the_batch(service):
    tokens = service.enrol()

    answer = service.upload(tokens, service.batch(tokens, "plot"), Idempotency_Key='"other"')

    assert answer.status_code == 400


def test_long_context_texts_are_left_out(service):
    tokens = service.enrol()
    context = {"package_version": "1" * 65, "python": "3\n12", "os": "Linux"}

    assert service.upload(tokens, service.batch(tokens, "plot", context=context)).status_code == 200
    assert total(service).dimensions == {
        "package_version": [("unknown", 1)],
        "python": [("unknown", 1)],
        "os": [("Linux", 1)],
    }


def test_names_beyond_the_bound_are_other(service, instant):
    from otumat_usage.host._dictionary import EVENT_TYPES

    tokens = service.enrol()
    at = instant(service.clock())
    names = [f"n{i}" for i in range(EVENT_TYPES.bound + 20)]
    service.upload(tokens, service.batch(tokens, *names, rows=[[at, name] for name in names]))

    features = total(service).features

    assert len(features) == EVENT_TYPES.bound + 1
    assert {f.name: f.events for f in features}["other"] == 20
