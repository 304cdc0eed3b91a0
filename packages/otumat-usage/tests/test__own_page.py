"""The link to the host's page about this user: asked with the token, opened only at that host."""

import json
import time
import urllib.request

import pytest

from otumat_usage import _own_page
from otumat_usage.exceptions import ConfigurationError, HostError, RefusedError, TokenError

LINK = "/api/usage-self/link"


def links(data, package="p"):
    return list(_own_page.links(str(data), package, end=time.monotonic() + 10))


@pytest.mark.usefixtures("enrolled")
def test_the_link_is_asked_for_with_the_token(data, fake):
    url = f"{fake.origin}/user/my-data?key=k"
    fake.json(LINK, {"url": url, "expires_in": 300}, 201)

    assert links(data) == [(fake.origin, url, 300)]
    method, path, body, headers = fake.requests[-1]
    assert (method, path, body) == ("POST", LINK, b"")
    assert headers["authorization"] == "Bearer at-1"


@pytest.mark.usefixtures("enrolled")
def test_an_old_token_is_renewed_first(data, fake, keep):
    keep(expires=0.0)
    fake.json("/auth/token", {"access_token": "at-2", "refresh_token": "rt-2"})
    fake.json(LINK, {"url": f"{fake.origin}/x", "expires_in": None}, 201)

    assert links(data) == [(fake.origin, f"{fake.origin}/x", 0)]
    assert fake.requests[-1][3]["authorization"] == "Bearer at-2"


@pytest.mark.usefixtures("enrolled")
@pytest.mark.parametrize(
    "url",
    [
        None, 5, "", "/user/my-data", "https://evil.example/", "{origin}.evil.example/",
        "{origin}@evil.example/", "{origin}", "javascript:alert(1)", "{origin}/\x1b[2J",
        "{origin}/a b", "{origin}/é", "{origin}/" + "a" * 2000, "--help",
    ],
)  # fmt: skip
def test_a_browser_is_sent_nowhere_but_to_that_host(data, fake, url):
    told = url.format(origin=fake.origin) if isinstance(url, str) else url
    fake.json(LINK, {"url": told, "expires_in": 300}, 201)

    with pytest.raises(HostError, match="gave no address of its own"):
        links(data)


@pytest.mark.usefixtures("enrolled")
@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "has no such page"), (410, "it was erased there"), (503, "answered 503"),
     (302, "answered 302"), (200, "answered 200")],
)  # fmt: skip
def test_what_a_host_refuses_is_said(data, fake, status, said):
    fake.json(LINK, {"url": f"{fake.origin}/x"}, status)

    with pytest.raises(HostError, match=said):
        links(data)


@pytest.mark.usefixtures("enrolled")
def test_a_grant_that_is_over_is_said(data, fake):
    fake.json(LINK, {}, 401)
    fake.json("/auth/token", {"error": "invalid_grant"}, 400)

    with pytest.raises(TokenError):
        links(data)


@pytest.mark.usefixtures("enrolled")
def test_nothing_is_asked_against_the_users_word(data, fake, monkeypatch):
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    before = len(fake.requests)

    with pytest.raises(RefusedError):
        links(data)
    assert len(fake.requests) == before


def test_without_an_installation_there_is_no_page(data):
    with pytest.raises(ConfigurationError, match="nothing here tells"):
        links(data, "other")


@pytest.mark.usefixtures("reported")
@pytest.mark.service
def test_the_console_opens_the_page_of_a_real_host(host, console, tmp_path):
    opened = tmp_path / "opened"
    script = tmp_path / "open-it"
    script.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {opened}\n')
    script.chmod(0o700)

    said = console("export", "--page", "tracked", BROWSER=f"{script} %s").stdout.splitlines()

    assert said[0] == f"{host.origin} shows what it holds about you (opens once, within 5 minutes):"
    assert opened.read_text() == said[1]
    jar = urllib.request.HTTPCookieProcessor()
    opener = urllib.request.build_opener(jar, urllib.request.ProxyHandler({}))
    with opener.open(said[1], timeout=10) as answer:
        assert answer.url == f"{host.origin}/user/my-data"
        page = answer.read().decode()
    assert "What <b>tracked</b> holds about you" in page
    assert "<code>import</code>" in page
    (held,) = json.loads(console("export", "tracked").stdout)["packages"][0]["at_host"]
    assert held["held"][0]["install_id"] in page


def test_the_page_is_about_one_package(console):
    for words in (["export", "--page"], ["export", "--page", "--local", "tracked"]):
        assert "name it" in console(*words, code=2).stderr
