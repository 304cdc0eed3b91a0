"""Tokens are renewed once, kept before they are used, and never lost."""

import time

import pytest

from otumat_usage import _tokens

from ._answers import EVENTS, accept, in_turn, uploads


def test_an_expired_token_is_renewed_once_and_kept_before_use(agent, fake, data):
    fake.json("/auth/token", {"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 60000})
    fake.routes[EVENTS] = in_turn((401, {}, b"{}"), accept)
    outcome = agent.send()

    assert outcome.events == 2
    assert [h["authorization"] for _, h in uploads(fake)] == ["Bearer at-1", "Bearer at-2"]
    kept = _tokens.load(str(data), "p", fake.origin)
    assert (kept.refresh_token, kept.install_id) == ("rt-2", "i-1")


def test_a_token_known_to_be_old_is_renewed_first(agent, fake, keep):
    keep(expires=time.time() + 1)
    fake.json("/auth/token", {"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 60000})
    fake.routes[EVENTS] = accept
    agent.send()

    assert [h["authorization"] for _, h in uploads(fake)] == ["Bearer at-2"]


def test_tokens_that_another_process_renewed_are_used(agent, fake, keep):
    """The loser of a race must not present what the host has retired."""

    def meanwhile(_):
        keep("2")
        return 401, {}, b"{}"

    fake.routes[EVENTS] = in_turn(meanwhile, accept)
    outcome = agent.send()

    assert outcome.events == 2
    assert [h["authorization"] for _, h in uploads(fake)] == ["Bearer at-1", "Bearer at-2"]
    assert not [path for _, path, _, _ in fake.requests if path == "/auth/token"]


def test_tokens_that_another_process_renewed_long_ago_are_renewed_again(agent, fake, keep):
    def meanwhile(_):
        keep("2", expires=0.0)
        return 401, {}, b"{}"

    fake.json("/auth/token", {"access_token": "at-3", "refresh_token": "rt-3", "expires_in": 60000})
    fake.routes[EVENTS] = in_turn(meanwhile, accept)

    assert agent.send().events == 2
    assert [h["authorization"] for _, h in uploads(fake)] == ["Bearer at-1", "Bearer at-3"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((400, {}, b'{"error": "invalid_grant"}'), "no longer honours"),
        ((503, {}, b""), "did not renew"),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), "did not renew"),
        ((200, {}, b"{}"), "no usable access_token"),
    ],
)
def test_a_renewal_that_fails_loses_neither_tokens_nor_events(agent, fake, data, answer, why, keep):
    keep(expires=0.0)
    fake.routes["/auth/token"] = answer
    outcome = agent.send()

    assert why in outcome.why
    assert outcome.waiting == 2
    assert _tokens.load(str(data), "p", fake.origin).refresh_token == "rt-1"
    assert uploads(fake) == []


def test_refresh_token_renews_now(agent, fake, data, keep):
    fake.json("/auth/token", {"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 60000})
    agent._watched.again()
    keep(expires=0.0)
    agent.refresh_token()

    assert _tokens.load(str(data), "p", fake.origin).access_token == "at-2"
