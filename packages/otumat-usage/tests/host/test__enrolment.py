"""Laws of routes 1 and 2: RFC 6749 4.1.1-4.1.2, 7636 4.3-4.4, 8252 7.3 and 8, 9207, 9700 2.1."""

import pytest

ISSUER = "http://127.0.0.1:8080"


def test_the_page_shows_every_field_and_both_buttons(service):
    page = service.browser.get(service.authorization(python="3.12")).text

    for field in ("random number", "event names and times", "version", "operating system"):
        assert field in page
    assert 'value="yes"' in page
    assert 'value="no"' in page
    assert "http://127.0.0.1:49152" in page


def test_what_the_address_says_of_the_computer_turns_nothing_around(service):
    """A link that a stranger made holds it, too."""
    said = {"package_version": "1.0\u202egp.exe", "python": "3.12\n", "os": "<b>Linux</b>"}

    page = service.browser.get(service.authorization(**said)).text

    assert "From this computer: os &lt;b&gt;Linux&lt;/b&gt;." in page
    assert "\u202e" not in page


def test_a_yes_comes_back_with_code_state_and_issuer(service):
    answer = service.decide("yes")

    values = service.values(answer)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("http://127.0.0.1:49152/done?")
    assert (values["state"], values["iss"]) == ("s-1", ISSUER)
    assert values["code"].startswith("otu_ac_")


@pytest.mark.parametrize("decision", ["no", "", "YES", "y"])
def test_whatever_is_not_yes_is_a_no(service, decision):
    answer = service.decide(decision)

    assert answer.status_code == 303
    assert service.values(answer) == {"error": "access_denied", "state": "s-1", "iss": ISSUER}


def test_no_state_comes_back_when_none_was_sent(service):
    assert "state" not in service.values(service.decide("yes", state=None))


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:1/x",
        "http://127.0.0.1:65535/a/b-c",
        "http://[::1]:49152/done",
    ],
)
def test_any_port_of_a_literal_loopback_address_is_taken(service, uri):
    answer = service.decide("yes", redirect_uri=uri)

    assert answer.headers["location"].startswith(uri + "?code=")


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "",
        "https://127.0.0.1:49152/done",
        "http://localhost:49152/done",
        "http://127.0.0.2:49152/done",
        "http://127.0.0.1/done",
        "http://127.0.0.1:0/done",
        "http://127.0.0.1:65536/done",
        "http://127.0.0.1:49152",
        "http://127.0.0.1:49152/done?x=1",
        "http://127.0.0.1:49152/done#x",
        "http://127.0.0.1:49152@evil.example/done",
        "http://127.0.0.1:49152/done\nX: y",
        "http://user@127.0.0.1:49152/done",
        "http://evil.example:49152/done",
        "custom:/done",
        "//127.0.0.1:49152/done",
    ],
)
def test_any_other_redirect_gets_a_page_and_goes_nowhere(steady, uri):
    answer = steady.browser.get(steady.authorization(redirect_uri=uri))

    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": None},
        {"client_id": "other"},
        {"code_challenge": None},
        {"code_challenge": "x" * 42},
        {"code_challenge": "x" * 44},
        {"code_challenge": "+" * 43},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"package": None},
        {"package": "unknown"},
        {"state": "x" * 1025},
    ],
    ids=lambda change: "-".join(f"{k}:{str(v)[:8]}x{len(str(v))}" for k, v in change.items()),
)
def test_a_doubtful_request_gets_a_page_and_goes_nowhere(steady, change):
    shown = steady.browser.get(steady.authorization(**change))
    posted = steady.browser.post(steady.authorization(**change), data={"decision": "yes"})

    assert shown.status_code == 400
    assert posted.status_code in (400, 403)
    assert "location" not in shown.headers
    assert "location" not in posted.headers


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "code_challenge", "scope"])
def test_a_parameter_given_twice_gets_a_page(steady, name):
    answer = steady.browser.get(f"{steady.authorization()}&{name}=x")

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"scope": "usage:write admin"}, "invalid_scope"),
    ],
)
def test_other_faults_are_told_to_the_client(steady, change, error):
    answer = steady.browser.get(steady.authorization(**change))

    values = steady.values(answer)
    assert answer.status_code == 303
    assert (values["error"], values["state"], values["iss"]) == (error, "s-1", ISSUER)


def test_the_form_needs_its_own_cookie_and_token(service):
    url = service.authorization()
    page = service.browser.get(url).text
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    text = page.partition('name="consent" value="')[2].partition('"')[0]
    form = {"csrf": token, "consent": text, "decision": "yes"}
    stranger = service.new_browser()

    answers = [
        service.browser.post(url, data=form | {"csrf": "0" * 64}),
        service.browser.post(url, data={"decision": "yes", "consent": text}),
        service.browser.post(service.authorization(state="other"), data=form),
        service.browser.post(url, data=form, headers={"Origin": "https://evil.example"}),
        service.browser.post(url, data=form, headers={"Origin": "null"}),
        stranger.post(url, data=form),
    ]

    assert [answer.status_code for answer in answers] == [403] * 6
    assert service.browser.post(url, data=form, headers={"Origin": ISSUER}).status_code == 303


def test_a_text_that_changed_meanwhile_must_be_read_again(service):
    url = service.authorization()
    page = service.browser.get(url).text
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    text = page.partition('name="consent" value="')[2].partition('"')[0]
    service.add("demo", events={"plot": {}})

    answer = service.browser.post(url, data={"csrf": token, "consent": text, "decision": "yes"})

    assert answer.status_code == 409


def test_a_host_that_cannot_store_tells_a_person_in_words(service):
    """And goes nowhere: a program that waits would take it for an answer of the user's."""
    url = service.authorization()
    page = service.browser.get(url).text
    fields = {
        name: page.partition(f'name="{name}" value="')[2].partition('"')[0]
        for name in ("csrf", "consent")
    }
    service.host.writer.stop()
    answers = [service.browser.post(url, data=fields | {"decision": "yes"})]
    with service.host.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE package")
    answers += [service.browser.get(path) for path in (url, "/p/demo/consent")]

    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "Nothing was changed" in answer.text
        assert 5 <= int(answer.headers["retry-after"]) <= 60
        assert "location" not in answer.headers


def test_the_page_may_post_to_itself_and_to_the_client_only(service):
    page = service.browser.get(service.authorization())
    six = service.browser.get(service.authorization(redirect_uri="http://[::1]:49152/done"))

    policy = page.headers["content-security-policy"]
    assert "form-action 'self' http://127.0.0.1:49152;" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "form-action 'self' http:;" in six.headers["content-security-policy"]


def test_a_package_name_is_never_markup(service):
    answer = service.browser.get(service.authorization(package="<script>alert(1)</script>"))
    shown = service.browser.get(service.authorization(python="<script>x</script>"))

    assert "<script>" not in answer.text
    assert "<script>" not in shown.text


def test_the_text_can_be_read_by_anyone(service):
    page = service.browser.get("/p/demo/consent")

    assert page.status_code == 200
    assert "<form" not in page.text
    assert service.browser.get("/p/other/consent").status_code == 404


def test_decisions_are_counted_without_naming_anyone(service):
    tokens = service.enrol()
    service.decide("no")
    service.decide("no")
    service.upload(tokens, service.batch(tokens, "plot"))
    service.admin()

    assert "1 of 3 said yes" in service.browser.get("/p/demo").text
