"""Laws of wire 1 from the question to the last byte that is stored."""

import base64
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from click.testing import CliRunner

from otumat_usage.host import _packages
from otumat_usage.host._database import consents, log, metadata, select
from otumat_usage.host._rights import as_lines, export
from otumat_usage.host._secrets import install_of
from otumat_usage.host.cli import host_group

INSTALL = "/user/usage-install"
ISSUER = "http://127.0.0.1:8080"
#: As otumat 0.3.1 builds it (usage.py, `install`).
ASKED = {
    "operatingSystem": "linux", "macAddress": "0a:1b:2c:3d:4e:5f", "platform": "Python",
    "platformVersion": "3.8.10", "packageManager": "pip", "packageManagerVersion": "22.3",
    "packageName": "demo", "packageVersion": "1.2.3", "location": "Vienna, Vienna, AT",
    "timezone": "CET, CEST, Europe/Vienna", "timestamp": 1650000000,
    "health": "http://192.168.7.31:41234/health",
    "redirect": "http://192.168.7.31:41234/install-completed",
    "cancel": "http://192.168.7.31:41234/install-cancelled",
}  # fmt: skip


def asked(**changes):
    return f"{INSTALL}?{urlencode(ASKED | changes)}"


def take(service, *, on=True):
    with service.host.database.write() as connection:
        _packages.take_legacy(connection, "demo", on=on)
    service.host.bearers.clear()


@pytest.fixture
def legacy(service):
    """A host whose package `demo` takes 0.3 clients."""
    take(service)
    return service


def opened(service, **changes):
    """Open the page as the old client makes the browser do; return its address and the page."""
    first = service.browser.get(asked(**changes))
    assert first.status_code == 303
    clean = first.headers["location"]
    return clean, service.browser.get(clean)


def decided(service, decision="yes", **changes):
    clean, page = opened(service, **changes)
    fields = dict(re.findall(r'name="(csrf|consent)" value="([^"]+)"', page.text))
    return service.browser.post(clean, data=fields | {"decision": decision})


