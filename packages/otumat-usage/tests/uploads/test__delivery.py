"""What each answer of a host means for the batch that it answers."""

import email.utils
import gzip
import json
import time

import pytest

from otumat_usage import _delivery, _outbox, _tokens
from otumat_usage._delivery import Verdict
from otumat_usage._http import Reply

from ._answers import EVENTS, accept, in_turn, uploads


def test_the_token_is_in_the_header_and_nowhere_else(agent, fake):
    fake.routes[EVENTS] = accept
    agent.send()

    ((batch, headers),) = uploads(fake)
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
    fake.routes[EVENTS] = in_turn(answer, accept)
    first = agent.send()
    second = agent.send()

    assert (first.events, first.waiting) == (0, 2)
    assert first.why
    assert (second.events, second.waiting) == (2, 0)
    ids = [batch["batch"] for batch, _ in uploads(fake)]
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
            accept(body) if len(json.loads(gzip.decompress(body))["rows"]) < 2 else (413, {}, b"")
        )

    fake.routes[EVENTS] = small
    outcome = agent.send()

    assert (outcome.events, outcome.requests, outcome.waiting) == (2, 2, 0)


def test_a_host_that_has_erased_us_ends_it(agent, fake, data):
    fake.routes[EVENTS] = (410, {}, b'{"stop": true}')
    outcome = agent.send()

    assert outcome.waiting == 0
    assert agent.refusal().startswith("the user said no (host, ")
    assert _tokens.load(str(data), "p", fake.origin) is None


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
