"""Laws of the page of tokens: the maintainer's only, the secret once, bound to its form."""

import html
import re

import pytest

from otumat_usage.host import _api_tokens


@pytest.fixture(name="send")
def _send(service):
    """Open the page and send one of its forms with other values."""

    def send(path="/admin/tokens", headers=None, **changes):
        page = service.browser.get("/admin/tokens").text
        csrf = re.search('name="csrf" value="([^"]+)"', page)
        form = {"csrf": csrf[1] if csrf else "", "name": "ci", "scope": "read", "days": "365"}
        return service.browser.post(path, data=form | changes, headers=headers or {})

    return send


def known(service):
    with service.host.database.read() as connection:
        return {token.name: token for token in _api_tokens.every(connection)}


def test_strangers_neither_see_nor_change_anything(service, send):
    assert service.browser.get("/admin/tokens").status_code == 401
    assert send().status_code == 401
    assert send("/admin/tokens/revoke").status_code == 401
    assert known(service) == {}


def test_a_made_token_is_shown_once_and_works(service, send):
    service.admin()
    service.add("other")

    made = send(packages="demo, Other", days="90")
    secret = re.search("otu_pt_[A-Za-z0-9_-]+", made.text)[0]
    answer = service.browser.get("/api/stats/demo", headers={"Authorization": f"Bearer {secret}"})

    assert (made.status_code, answer.status_code) == (200, 200)
    assert made.headers["cache-control"] == "no-store"
    assert secret not in service.browser.get("/admin/tokens").text
    token = known(service)["ci"]
    assert token.packages == ("demo", "other")
    assert token.expires - token.created == 90 * 86_400_000


def test_a_revoked_token_is_gone_at_once(service, send):
    service.admin()
    secret = re.search("otu_pt_[A-Za-z0-9_-]+", send().text)[0]

    answers = [send("/admin/tokens/revoke"), send("/admin/tokens/revoke")]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert known(service) == {}
    asked = service.browser.get("/api/stats", headers={"Authorization": f"Bearer {secret}"})
    assert asked.status_code == 401


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "printable characters"),
        ({"packages": "nothing"}, "nothing"),
        ({"scope": "root"}, "no scope"),
        ({"days": "99999"}, "Choose how long"),
    ],
)
def test_what_cannot_be_made_is_said_on_the_page(service, send, changes, said):
    service.admin()

    answer = send(**changes)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert said in html.unescape(answer.text)
    assert known(service) == {}


def test_both_forms_are_bound_to_the_page(service, send):
    service.admin()
    send(name="kept")
    evil = {"Origin": "https://evil.example"}

    for path in ("/admin/tokens", "/admin/tokens/revoke"):
        assert send(path, csrf="x", name="kept").status_code == 403
        assert send(path, headers=evil, name="kept").status_code == 403

    assert list(known(service)) == ["kept"]


def test_a_name_cannot_become_markup(service, send):
    service.admin()
    send(name='<script>alert("x")</script>')

    page = service.browser.get("/admin/tokens").text

    assert "<script" not in page
    assert "&lt;script&gt;" in page