def agreed(service):
    answer = decided(service)
    assert answer.status_code == 303, answer.text
    return {k: v[0] for k, v in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def refreshed(service, given, **changes):
    """Refresh as `UsageAgent.refresh_token` of 0.3.1 does."""
    pair = f"{given['clientId']}:{given['clientSecret']}".encode()
    headers = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    form = {"grant_type": "refresh_token", "refresh_token": given["refreshToken"]} | changes
    return service.browser.post("/auth/token", data=form, headers=headers)


def sent(service, given, rows, **changes):
    """Upload as `UsageAgent.send` of 0.3.1 does."""
    body = {"installId": given["installId"], "rows": rows,
            "headers": ["install_id", "event_date", "event_type"]} | changes  # fmt: skip
    headers = {"Authorization": f"Bearer {given['accessToken']}"}
    return service.browser.post("/api/usage-event", json=body, headers=headers)


def stored(service):
    """Return every value in every table as bytes."""
    with service.host.database.read() as connection:
        return b"\n".join(
            value if isinstance(value, bytes) else str(value).encode()
            for table in metadata.sorted_tables
            for row in connection.execute(select(table))
            for value in row
        )


def test_it_is_off_until_the_owner_turns_it_on(service):
    clean = service.browser.get(asked()).headers["location"]
    assert service.browser.get(clean).status_code == 400
    assert service.browser.get("/p/demo/consent/0.3").status_code == 404
    assert service.browser.get("/.well-known/otumat-usage?package=demo").json()["wire"] == [2]

    take(service)

    assert service.browser.get(clean).status_code == 200
    assert service.browser.get("/p/demo/consent/0.3").status_code == 200
    assert service.browser.get("/.well-known/otumat-usage?package=demo").json()["wire"] == [1, 2]


def test_the_page_says_what_was_sent_already_and_where_the_answer_goes(legacy):
    _, page = opened(legacy)

    for told in ("hardware address", "ipinfo.io", "without encryption", "started at every login",
                 ASKED["redirect"], "1.2.3", "3.8.10"):  # fmt: skip
        assert told in page.text
    assert "Nothing has been sent so far" not in page.text
    policy = page.headers["content-security-policy"]
    assert "form-action 'self' http://192.168.7.31:41234;" in policy


def test_what_the_client_betrays_leaves_the_address_at_once(legacy):
    clean, page = opened(legacy)

    for secret in ("0a%3A1b", "0a:1b", "Vienna", "CET", "1650000000", "%2Fhealth", "cancelled"):
        assert secret not in clean
        assert secret not in page.text


def test_a_yes_brings_all_that_the_client_needs(legacy):
    answer = decided(legacy)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith(ASKED["redirect"] + "?")
    assert answer.headers["cache-control"] == "no-store"
    given = agreed(legacy)
    assert set(given) == {
        "accessToken", "refreshToken", "expiresIn", "scope", "installId", "clientId",
        "clientSecret",
    }  # fmt: skip
    assert int(given["expiresIn"]) == 3600


def test_a_no_lets_the_client_go_on(legacy):
    answer = decided(legacy, "no")

    assert (answer.status_code, answer.headers["location"]) == (303, ASKED["cancel"])
    assert b"192.168" not in stored(legacy)


def test_the_page_is_bound_to_its_browser_and_its_text(legacy):
    clean, page = opened(legacy)
    fields = dict(re.findall(r'name="(csrf|consent)" value="([^"]+)"', page.text))
    form = fields | {"decision": "yes"}

    stranger = legacy.new_browser().post(clean, data=form)
    forged = legacy.browser.post(clean, data=form | {"csrf": "0" * 64})
    other = legacy.browser.post(clean.replace("41234", "41235"), data=form)
    elsewhere = legacy.browser.post(clean, data=form, headers={"Origin": "https://evil.example"})
    stale = legacy.browser.post(clean, data=form | {"consent": "0" * 64})

    found = [each.status_code for each in (stranger, forged, other, elsewhere, stale)]
    assert found == [403, 403, 403, 403, 409]


def test_the_agreement_is_to_the_text_of_wire_1(legacy):
    given = agreed(legacy)
    with legacy.host.database.read() as connection:
        held = as_lines(export(connection, install_of(given["clientSecret"], "cs")))

    text = legacy.browser.get("/p/demo/consent/0.3").text
    assert re.search("Text version (1-[0-9a-f]{8})", text)[1] in held
    assert '"how": "browser-0.3"' in held
    assert (
        re.search("Text version (1-[0-9a-f]{8})", legacy.browser.get("/p/demo/consent").text)[1]
        not in held
    )


def test_nothing_that_the_client_betrays_is_stored(legacy):
    """Neither in any table nor anywhere in the database's files."""
    given = agreed(legacy)
    decided(legacy, "no")
    sent(legacy, given, [["2026-06-01 10:00:00.000001", "plot"]])
    secrets = (b"0a:1b", b"0a%3A1b", b"Vienna", b"CEST", b"192.168.7", b"41234", b"1650000000",
               b"3.8.10", b"22.3", *(given[k].encode() for k in (
                   "accessToken", "refreshToken", "clientSecret")))  # fmt: skip

    files = list(legacy.host.database.path.parent.iterdir())

    assert files
    held = stored(legacy) + b"".join(path.read_bytes() for path in files)
    assert b"browser-0.3" in held
    assert [secret for secret in secrets if secret in held] == []


def test_an_upload_counts_and_can_be_erased(legacy):
    given = agreed(legacy)
    rows = [["2026-06-01 10:00:00.000001", "plot"], ["2026-06-01 10:00:00.250000", "fit"]]

    answer = sent(legacy, given, rows)

    assert answer.json()["accepted"] == 2
    legacy.admin()
    assert "plot" in legacy.browser.get("/p/demo").text
    headers = {"Authorization": f"Bearer {given['accessToken']}"}
    erased = legacy.browser("DELETE", "/api/usage-self", headers=headers)
    assert (erased.json()["uploads"], erased.json()["events"]) == (1, 2)
    assert sent(legacy, given, rows).status_code == 410


def test_the_users_own_page_says_that_such_a_program_reports(legacy):
    given = agreed(legacy)
    headers = {"Authorization": f"Bearer {given['accessToken']}"}
    link = legacy.browser.post("/api/usage-self/link", headers=headers).json()["url"]

    legacy.browser.get(link)
    text = legacy.browser.get("/user/my-data").text

    assert "may send events and may see and erase this" in text
    assert "browser, asked by a program with otumat 0.3" in text
    assert 'href="/p/demo/consent/0.3"' in text


def test_what_no_such_client_can_send_is_refused_and_stored_nowhere(legacy):
    """More rows than fit into a body: a few packed bytes would fill the disk with refusals."""
    given = agreed(legacy)
    headers = ["install_id", "event_date", "event_type"]
    body = {"installId": given["installId"], "headers": headers, "rows": [0] * 140_001}
    token = {"access_token": given["accessToken"]}

    assert legacy.upload(token, body).status_code == 413
    with legacy.host.database.read() as connection:
        assert connection.execute(select(log)).all() == []


def test_an_expired_token_is_told_in_the_words_that_the_client_knows(legacy):
    given = agreed(legacy)
    legacy.clock.forward(seconds=3601)

    late = sent(legacy, given, [])
    assert late.status_code == 401
    assert late.json()["error_msg"] == "Authorization Failed"
    assert "TokenExpiredError" in late.json()["error_desc"]

    fresh = refreshed(legacy, given).json()
    assert sent(legacy, given | {"accessToken": fresh["access_token"]}, []).status_code == 200


def test_turned_off_clients_are_refused_and_may_come_back(legacy):
    given = agreed(legacy)
    take(legacy, on=False)

    assert refreshed(legacy, given).status_code == 401
    assert sent(legacy, given, []).status_code == 403

    take(legacy)
    assert refreshed(legacy, given).status_code == 200


def test_a_closed_package_takes_nobody(legacy):
    given = agreed(legacy)
    with legacy.host.database.write() as connection:
        _packages.close(connection, "demo", closed=True)
    legacy.host.bearers.clear()

    assert opened(legacy)[1].status_code == 400
    assert sent(legacy, given, []).json()["stop"] is True


def test_the_two_wires_are_kept_apart(legacy):
    """A token of one is good for nothing of the other."""
    old, new = agreed(legacy), legacy.enrol()
    new_names = {"accessToken": new["access_token"], "installId": new["install_id"]}

    assert sent(legacy, new_names, [["2026-06-01 10:00:00", "plot"]]).status_code == 400
    batch = legacy.batch({"install_id": old["installId"]}, "plot")
    assert legacy.upload({"access_token": old["accessToken"]}, batch).status_code == 400
    assert legacy.refresh(old["refreshToken"]).json()["error"] == "invalid_grant"
    assert refreshed(legacy, old, refresh_token=new["refresh_token"]).status_code == 400
    asked = legacy.browser.get(legacy.authorization(scope="usage:legacy"))
    assert "invalid_scope" in asked.headers["location"]
    start = {"client_id": "otumat-usage", "package": "demo", "scope": "usage:legacy"}
    assert legacy.browser.post("/auth/device", data=start).json()["error"] == "invalid_scope"


def test_enrolments_are_limited_as_on_wire_2(legacy):
    legacy.host.enrolments._attempts = 1

    assert decided(legacy).status_code == 303
    assert decided(legacy).status_code == 429
    assert decided(legacy, "no").status_code == 303
    with legacy.host.database.read() as connection:
        assert connection.scalars(select(consents.c.decision)).all() == ["yes"]


def test_the_command_and_the_page_turn_it_on_and_off(service):
    folder = str(service.host.database.path.parent)

    def run(*words):
        return CliRunner().invoke(host_group, ["legacy", "-d", folder, *words])

    def taken():
        with service.host.database.read() as connection:
            return _packages.find(connection, "demo").legacy

    assert run("Demo").output == "demo: clients of otumat 0.3 are taken\n"
    assert taken()
    assert run("demo", "--off").output == "demo: clients of otumat 0.3 are not taken\n"
    assert not taken()
    assert (run("other").exit_code, run("other").output.count("\n")) == (2, 1)

    service.admin()
    page = service.browser.get("/admin/p/demo").text
    csrf = re.search('name="csrf" value="([^"]+)"', page)[1]
    form = {"csrf": csrf, "sign_in": "anonymous", "domains": "", "legacy": "yes"}
    assert service.browser.post("/admin/p/demo", data=form).status_code == 303
    assert taken()
    assert 'name="legacy" value="yes" checked' in service.browser.get("/admin/p/demo").text
    assert "/p/demo/consent/0.3" in service.browser.get("/p/demo/privacy").text
