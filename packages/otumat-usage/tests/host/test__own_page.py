"""Laws of a user's own page: its link works once, shows all that is held, and can end it."""

import html
import json
import re
import uuid

import pytest

from otumat_usage.host import _grants, _held, _packages, _statistics
from otumat_usage.host._database import select, self_keys

PAGE = "/user/my-data"


def link(service, tokens):
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return service.browser.post("/api/usage-self/link", headers=headers)


@pytest.fixture(name="tokens")
def _tokens(service):
    """An installation with two uploads, beside another one."""
    found = service.enrol()
    body = service.batch(found, "plot", "fit", "fit") | {"dropped": {"overflow": 2}}
    service.upload(found, body)
    service.clock.forward(days=1)
    found = found | service.refresh(found["refresh_token"]).json()
    service.upload(found, service.batch(found, "plot"))
    other = service.enrol()
    service.upload(other, service.batch(other, "secret"))
    return found


@pytest.fixture(name="opened")
def _opened(service, tokens):
    """The browser of the user, behind the link; and the page."""
    browser = service.new_browser()
    answer = browser.get(link(service, tokens).json()["url"])
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    yield browser
    browser.close()


@pytest.fixture(name="send")
def _send(opened):
    """Press one of the page's buttons."""

    def send(what, *, headers=None, **changes):
        page = opened.get(PAGE).text
        form = re.search(rf'action="{PAGE}/{what}">\s*<input [^>]*value="([^"]+)"', page)
        fields = {"csrf": form[1] if form else ""}
        return opened.post(f"{PAGE}/{what}", data=fields | changes, headers=headers or {})

    return send


def summary(service):
    with service.host.database.read() as connection:
        package = _packages.find(connection, "demo")
        return _statistics.summarise(connection, package, service.clock())


def test_the_link_is_for_the_token_of_the_scope_alone(service):
    narrow = service.redeem(service.code(scope="usage:write")).json()

    assert link(service, narrow).status_code == 403
    assert link(service, {"access_token": "x"}).status_code == 401
    assert service.browser.post("/api/usage-self/link").status_code == 401
    answer = link(service, service.enrol())
    assert (answer.status_code, answer.json()["expires_in"]) == (201, 300)
    assert answer.headers["cache-control"] == "no-store"


def test_the_link_opens_the_page_once_and_leaves_no_secret_in_an_address(service, tokens):
    url = link(service, tokens).json()["url"]
    first, second = service.new_browser(), service.new_browser()

    assert first("HEAD", url).status_code == 401  # a preview does not use it up
    answer = first.get(url)
    cookie = answer.headers["set-cookie"]

    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    assert {"HttpOnly", "SameSite=lax", "Max-Age=900", "Path=/"} <= set(cookie.split("; "))
    assert second.get(url).status_code == 401
    assert second.get(PAGE).status_code == 401
    page = first.get(PAGE)
    assert page.status_code == 200
    assert "otu_" not in page.text
    first.close()
    second.close()


def test_a_link_is_over_after_five_minutes_and_a_session_after_fifteen(service, tokens):
    url = link(service, tokens).json()["url"]
    service.clock.forward(seconds=300)
    assert service.browser.get(url).status_code == 401

    service.browser.get(link(service, tokens).json()["url"])
    service.clock.forward(seconds=899)
    assert service.browser.get(PAGE).status_code == 200
    service.clock.forward(seconds=1)
    for path in (PAGE, f"{PAGE}/download"):
        assert service.browser.get(path).status_code == 401


def test_a_new_link_ends_the_one_before_and_its_session(service, tokens, opened):
    old = link(service, tokens).json()["url"]
    link(service, tokens)

    assert opened.get(PAGE).status_code == 401
    assert service.browser.get(old).status_code == 401
    with service.host.database.read() as connection:
        assert len(connection.execute(select(self_keys)).all()) == 1


def test_guessing_links_ends_after_ten(service, tokens):
    for _ in range(10):
        assert service.browser.get(f"{PAGE}?key=x").status_code == 401

    blocked = service.browser.get(link(service, tokens).json()["url"])

    assert (blocked.status_code, blocked.headers["retry-after"]) == (429, "60")


def test_a_session_is_no_link_and_no_token_opens_the_page(service, tokens, opened):
    session = next(iter(opened._client.cookies.jar)).value
    fresh = service.new_browser()
    headers = {"Cookie": f"otumat_self={tokens['access_token']}"}

    assert fresh.get(f"{PAGE}?key={session}").status_code == 401
    assert fresh.get(PAGE, headers=headers).status_code == 401
    fresh.close()


def test_the_page_says_everything_in_plain_words(opened, tokens):
    page = opened.get(PAGE).text
    rows = re.findall(r'<th scope="row">(.*?)</th>.*?<code>(.*?)</code></td><td>(.*?)</td>', page)

    assert rows == [
        ("2026-06-02", "plot", "1"), ("2026-06-01", "fit", "2"), ("2026-06-01", "plot", "1"),
    ]  # fmt: skip
    assert tokens["install_id"] in page
    assert "4 events in 2 uploads; your programs dropped 2 more" in page
    assert "version 1.2.3, Python 3.12, system Linux" in page
    assert "may send events and may see and erase this" in page
    assert "2026-06-01 12:00 (UTC), on the host's page in a browser" in html.unescape(page)
    assert "secret" not in page


