"""Everything that is held, here and at the host, in one JSON; never a token."""

import json
import time

import pytest

from otumat_usage import _export, _tokens


@pytest.fixture(name="agent")
def _agent(enrolled, keep):
    """An agent with one event on disk, enrolled at the fake host."""
    keep("secret")
    enrolled.log(event_type="one")
    enrolled.seal()
    return enrolled


def _everything(data, ask=True):
    return _export.everything(str(data), "p", ask=ask, end=time.monotonic() + 10)


@pytest.mark.usefixtures("agent")
def test_all_that_is_held_is_there_but_no_token(data, fake):
    fake.routes["/api/usage-self"] = (200, {}, b'{"kind": "install"}\n{"kind": "grant"}\n')
    found, untold = _everything(data)

    assert [row[1] for row in found["waiting"][0]["rows"]] == ["one"]
    assert found["installations"] == [{"host": fake.origin, "install_id": "i-1", "scope": "s"}]
    assert found["at_host"] == [
        {"host": fake.origin, "held": [{"kind": "install"}, {"kind": "grant"}]}
    ]
    assert [agreed["host"] for agreed in found["answer"]["agreed"]] == [fake.origin]
    assert found["configuration"]["package_name"] == "p"
    assert untold == []
    assert "secret" not in json.dumps(found)


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((503, {}, b""), "answered 503"),
        ((200, {}, b"<html>"), "not JSON"),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), "answered 302"),
    ],
)
def test_what_a_host_does_not_tell_is_said(data, fake, answer, why):
    fake.routes["/api/usage-self"] = answer
    found, untold = _everything(data)

    assert len(untold) == 1
    assert why in untold[0]
    assert found["at_host"][0]["held"] is None
    assert found["waiting"]


@pytest.mark.usefixtures("agent")
def test_an_old_token_is_renewed_first(data, fake, keep):
    keep(expires=0.0)
    fake.json("/auth/token", {"access_token": "at-2", "refresh_token": "rt-2"})
    fake.routes["/api/usage-self"] = (200, {}, b"")
    _everything(data)

    assert fake.requests[-1][3]["authorization"] == "Bearer at-2"
    assert _tokens.load(str(data), "p", fake.origin).refresh_token == "rt-2"


@pytest.mark.usefixtures("agent")
def test_an_erased_installation_is_held_nowhere(data, fake):
    fake.routes["/api/usage-self"] = (410, {}, b"{}")

    assert _everything(data)[0]["at_host"] == [{"host": fake.origin, "held": []}]


@pytest.mark.usefixtures("agent")
def test_nobody_is_asked_unless_it_is_wanted_and_allowed(data, fake, monkeypatch):
    assert _everything(data, ask=False)[0]["at_host"] is None
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    assert _everything(data)[1] == ["DO_NOT_TRACK is set"]
    assert fake.requests == []


@pytest.mark.usefixtures("reported")
@pytest.mark.service
def test_export_prints_what_the_real_host_holds(host, console):
    found = json.loads(console("export").stdout)
    (one,) = found["packages"]

    assert [row[1] for row in one["at_host"][0]["held"][-1]["rows"]] == ["import", "import"]
    assert [row["outcome"] for row in one["sent"]] == ["acknowledged"]
    assert json.loads(console("export", "tracked", "--local").stdout)["packages"][0]["sent"]
    host.stop()
    assert "not complete" in console("export", code=2).stderr
