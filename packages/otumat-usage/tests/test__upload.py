"""The uploader: what each answer of a host means, and what is done about it."""

import datetime as dt
import email.utils
import gzip
import json
import time

import pytest

from otumat_usage import _answer, _delivery, _outbox, _schema, _tokens, _upload
from otumat_usage._delivery import Verdict
from otumat_usage._http import Reply
from otumat_usage.exceptions import ConfigurationError, RefusedError

EVENTS = "/api/usage-event"
LATER = 4e9
START = dt.datetime(2022, 1, 1, tzinfo=dt.timezone.utc)


@pytest.fixture(name="agent")
def _agent(data, fake):
    """An agent that may record and send to the fake host, with two events on disk."""
    from otumat_usage import UsageAgent

    agent = UsageAgent(author="a", data_directory="d", package_name="p", host=fake.origin)
    agent.save_config()
    _keep(data, fake, "1", LATER)
    _answer.say_yes(str(data), "p", fake.origin, _schema.text_id(None), "test")
    assert agent.refusal() is None
    agent.log(event_type="one")
    agent.log(event_type="two")
    return agent


def _keep(data, fake, number, expires):
    home = str(data)
    tokens = _tokens.Tokens(f"at-{number}", f"rt-{number}", expires, "s", "i-1")
    with _tokens.lock(home, "p"):
        _tokens.save(home, "p", fake.origin, tokens)


def _accept(body):
    parsed = json.loads(gzip.decompress(body))
    found = {"batch": parsed["batch"], "accepted": len(parsed["rows"]), "receipt": "r-1"}
    return 200, {}, json.dumps(found).encode()


def _in_turn(*answers):
    left = list(answers)

    def answer(body):
        found = left.pop(0)
        return found(body) if callable(found) else found

    return answer


def _uploads(fake):
    """Return the uploads that came, having checked that an id always had the same bytes."""
    bytes_of, uploads = {}, []
    for _, path, body, headers in fake.requests:
        if path == EVENTS:
            batch = json.loads(gzip.decompress(body))
            assert headers["idempotency-key"] == f'"{batch["batch"]}"'
            assert bytes_of.setdefault(batch["batch"], body) == body
            uploads.append((batch, headers))
    return uploads


def test_what_is_shown_is_what_is_sent_byte_for_byte(agent, fake):
    fake.routes[EVENTS] = _accept
    (shown,) = agent.show_logs()
    outcome = agent.send()

    assert (outcome.events, outcome.requests, outcome.waiting, outcome.why) == (2, 1, 0, "")
    (sent,) = [gzip.decompress(body) for _, path, body, _ in fake.requests if path == EVENTS]
    assert sent == shown.encode()
    assert agent.show_logs() == []


def test_the_token_is_in_the_header_and_nowhere_else(agent, fake):
    fake.routes[EVENTS] = _accept
    agent.send()

    ((batch, headers),) = _uploads(fake)
    assert headers["authorization"] == "Bearer at-1"
    assert "at-1" not in json.dumps(batch)
    assert email.utils.parsedate_to_datetime(headers["date"]).timestamp() > time.time() - 60


@pytest.mark.parametrize(
    "answer",
    [
        (503, {}, b""),
        (500, {}, b"oops"),
        (429, {"Retry-After": "120"}, b""),
        (200, {}, b"<html>welcome to the hotel</html>"),
        (200, {}, b'{"batch": "another"}'),
        (200, {}, b"{}"),
        (204, {}, b""),
        (302, {"Location": "http://127.0.0.1:9/"}, b""),
        (307, {"Location": "http://127.0.0.1:9/"}, b""),
        (200, {}, b" " * 70_000),
        (403, {}, b'{"stop": true}'),
        (408, {}, b""),
        (425, {}, b""),
    ],
    ids=str,
)
def test_without_an_acknowledgement_everything_is_kept_and_sent_again(agent, fake, answer):
    fake.routes[EVENTS] = _in_turn(answer, _accept)
    first = agent.send()
    second = agent.send()

    assert (first.events, first.waiting) == (0, 2)
    assert first.why
    assert (second.events, second.waiting) == (2, 0)
    ids = [batch["batch"] for batch, _ in _uploads(fake)]
    assert len(ids) == 2
    assert len(set(ids)) == 1


@pytest.mark.parametrize("status", [400, 404, 415, 422])
def test_a_batch_that_the_host_will_never_take_is_set_aside_and_counted(agent, fake, data, status):
    fake.routes[EVENTS] = (status, {}, b"{}")
    outcome = agent.send()

    assert (outcome.events, outcome.waiting) == (0, 0)
    with _outbox.free(str(data)) as outbox:
        (line,) = outbox.ledger("p")
    assert (line["outcome"], line["rows"], line["accepted"]) == ("refused", 2, 0)


