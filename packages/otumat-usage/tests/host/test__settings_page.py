"""Laws of the settings page: only the maintainer changes them, only to what the host can do."""

import re

import pytest

from otumat_usage.host import _mail, _packages, _providers, _subscriptions


@pytest.fixture
def save(service):
    """Open the page as the maintainer and press Save with other values."""

    def save(**changes):
        page = service.browser.get("/admin/p/demo").text
        csrf = re.search('name="csrf" value="([^"]+)"', page)[1]
        form = {"csrf": csrf, "sign_in": "anonymous", "domains": ""} | changes
        return service.browser.post("/admin/p/demo", data=form)

    return save


@pytest.fixture
def settings(service):
    def settings():
        with service.host.database.read() as connection:
            package = _packages.find(connection, "demo")
        return package.sign_in, package.domains, package.closed

    return settings


def with_mail(service):
    with service.host.database.write() as connection:
        server = _mail.MailServer("smtp://127.0.0.1:25", "us@example.org")
        _providers.set_mail_server(connection, server)


def test_strangers_neither_see_nor_change_anything(service, settings):
    assert service.browser.get("/admin/p/demo").status_code == 401
    answer = service.browser.post("/admin/p/demo", data={"closed": "yes"})

    assert answer.status_code == 401
    assert settings() == ("anonymous", (), False)


def test_the_maintainer_says_who_may_enrol(service, save, settings):
    service.admin()
    with_mail(service)

    assert save(sign_in="email", domains="example.org, Other.Example").status_code == 303

    assert settings() == ("email", ("example.org", "other.example"), False)
    page = service.browser.get("/admin/p/demo").text
    assert 'value="email" checked' in page
    assert 'value="example.org other.example"' in page
    assert service.browser.get(service.authorization()).status_code == 303


def test_what_the_host_cannot_do_is_not_offered_and_not_taken(service, save, settings):
    service.admin()
    page = service.browser.get("/admin/p/demo").text

    assert re.search('value="oidc"[^>]* disabled', page)
    for change in ({"sign_in": "oidc"}, {"sign_in": "x"}, {"domains": "example.org"}):
        answer = save(**change)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    assert settings() == ("anonymous", (), False)


def test_a_closed_package_tells_its_clients_to_stop_and_may_open_again(service, save):
    tokens = service.enrol()
    service.admin()
    assert service.upload(tokens, service.batch(tokens, "plot")).status_code == 200

    save(closed="yes")
    stopped = service.upload(tokens, service.batch(tokens, "plot"))
    save()

    assert (stopped.status_code, stopped.json()["stop"]) == (403, True)
    assert service.upload(tokens, service.batch(tokens, "plot")).status_code == 200


def test_the_form_is_bound_to_its_page(service, settings):
    service.admin()
    page = service.browser.get("/admin/p/demo").text
    csrf = re.search('name="csrf" value="([^"]+)"', page)[1]
    service.add("other")
    form = {"csrf": csrf, "sign_in": "anonymous", "closed": "yes"}

    elsewhere = {"Origin": "https://evil.example"}
    answers = [
        service.browser.post("/admin/p/other", data=form),
        service.browser.post("/admin/p/demo", data=form | {"csrf": "x"}),
        service.browser.post("/admin/p/demo", data=form, headers=elsewhere),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert settings() == ("anonymous", (), False)


def test_an_unknown_package_is_not_there(service):
    service.admin()

    assert service.browser.get("/admin/p/other").status_code == 404


def test_the_maintainer_says_what_users_are_told(service, save):
    tokens = service.enrol()
    service.admin()

    assert save(latest="3.0", notice='Say "hi" <b>').status_code == 303

    answer = service.upload(tokens, service.batch(tokens, "plot")).json()
    assert (answer["latest_version"], answer["notice"]) == ("3.0", 'Say "hi" <b>')
    assert 'value="Say &#34;hi&#34; &lt;b&gt;"' in service.browser.get("/admin/p/demo").text


def test_a_form_is_stored_whole_or_not_at_all_and_what_was_typed_stays(service, save, settings):
    service.admin()
    with_mail(service)

    answer = save(sign_in="email", domains="example.org", latest="no version")

    assert answer.status_code == 422
    assert 'value="no version"' in answer.text
    assert 'value="example.org"' in answer.text
    assert settings() == ("anonymous", (), False)


def test_the_maintainer_says_who_gets_mails(service, save):
    service.admin()
    form = {"mail-week": "a@example.org, b@example.org", "mail-alerts": "a@example.org"}

    def kept():
        with service.host.database.read() as connection:
            package = _packages.find(connection, "demo").id
            found = _subscriptions.subscriptions(connection, package)
        return sorted((each.kind, each.address) for each in found)

    assert save(**form).status_code == 422  # no mail server yet
    assert 'id="mail-week"' in service.browser.get("/admin/p/demo").text
    with_mail(service)
    assert save(**form | {"mail-week": "no address"}).status_code == 422
    assert kept() == []
    assert save(**form).status_code == 303
    assert kept() == [
        ("alerts", "a@example.org"), ("week", "a@example.org"), ("week", "b@example.org"),
    ]  # fmt: skip
    assert 'value="a@example.org b@example.org"' in service.browser.get("/admin/p/demo").text
    save(**{"mail-month": "c@example.org"})
    assert kept() == [("month", "c@example.org")]