def test_answers_of_the_survey_are_shown_with_their_questions(service):
    from otumat_usage.host._survey import Question

    with service.host.database.write() as connection:
        asked = [Question("role", "What do you do?", ("Research", "<b>Other</b>"))]
        _packages.survey(connection, "demo", asked)
    page = service.browser.get(service.authorization()).text
    fields = dict(re.findall(r'name="(csrf|consent)" value="([^"]+)"', page))
    fields |= {"decision": "yes", "survey-role": "<b>Other</b>"}
    code = service.values(service.browser.post(service.authorization(), data=fields))["code"]
    tokens = service.redeem(code).json()
    service.browser.get(link(service, tokens).json()["url"])

    page = service.browser.get(PAGE).text

    assert "<dt>What do you do?</dt>\n<dd>&lt;b&gt;Other&lt;/b&gt;</dd>" in page
    assert "No events." in page


def test_many_days_are_cut_and_the_file_has_all(monkeypatch, opened):
    monkeypatch.setattr(_held, "SHOWN", 2)

    page = opened.get(PAGE).text

    assert page.count('<th scope="row">') == 2
    assert "and 1 earlier rows" in page


def test_the_download_is_the_export(service, tokens, opened):
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    wanted = service.browser.get("/api/usage-self", headers=headers).text

    answer = opened.get(f"{PAGE}/download")

    assert answer.text == wanted
    assert [json.loads(line)["kind"] for line in wanted.splitlines()][-1] == "upload"
    assert answer.headers["content-disposition"] == 'attachment; filename="my-usage-data.jsonl"'
    assert answer.headers["cache-control"] == "no-store"


def test_stop_takes_nothing_more_and_keeps_what_is_there(service, tokens, opened, send):
    answer = send("stop")

    refused = service.upload(tokens, service.batch(tokens, "plot"))
    assert (answer.status_code, refused.status_code) == (303, 401)
    assert service.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    page = opened.get(PAGE).text
    assert "<b>stopped</b>" in page
    assert "Stop reports" not in page
    assert (summary(service).events, summary(service).installs) == (5, 1)


def test_erase_asks_to_be_meant_and_takes_everything(service, tokens, opened, send):
    unsure = send("erase")
    assert unsure.status_code == 422
    assert 'role="alert"' in unsure.text
    assert summary(service).events == 5

    answer = send("erase", sure="yes")

    assert answer.status_code == 200
    assert "4 events of 2 uploads" in answer.text
    assert (summary(service).events, summary(service).installs) == (1, 1)
    assert service.upload(tokens, service.batch(tokens, "plot")).status_code == 410
    assert opened.get(PAGE).status_code == 401
    with service.host.database.read() as connection:
        assert connection.execute(select(self_keys)).all() == []


@pytest.mark.parametrize("what", ["stop", "erase"])
def test_a_form_from_elsewhere_does_nothing(service, opened, send, what):
    page = opened.get(PAGE).text
    marks = re.findall(r'name="csrf" value="([^"]+)"', page)
    other = {"stop": marks[1], "erase": marks[0]}[what]
    answers = [
        send(what, sure="yes", csrf="x"),
        send(what, sure="yes", csrf=other),
        send(what, sure="yes", headers={"Origin": "https://evil.example"}),
        service.browser.post(f"{PAGE}/{what}", data={"csrf": other, "sure": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert "reports are taken" in opened.get(PAGE).text


def test_strangers_are_told_how_to_get_there(service):
    answer = service.browser.get(PAGE)

    assert answer.status_code == 401
    assert "otumat-usage export --page PACKAGE" in answer.text
    assert "export --page demo" in service.browser.get("/p/demo/privacy").text


def test_what_a_program_agreed_to_and_where_it_ran_are_said_in_words(service):
    package = service.add("fleet")
    with service.host.database.write() as connection:
        consent = _grants.Consent(package.id, "0" * 64, "1-0", service.clock(), "program")
        install = _grants.enrol(connection, consent)
        pair = _grants.Family(connection, install, install, service.clock()).open(
            "usage:write usage:self"
        )
    tokens = {"access_token": pair.access, "install_id": str(uuid.UUID(bytes=install))}
    body = service.batch(tokens, "plot")
    body["context"] |= {"ci": True, "container": False}
    assert service.upload(tokens, body).json()["accepted"] == 1
    service.browser.get(link(service, tokens).json()["url"])

    page = html.unescape(service.browser.get(PAGE).text)

    assert "by a program of the package's makers, who say that you agreed" in page
    assert "system Linux, CI yes, container no" in page


def test_the_page_and_the_erasure_count_events_alike(service, opened, tokens, send, instant):
    """One row may tell of an event that happened often."""
    at = instant(service.clock())
    body = service.batch(tokens, "x") | {
        "headers": ["event_date", "event_type", "count"], "rows": [[at, "plot", 40]],
    }  # fmt: skip
    assert service.upload(tokens, body).status_code == 200

    page = opened.get(PAGE).text
    told = send("erase", sure="yes").text

    assert "44 events in 3 uploads" in page
    assert "44 events of 3 uploads" in told