def test_a_batch_that_is_too_large_is_halved(agent, fake):
    def small(body):
        return (
            _accept(body) if len(json.loads(gzip.decompress(body))["rows"]) < 2 else (413, {}, b"")
        )

    fake.routes[EVENTS] = small
    outcome = agent.send()

    assert (outcome.events, outcome.requests, outcome.waiting) == (2, 2, 0)


def test_an_expired_token_is_renewed_once_and_kept_before_use(agent, fake, data):
    fake.json("/auth/token", {"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 60000})
    fake.routes[EVENTS] = _in_turn((401, {}, b"{}"), _accept)
    outcome = agent.send()

    assert outcome.events == 2
    assert [h["authorization"] for _, h in _uploads(fake)] == ["Bearer at-1", "Bearer at-2"]
    kept = _tokens.load(str(data), "p", fake.origin)
    assert (kept.refresh_token, kept.install_id) == ("rt-2", "i-1")


def test_a_token_known_to_be_old_is_renewed_first(agent, fake, data):
    _keep(data, fake, "1", time.time() + 1)
    fake.json("/auth/token", {"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 60000})
    fake.routes[EVENTS] = _accept
    agent.send()

    assert [h["authorization"] for _, h in _uploads(fake)] == ["Bearer at-2"]


def test_tokens_that_another_process_renewed_are_used(agent, fake, data):
    """The loser of a race must not present what the host has retired."""

    def meanwhile(_):
        _keep(data, fake, "2", LATER)
        return 401, {}, b"{}"

    fake.routes[EVENTS] = _in_turn(meanwhile, _accept)
    outcome = agent.send()

    assert outcome.events == 2
    assert [h["authorization"] for _, h in _uploads(fake)] == ["Bearer at-1", "Bearer at-2"]
    assert not [path for _, path, _, _ in fake.requests if path == "/auth/token"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((400, {}, b'{"error": "invalid_grant"}'), "no longer honours"),
        ((503, {}, b""), "did not renew"),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), "did not renew"),
        ((200, {}, b"{}"), "no usable access_token"),
    ],
)
def test_a_renewal_that_fails_loses_neither_tokens_nor_events(agent, fake, data, answer, why):
    _keep(data, fake, "1", 0.0)
    fake.routes["/auth/token"] = answer
    outcome = agent.send()

    assert why in outcome.why
    assert outcome.waiting == 2
    assert _tokens.load(str(data), "p", fake.origin).refresh_token == "rt-1"
    assert _uploads(fake) == []


def test_a_host_that_has_erased_us_ends_it(agent, fake, data):
    fake.routes[EVENTS] = (410, {}, b'{"stop": true}')
    outcome = agent.send()

    assert outcome.waiting == 0
    assert agent.refusal().startswith("the user said no (host, ")
    assert _tokens.load(str(data), "p", fake.origin) is None


def test_a_pass_in_the_background_respects_the_pace(agent, fake, data):
    fake.routes[EVENTS] = _in_turn((429, {"Retry-After": "3600"}, b""), _accept)
    agent.seal()
    _upload.run(str(data))
    (second,) = _upload.run(str(data))

    assert second.why == "the next upload is not due yet"
    assert len(_uploads(fake)) == 1
    with _outbox.free(str(data)) as outbox:
        assert 3500 < outbox.pace("p", fake.origin)[0] - time.time() <= 3600


def _rewind(data, fake, seconds):
    """Have the next upload be due *seconds* earlier."""
    with _outbox.free(str(data)) as outbox:
        due, failures = outbox.pace("p", fake.origin)
        outbox.set_pace("p", fake.origin, due - seconds, failures)


def test_each_package_keeps_its_own_period_within_one_job(agent, fake, data):
    """The job runs as often as the most eager package wants; 24 hours less a 12th are 22."""
    fake.routes[EVENTS] = _accept
    agent.seal()
    _upload.run(str(data))
    agent.log(event_type="three")
    agent.seal()
    _rewind(data, fake, 21 * 3600)
    (early,) = _upload.run(str(data))
    _rewind(data, fake, 3600)
    (due,) = _upload.run(str(data))

    assert (early.events, early.waiting, early.why) == (0, 1, "the next upload is not due yet")
    assert (due.events, due.waiting, due.why) == (1, 0, "")


def test_what_comes_early_is_bound_into_full_batches_only(agent, fake, data):
    fake.routes[EVENTS] = _accept
    for _ in range(3):
        agent.log(event_type="more")
        agent.seal()
        _upload.run(str(data))
    _rewind(data, fake, 86400)
    _upload.run(str(data))

    assert [len(batch["rows"]) for batch, _ in _uploads(fake)] == [3, 2]


def test_what_was_recorded_under_an_earlier_agreement_is_never_sent(agent, fake, data):
    """Whether it is in a batch already, taken in, or still in a file."""
    fake.routes[EVENTS] = (503, {}, b"")
    agent.send()
    agent.log(event_type="taken in")
    agent.seal()
    _upload.run(str(data))
    agent.log(event_type="in a file")
    agent.seal()
    _agree_again(data, fake, 60)
    agent.refusal()
    agent.log(event_type="new")
    fake.routes[EVENTS] = _accept
    outcome = agent.send()

    assert (outcome.events, outcome.waiting) == (1, 0)
    assert [row[1] for row in _uploads(fake)[-1][0]["rows"]] == ["new"]


def _agree_again(data, fake, later):
    """Say yes anew, *later* seconds from now, with the tokens of another installation."""
    _answer.say_yes(str(data), "p", fake.origin, _schema.text_id(None), "test")
    path = data / "packages" / "p" / "answer"
    words = path.read_text().split(" ")
    words[5] = str(int(words[5]) + later)
    path.write_text(" ".join(words))
    tokens = _tokens.Tokens("at-9", "rt-9", LATER, "s", "i-9")
    _tokens.save(str(data), "p", fake.origin, tokens)


def test_a_host_that_failed_comes_after_the_others(agent, fake, data):
    from otumat_usage import UsageAgent

    other = UsageAgent(author="a", data_directory="d", package_name="q", host=fake.origin)
    other.save_config()
    tokens = _tokens.load(str(data), "p", fake.origin)
    _tokens.save(str(data), "q", fake.origin, tokens)
    _answer.say_yes(str(data), "q", fake.origin, _schema.text_id(None), "test")
    other.refusal()
    fake.routes[EVENTS] = (503, {}, b"")
    agent.send()
    other.log(event_type="q")
    other.seal()
    _upload.run(str(data), now=True)

    assert [len(batch["rows"]) for batch, _ in _uploads(fake)] == [2, 1, 2]


def test_a_no_between_two_uploads_stops_the_second(agent, fake, data):
    for _ in range(1200):
        agent.log(event_type="more")

    def then_no(body):
        _answer.say_no(str(data), "p", "test")
        return _accept(body)

    fake.routes[EVENTS] = then_no
    outcome = agent.send()

    assert len(_uploads(fake)) == 1
    assert outcome.why.startswith("the user said no")


def test_two_uploaders_at_once_are_one(agent, fake, data):
    fake.routes[EVENTS] = _accept
    agent.seal()
    with _outbox.free(str(data)):
        (outcome,) = _upload.run(str(data))

    assert outcome.why == "another upload is running"
    assert _uploads(fake) == []


def test_nothing_may_be_sent_without_a_yes(agent, fake, data):
    _answer.say_no(str(data), "p", "test")
    (outcome,) = _upload.run(str(data))

    assert outcome.why.startswith("the user said no")
    with pytest.raises(RefusedError):
        agent.send()
    assert fake.requests == []


def test_a_hanging_host_costs_the_deadline_and_no_more(agent, fake, monkeypatch):
    import threading

    release = threading.Event()
    fake.routes[EVENTS] = lambda _: (release.wait(20), (200, {}, b"{}"))[1]
    monkeypatch.setattr(_upload, "DEADLINE", 0.5)
    begun = time.monotonic()
    outcome = agent.send()
    release.set()

    assert time.monotonic() - begun < 5
    assert outcome.waiting == 2


@pytest.mark.service
def test_recurring_send_sends_at_each_period_until_the_user_says_no(agent, fake, data):
    def twice(body):
        if len(_uploads(fake)) == 2:
            _answer.say_no(str(data), "p", "test")
        agent.log(event_type="more")
        return _accept(body)

    fake.routes[EVENTS] = twice
    agent.recurring_send(start=START, frequency="1s")

    assert len(_uploads(fake)) == 2


@pytest.mark.parametrize("frequency", ["", "s", "0s", "-1s", "1.5h", "12", "1w", "1 h", "٣s"])
def test_a_frequency_that_is_none_is_an_error(agent, frequency):
    with pytest.raises(ConfigurationError, match="12h"):
        agent.recurring_send(start=START, frequency=frequency)


def test_refresh_token_renews_now(agent, fake, data):
    fake.json("/auth/token", {"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 60000})
    agent._watched.again()
    _keep(data, fake, "1", 0.0)
    agent.refresh_token()

    assert _tokens.load(str(data), "p", fake.origin).access_token == "at-2"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        ("-5", None),
        ("9999999999", 7 * 86400.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert _delivery.retry_after(header) == seconds


def test_retry_after_reads_a_date_to_come():
    date = email.utils.formatdate(time.time() + 100, usegmt=True)

    assert 95 < _delivery.retry_after(date) <= 100


def test_deeply_nested_answers_are_no_acknowledgement():
    reply = Reply(200, {}, b"[" * 60_000)

    assert _delivery.judge(reply, "b").verdict is Verdict.LATER
