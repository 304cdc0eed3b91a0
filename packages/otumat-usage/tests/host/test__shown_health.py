"""Laws of data health: what is wrong stands there as a number, with what it means."""

import json

import pytest

from otumat_usage.host import _grants, _packages
from otumat_usage.host._rights import erase
from otumat_usage.host._worker import fold_all


@pytest.fixture(name="told")
def _told(service):
    def told():
        service.admin()
        rows = json.loads(service.browser.get("/p/demo/data/health.json").text)["rows"]
        assert all(row["Meaning"] for row in rows)
        return {row["What"]: row["Number"] for row in rows}

    return told


@pytest.mark.parametrize("counted", [True, False])
def test_events_of_a_time_that_cannot_be_are_told_apart(service, instant, told, counted):
    tokens = service.enrol()
    days = (0, 1, -401)
    rows = [[instant(service.clock() + day * 86_400_000), "plot"] for day in days]
    rows.append([rows[0][0], ""])
    service.upload(tokens, service.batch(tokens, *["plot"] * len(rows), rows=rows))
    if counted:
        fold_all(service.host.database)

    found = told()

    assert (found["uploads"], found["rejected"], found["rejected: clock"]) == (1, 3, 2)
    with service.host.database.write() as connection:
        erase(connection, bytes.fromhex(tokens["install_id"].replace("-", "")))
    assert set(told().values()) == {0}


def test_installs_that_speak_the_old_wire_are_counted_where_they_are_taken(service, told):
    assert "wire 1" not in told()
    with service.host.database.write() as connection:
        package = _packages.take_legacy(connection, "demo", on=True).id
        for how in ("browser-0.3", "email-0.3", "browser", "device"):
            consent = _grants.Consent(package, "0" * 64, "1-0", service.clock(), how)
            install = _grants.enrol(connection, consent)
            _grants.Family(connection, install, bytes(16), service.clock()).open("usage:write")

    assert told()["wire 1"] == 2
