"""Laws of the JSON twin of route 2: a maintainer's program enrols, and nobody else does."""

import json
import re
import uuid

import pytest

from otumat_usage.host import _api_tokens, _packages, _survey
from otumat_usage.host._database import func, installs, select

ROUTE = "/api/usage-install"


@pytest.fixture
def enrol(service):
    """Ask for an install as a maintainer's program does; changes are to the body."""
    service.admin()

    def enrol(*, browser=None, token=None, headers=(), **changes):
        browser = browser or service.browser
        page = service.browser.get("/admin/p/demo").text
        csrf = re.search('name="csrf" value="([^"]+)"', page)[1] if token is None else token
        about = service.browser.get("/.well-known/otumat-usage?package=demo").json()
        body = {"package": "demo", "consent": about["consent"]["sha256"]} | changes
        return browser.post(ROUTE, json=body, headers={"X-CSRF-Token": csrf, **dict(headers)})

    return enrol


@pytest.fixture
def count(service):
    def count():
        with service.host.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(installs))

    return count


def kind(answer):
    return answer.status_code, answer.json()["type"].removeprefix("urn:otumat:")


def test_it_gives_an_install_that_can_do_all_that_any_can(service, enrol):
    answer = enrol()

    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert sorted(made) == ["access_token", "expires_in", "installId", "refresh_token", "scope"]
    tokens = made | {"install_id": made["installId"]}
    assert service.upload(tokens, service.batch(tokens, "plot")).json()["accepted"] == 1
    fresh = service.refresh(made["refresh_token"]).json()
    bearer = {"Authorization": f"Bearer {fresh['access_token']}"}
    held = json.loads(service.browser.get("/api/usage-self", headers=bearer).text.split("\n")[0])
    assert held["consent"]["how"] == "program"


def test_a_fleet_may_say_who_is_enrolled_and_nobody_is_twice(enrol, count):
    mine = str(uuid.uuid4())
    assert enrol(installId=mine).json()["installId"] == mine

    again = enrol(installId=mine)

    assert kind(again) == (409, "registered")
    assert count() == 1


def test_who_was_erased_is_not_enrolled_again(service, enrol):
    mine = str(uuid.uuid4())
    token = enrol(installId=mine).json()["access_token"]
    service.browser("DELETE", "/api/usage-self", headers={"Authorization": f"Bearer {token}"})

    assert kind(enrol(installId=mine)) == (410, "erased")


def test_strangers_are_refused_whatever_they_send(service, enrol, count):
    stranger = service.new_browser()

    assert kind(enrol(browser=stranger)) == (401, "maintainer")
    assert kind(enrol(browser=stranger, package="other")) == (401, "maintainer")
    assert kind(stranger.post(ROUTE, content=b"nonsense")) == (401, "maintainer")
    tokens = service.enrol()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert kind(enrol(browser=stranger, headers=bearer)) == (401, "maintainer-token")
    assert count() == 1


def test_a_personal_token_of_the_scope_admin_is_enough(service, enrol, count):
    stranger = service.new_browser()
    service.add("other")

    def ask(name, **how):
        with service.host.database.write() as connection:
            secret = _api_tokens.add(connection, name, service.clock(), **how)
        bearer = {"Authorization": f"Bearer {secret}"}
        return enrol(browser=stranger, token="", headers=bearer)

    assert kind(ask("reader")) == (403, "scope")
    assert kind(ask("of another", scope="admin", packages=["other"])) == (403, "token-package")
    assert count() == 0
    assert ask("fleet", scope="admin", packages=["demo"]).status_code == 201
    assert ask("all", scope="admin").status_code == 201


def test_another_page_cannot_use_the_maintainers_session(service, enrol, count):
    service.add("other")
    other = service.browser.get("/admin/p/other").text
    csrf = re.search('name="csrf" value="([^"]+)"', other)[1]

    assert kind(enrol(token="")) == (403, "csrf")
    assert kind(enrol(token="0" * 64)) == (403, "csrf")
    assert kind(enrol(token=csrf)) == (403, "csrf")
    assert kind(enrol(headers={"Origin": "https://evil.example"})) == (403, "csrf")
    assert count() == 0


def test_an_unknown_or_closed_package_takes_nobody(service, enrol):
    page = service.browser.get("/admin/p/demo").text
    session = re.search('name="csrf" value="([^"]+)"', page)[1]
    with service.host.database.write() as connection:
        _packages.close(connection, "demo", closed=True)

    assert kind(enrol(token=session)) == (403, "closed")


def test_the_text_must_be_the_one_in_force(service, enrol):
    about = service.browser.get("/.well-known/otumat-usage?package=demo").json()
    service.add("demo", events={"plot": {}})

    stale = enrol(consent=about["consent"]["sha256"])

    assert kind(stale) == (409, "consent")
    assert enrol(consent=stale.json()["sha256"]).status_code == 201


def test_wrong_survey_answers_are_named(service, enrol, count):
    questions = [
        _survey.Question("field", "What?", ("a", "b")),
        _survey.Question("x", "X?", ("y", "z")),
    ]
    with service.host.database.write() as connection:
        _packages.survey(connection, "demo", questions)

    wrong = enrol(survey={"field": "c", "x": "y", "other": "a"})

    assert kind(wrong) == (422, "survey")
    assert wrong.json()["fields"] == ["field", "other"]
    assert count() == 0
    assert enrol(survey={"field": "a"}).status_code == 201
    with service.host.database.read() as connection:
        assert connection.scalars(select(installs.c.survey)).all() == ['{"field": "a"}']


@pytest.mark.parametrize(
    "install", ["", "x", "0" * 32, "{" + str(uuid.UUID(int=1)) + "}", "é" * 36]
)
def test_an_id_is_a_uuid_as_it_is_written_here(enrol, install):
    assert kind(enrol(installId=install)) == (400, "malformed")


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"{", "application/json", 400), (b"[]", "application/json", 400),
        (b'{"package": 1}', "application/json", 400), (b"\xff", "application/json", 400),
        (b"[" * 5000, "application/json", 400), (b"{}" + b" " * 70_000, "application/json", 413),
        (b"{}", "application/x-www-form-urlencoded", 415), (b"{}", "text/plain", 415),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(service, content, media, status):
    service.admin()

    answer = service.browser.post(ROUTE, content=content, headers={"Content-Type": media})

    assert answer.status_code == status


def test_an_unknown_package_is_404_for_the_maintainer_only(service, enrol):
    with service.host.database.write() as connection:
        _packages.add(connection, "gone", service.clock())
    page = service.browser.get("/admin/p/gone").text
    csrf = re.search('name="csrf" value="([^"]+)"', page)[1]
    with service.host.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM package WHERE name = 'gone'")

    assert kind(enrol(package="gone", token=csrf)) == (404, "package")
