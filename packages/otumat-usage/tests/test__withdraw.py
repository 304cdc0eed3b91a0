"""Leaving: nothing is left here but the refusal, and the host is asked until it confirms."""

import json
import time

import pytest

from otumat_usage import _answer, _erasure, _tokens
from otumat_usage._tokens import Tokens

TOKENS = Tokens("otu_at_x", "otu_rt_x", 0.0, "usage:write usage:self", "install-1")


@pytest.fixture(name="agent")
def _agent(agreed):
    from otumat_usage import UsageAgent

    agent = UsageAgent(author="a", data_directory="d", package_name="p", host="https://x.example")
    agent.save_config()
    with _tokens.lock(str(agreed), "p"):
        _tokens.save(str(agreed), "p", agent.origin, TOKENS)
    agent.log(event_type="sesame-one")
    return agent


def _files(data):
    return sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file())


def test_uninstall_leaves_the_refusal_and_the_erase_request(agent, data):
    agent.show_logs()
    agent.log(event_type="two")
    agent.uninstall()

    assert [name for name in _files(data) if not name.endswith((".lock", ".db"))] == [
        "erasures.json",
        "job",  # which asks the host until it confirms
        "packages/p/answer",
    ]
    assert "sesame-one" not in "".join(
        path.read_bytes().decode("latin-1") for path in data.rglob("*") if path.is_file()
    )
    (debt,) = _erasure.owed(str(data))
    assert (debt.package, debt.origin, debt.tokens) == ("p", "https://x.example", TOKENS)
    assert agent.refusal().startswith("the user said no (uninstall")
    assert data.joinpath("erasures.json").stat().st_mode & 0o777 == 0o600


def test_after_uninstall_nothing_is_recorded(agent, data):
    agent.uninstall()
    before = _files(data)
    agent.log(event_type="three")

    assert _files(data) == before


def test_uninstall_of_what_was_never_agreed_owes_nothing(data):
    from otumat_usage import UsageAgent

    agent = UsageAgent(author="a", data_directory="d", package_name="q", host="https://x.example")
    agent.uninstall()

    assert _erasure.owed(str(data)) == []
    assert _answer.read(str(data), "q").refused


def test_a_request_is_kept_once_per_installation(data):
    data.mkdir(parents=True)
    debt = _erasure.Debt("p", "https://x.example", "/auth/token", 1, TOKENS)
    _erasure.add(str(data), [debt])
    _erasure.add(str(data), [debt])

    assert _erasure.owed(str(data)) == [debt]


def test_a_host_that_is_not_there_is_asked_again(agent, data):
    debt = _erasure.Debt("p", "http://127.0.0.1:9", "/auth/token", int(time.time()), TOKENS)
    _erasure.add(str(data), [debt])
    ((kept, done),) = _erasure.settle(str(data), time.monotonic() + 5)

    assert not done
    assert "cannot be reached" in kept.why
    assert _erasure.owed(str(data)) == [kept]
    assert agent.refusal() is None


def test_where_no_time_is_left_nobody_is_asked_and_told_so(agent, data):
    agent.uninstall()

    ((late, done),) = _erasure.settle(str(data), time.monotonic())

    assert (late.why, done) == ("there was no time left to ask", False)


def test_nobody_is_asked_where_the_environment_says_no(data, monkeypatch):
    data.mkdir(parents=True)
    debt = _erasure.Debt("p", "http://127.0.0.1:9", "/auth/token", int(time.time()), TOKENS)
    _erasure.add(str(data), [debt])
    monkeypatch.setenv("OTUMAT_USAGE", "off")

    ((found, done),) = _erasure.settle(str(data), time.monotonic() + 5)

    assert (found.why, done) == ("not asked: OTUMAT_USAGE is set to off", False)
    assert _erasure.owed(str(data)) == [debt]


@pytest.mark.usefixtures("reported")
@pytest.mark.service
def test_erase_reaches_the_host(host, console, data):
    done = console("erase", "tracked")

    assert "has erased what it had" in done.stdout
    assert not data.joinpath("erasures.json").exists()
    assert "off, you said no (command" in console("status", "tracked", code=1).stdout
    assert '"import"' not in json.dumps(host.report())


@pytest.mark.usefixtures("reported")
@pytest.mark.service
def test_an_erase_request_outlives_an_outage(host, console, data):
    host.stop()
    done = console("erase", "tracked", code=2)
    assert "has not confirmed" in done.stderr
    assert "not confirmed yet" in console("status").stdout

    host.start()
    console("upload")
    assert not data.joinpath("erasures.json").exists()
    assert '"import"' not in json.dumps(host.report())
