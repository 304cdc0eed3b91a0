"""Whatever goes wrong on the way: each event is counted once, none is lost, nothing is printed."""

import random
import signal
import sys

import pytest

from otumat_usage import _upload

pytestmark = [pytest.mark.fault, pytest.mark.service]
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")

NAMES = [
    "answer lost", "reset in mid-request", "reset in mid-answer", "answer cut short", "not HTTP",
    "408", "425", "429 for seconds", "429 until a date", "500", "502", "503",
    "401 whatever the token", "captive portal", "captive portal with JSON", "204",
    "an answer without an end", "an answer of brackets", "redirect 301", "redirect 302",
    "redirect 303", "redirect 307", "redirect 308", "redirect to itself",
]  # fmt: skip
SLOW = ["headers drip", "body drips", "hangs", "takes it and hangs"]


def test_all_faults_are_tried(faults):
    assert sorted(faults) == sorted([*NAMES, *SLOW])


@pytest.mark.parametrize("name", NAMES)
def test_what_goes_wrong_costs_nothing_but_time(name, seed, lab):
    _go_through([name] * random.Random(seed).randrange(1, 4), seed, lab)


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_host_costs_the_one_deadline(name, seed, lab, monkeypatch):
    monkeypatch.setattr(_upload, "DEADLINE", 0.7)
    _go_through([name], seed, lab)


def test_all_faults_in_any_order(seed, lab, monkeypatch):
    chance = random.Random(seed)
    monkeypatch.setattr(_upload, "DEADLINE", 2.0)
    _go_through(chance.sample(NAMES, 12), seed, lab)


def _go_through(faults, seed, lab):
    chance = random.Random(seed)
    lab.record(chance.randrange(1, 60))
    lab.proxy.faults.extend(faults)
    early = 0
    while lab.proxy.faults:
        left = len(lab.proxy.faults)
        outcome = lab.upload()
        assert bool(outcome.waiting) == bool(outcome.why)
        if len(lab.proxy.faults) == left:  # the deadline of a busy machine came before the fault
            early += 1
            assert outcome.why
            assert early < 10
        lab.record(chance.randrange(3))
    lab.proxy.release.set()
    _deliver(lab)


def _deliver(lab):
    """Upload until nothing waits, and hold the law."""
    for _ in range(5):
        outcome = lab.upload()
        if not outcome.waiting:
            break
    assert (outcome.waiting, outcome.running, outcome.why) == (0, 0, "")
    assert lab.counted() == lab.events


def test_a_limit_of_the_host_is_met_by_halves(seed, lab):
    chance = random.Random(seed)
    lab.proxy.limit = chance.randrange(1, 20)
    lab.record(chance.randrange(20, 120))
    _deliver(lab)


@pytest.mark.parametrize("off", [86400.0, -86400.0, 3e8])
def test_a_clock_that_is_off(off, seed, lab):
    lab.finish(lab.write(random.Random(seed).randrange(1, 60), off))
    lab.finish(lab.start(off=off))
    lab.record(2)
    _deliver(lab)


def test_an_access_token_that_ended_is_renewed(seed, lab):
    lab.record(random.Random(seed).randrange(1, 60))
    lab.change_tokens(access_token="otu_at_" + "0" * 70)
    _deliver(lab)
    lab.record(1)
    lab.change_tokens(expires_at=0.0)
    _deliver(lab)


def test_tokens_that_were_revoked_stop_it_and_lose_nothing(seed, lab):
    number = random.Random(seed).randrange(1, 60)
    lab.record(number)
    form = {"client_id": "otumat-usage", "token": lab.tokens().refresh_token}
    assert lab.ask_host("POST", "/auth/revoke", form)[0].status == 200
    before = lab.tokens()
    for _ in range(2):
        outcome = lab.upload()
        assert (outcome.events, outcome.waiting) == (0, number)
        assert "no longer honours" in outcome.why
    assert lab.tokens() == before


def test_a_host_that_erased_us_is_told_nothing_more(seed, lab):
    lab.record(random.Random(seed).randrange(1, 60))
    token = f"Bearer {lab.tokens().access_token}"
    assert lab.ask_host("DELETE", "/api/usage-self", Authorization=token)[0].status == 200
    outcome = lab.upload()
    sent = len(lab.proxy.requests)
    lab.agent.log(event_type="used", number=0)
    lab.agent.seal()
    again = lab.upload()

    assert (outcome.events, outcome.waiting, again.waiting) == (0, 0, 0)
    assert again.why.startswith("the user said no (host, ")
    assert len(lab.proxy.requests) == sent
    assert lab.tokens() is None


@posix
def test_an_uploader_killed_between_sending_and_the_answer(seed, lab):
    chance = random.Random(seed)
    for _ in range(chance.randrange(1, 4)):
        lab.record(chance.randrange(1, 40))
        child = lab.start()

        def kill(child=child):
            child.send_signal(signal.SIGKILL)
            child.wait(20)

        lab.proxy.before_answer = kill
        lab.finish(child, killed=True)
    lab.proxy.before_answer = None
    _deliver(lab)


@posix
def test_an_uploader_killed_at_any_moment(seed, lab):
    chance = random.Random(seed)
    lab.proxy.limit = 3  # many requests, so that the kill can fall between any two
    for _ in range(2):
        lab.record(chance.randrange(8, 24))
        child = lab.start()
        victim = chance.randrange(1, 12)
        done = len(lab.proxy.requests)
        while child.poll() is None and len(lab.proxy.requests) - done < victim:
            lab.proxy.release.wait(0.005)
        child.kill()
        lab.finish(child, killed=True)
    _deliver(lab)


def test_two_uploaders_at_once(seed, lab):
    chance = random.Random(seed)
    lab.record(chance.randrange(1, 200))
    lab.proxy.faults.extend(chance.choice(["503", "answer lost", "captive portal"]) for _ in "ab")
    both = [lab.start(), lab.start(wait=chance.choice([0.0, 5.0]))]
    for child in both:
        lab.finish(child)
    lab.proxy.faults.clear()
    _deliver(lab)


def test_eight_writers_alongside_while_everything_goes_wrong(seed, lab):
    chance = random.Random(seed)
    writers = [lab.write(chance.randrange(50, 400)) for _ in range(8)]
    lab.proxy.faults.extend(chance.choices(NAMES, k=30))
    while any(writer.poll() is None for writer in writers):
        child = lab.start(deadline=5.0)
        if sys.platform != "win32" and chance.random() < 0.3:
            child.kill()
        lab.finish(child, killed=True)
    for writer in writers:
        lab.finish(writer)
    lab.proxy.faults.clear()
    _deliver(lab)
