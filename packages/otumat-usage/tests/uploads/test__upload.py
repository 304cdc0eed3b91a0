"""The uploader: what is sent, when, and on whose word."""

import datetime as dt
import gzip
import pathlib
import time

import pytest

from otumat_usage import _answer, _outbox, _schema, _tokens, _upload
from otumat_usage.exceptions import ConfigurationError, RefusedError

from ._answers import EVENTS, accept, in_turn, uploads

START = dt.datetime(2022, 1, 1, tzinfo=dt.timezone.utc)


def test_what_is_shown_is_what_is_sent_byte_for_byte(agent, fake):
    fake.routes[EVENTS] = accept
    (shown,) = agent.show_logs()
    outcome = agent.send()

    assert (outcome.events, outcome.requests, outcome.waiting, outcome.why) == (2, 1, 0, "")
    (sent,) = [gzip.decompress(body) for _, path, body, _ in fake.requests if path == EVENTS]
    assert sent == shown.encode()
    assert agent.show_logs() == []


def test_a_pass_in_the_background_respects_the_pace(agent, fake, data):
    fake.routes[EVENTS] = in_turn((429, {"Retry-After": "3600"}, b""), accept)
    agent.seal()
    _upload.run(str(data))
    (second,) = _upload.run(str(data))

    assert second.why == "the next upload is not due yet"
    assert len(uploads(fake)) == 1
    with _outbox.free(str(data)) as outbox:
        assert 3500 < outbox.pace("p", fake.origin)[0] - time.time() <= 3600


def _rewind(data, fake, seconds):
    """Have the next upload be due *seconds* earlier."""
    with _outbox.free(str(data)) as outbox:
        due, failures = outbox.pace("p", fake.origin)
        outbox.set_pace("p", fake.origin, due - seconds, failures)


def test_each_package_keeps_its_own_period_within_one_job(agent, fake, data):
    """The job runs as often as the most eager package wants; 24 hours less a 12th are 22."""
    fake.routes[EVENTS] = accept
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


def test_a_pace_that_no_host_can_ask_for_is_a_clock_that_was_set_back(agent, fake, data):
    fake.routes[EVENTS] = accept
    agent.seal()
    _rewind(data, fake, -(time.time() + 8 * 86400))
    (outcome,) = _upload.run(str(data))

    assert (outcome.events, outcome.why) == (2, "")


def test_what_comes_early_is_bound_into_full_batches_only(agent, fake, data):
    fake.routes[EVENTS] = accept
    for _ in range(3):
        agent.log(event_type="more")
        agent.seal()
        _upload.run(str(data))
    _rewind(data, fake, 86400)
    _upload.run(str(data))

    assert [len(batch["rows"]) for batch, _ in uploads(fake)] == [3, 2]


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
    fake.routes[EVENTS] = accept
    outcome = agent.send()

    assert (outcome.events, outcome.waiting) == (1, 0)
    assert [row[1] for row in uploads(fake)[-1][0]["rows"]] == ["new"]


def _agree_again(data, fake, later):
    """Say yes anew, *later* seconds from now, with the tokens of another installation."""
    _answer.say_yes(str(data), "p", fake.origin, _schema.text_id(None), "test")
    path = data / "packages" / "p" / "answer"
    words = path.read_text().split(" ")
    words[5] = str(int(words[5]) + later)
    path.write_text(" ".join(words))
    tokens = _tokens.Tokens("at-9", "rt-9", 4e9, "s", "i-9")
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

    assert [len(batch["rows"]) for batch, _ in uploads(fake)] == [2, 1, 2]


def test_a_no_between_two_uploads_stops_the_second(agent, fake, data):
    for _ in range(1200):
        agent.log(event_type="more")

    def then_no(body):
        _answer.say_no(str(data), "p", "test")
        return accept(body)

    fake.routes[EVENTS] = then_no
    outcome = agent.send()

    assert len(uploads(fake)) == 1
    assert outcome.why.startswith("the user said no")


def test_two_uploaders_at_once_are_one(agent, fake, data):
    fake.routes[EVENTS] = accept
    agent.seal()
    with _outbox.free(str(data)):
        (outcome,) = _upload.run(str(data))

    assert outcome.why == "another upload is running"
    assert uploads(fake) == []


def test_nothing_is_sent_to_a_host_that_nobody_agreed_to(agent, fake, data):
    agent.seal()
    pathlib.Path(_answer.path_of(str(data), "p")).unlink()
    _answer.say_yes(str(data), "p", "https://other.example", _schema.text_id(None), "test")
    (outcome,) = _upload.run(str(data), now=True)

    assert outcome.why == f"not asked for {fake.origin} yet"
    assert fake.requests == []


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
        if len(uploads(fake)) == 2:
            _answer.say_no(str(data), "p", "test")
        agent.log(event_type="more")
        return accept(body)

    fake.routes[EVENTS] = twice
    agent.recurring_send(start=START, frequency="1s")

    assert len(uploads(fake)) == 2


@pytest.mark.parametrize("frequency", ["", "s", "0s", "-1s", "1.5h", "12", "1w", "1 h", "٣s"])
def test_a_frequency_that_is_none_is_an_error(agent, frequency):
    with pytest.raises(ConfigurationError, match="12h"):
        agent.recurring_send(start=START, frequency=frequency)
