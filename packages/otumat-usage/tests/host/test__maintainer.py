"""Laws of personal tokens at the door: 401, 403 and 429 as RFC 6750 and RFC 9110 have them."""

import pytest

from otumat_usage.host import _api_tokens, _secrets
from otumat_usage.host._errors import StoreBusy


@pytest.fixture(name="make")
def _make(service):
    def make(name="ci", **changes):
        with service.host.database.write() as connection:
            return _api_tokens.add(connection, name, service.clock(), **changes)

    return make


@pytest.fixture(name="ask")
def _ask(service):
    def ask(authorization, path="/demo/os"):
        headers = {} if authorization is None else {"Authorization": authorization}
        return service.browser.get(f"/api/stats{path}", headers=headers)

    return ask


def known(service):
    with service.host.database.read() as connection:
        return {token.name: token for token in _api_tokens.every(connection)}


def test_without_a_token_the_answer_says_which_kind_is_needed(ask):
    for given in (None, "", "Bearer", "Bearer ", "Basic YTpi"):
        answer = ask(given)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="otumat-usage maintainer"'
        assert "otumat-usage host token add" in answer.json()["detail"]


def test_no_other_secret_of_the_host_opens_it(service, ask, make):
    tokens = service.enrol()
    wrong = make()
    others = [
        tokens["access_token"],
        tokens["refresh_token"],
        wrong[:-1] + "_",
        wrong[:-1],
        "x" * 80,
    ]
    service.admin()  # a session is no token

    for secret in others:
        answer = ask(f"Bearer {secret}")
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert service.browser.get("/api/stats").status_code == 401


def test_a_personal_token_opens_nothing_of_the_clients(service, make):
    headers = {"Authorization": f"Bearer {make(scope='admin')}"}

    for method, path in [("GET", "/api/usage-self"), ("POST", "/api/usage-event")]:
        assert service.browser(method, path, headers=headers).status_code == 401


def test_a_revoked_or_expired_token_is_refused(service, ask, make):
    short, other = make("short", days=2), make("other")
    assert ask(f"Bearer {short}").status_code == 200

    service.clock.forward(days=2)
    with service.host.database.write() as connection:
        _api_tokens.revoke(connection, "other")

    assert "'short' has expired" in ask(f"Bearer {short}").json()["detail"]
    assert ask(f"Bearer {other}").status_code == 401


def test_the_scope_admin_includes_read(ask, make):
    assert ask(f"Bearer {make(scope='admin')}").status_code == 200


def test_a_narrow_scope_is_403_and_named(service, make):
    import asyncio

    from starlette.requests import Request

    from otumat_usage.host._maintainer import maintainer

    scope = {
        "type": "http", "headers": [(b"authorization", f"Bearer {make()}".encode())],
        "client": ("127.0.0.1", 1), "app": service.app._app._app,
    }  # fmt: skip

    answer = service.browser._loop.run(asyncio.wait_for(maintainer(Request(scope), "admin"), 10))

    assert answer.status_code == 403
    assert answer.headers["www-authenticate"].endswith('error="insufficient_scope", scope="admin"')


def test_a_bound_token_cannot_tell_which_other_packages_exist(service, ask, make):
    service.add("other")
    token = make(packages=["Other"])

    answers = [ask(f"Bearer {token}", path) for path in ("/demo/os", "/nothing/os", "/demo")]

    assert ask(f"Bearer {token}", "/OTHER/os").status_code == 200
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.text for answer in answers}) == 1


def test_guessing_ends_after_ten_and_begins_anew_a_minute_later(service, ask, make):
    good = make()
    for _ in range(10):
        assert ask(f"Bearer {_secrets.mint('pt', _secrets.new_id())}").status_code == 401

    blocked = ask(f"Bearer {good}")
    service.clock.forward(seconds=61)

    assert (blocked.status_code, blocked.headers["retry-after"]) == (429, "60")
    assert ask(f"Bearer {good}").status_code == 200


def test_slips_of_the_pen_are_not_counted_as_guesses(ask, make):
    for _ in range(30):
        ask("Bearer otu_pt_nonsense")

    assert ask(f"Bearer {make()}").status_code == 200


def test_the_last_day_of_use_is_noted(service, ask, make):
    token = make()
    make("unused")
    today = service.clock() // 86_400_000

    ask(f"Bearer {token}")
    ask(f"Bearer {token}")
    assert known(service)["ci"].used == today
    service.clock.forward(days=3)
    ask(f"Bearer {token}")

    assert (known(service)["ci"].used, known(service)["unused"].used) == (today + 3, None)


def test_a_host_that_cannot_write_answers_all_the_same(service, ask, make, monkeypatch):
    token = make()

    def refuse(*_arguments, **_options):
        raise StoreBusy("the queue is full")

    monkeypatch.setattr(type(service.host.writer), "run", refuse)

    assert ask(f"Bearer {token}").status_code == 200
    assert known(service)["ci"].used is None
