"""Laws of the device flow: RFC 8628, 3.1-3.5, 5.1 and 6.1."""

import re

import pytest

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def start(service):
    def start(**form):
        sent = {"client_id": "otumat-usage", "package": "demo"} | form
        return service.browser.post("/auth/device", data=sent)

    return start


@pytest.fixture
def poll(service):
    def poll(device_code):
        return service.token(grant_type=GRANT, device_code=device_code)

    return poll


@pytest.fixture
def decide(service):
    def decide(user_code, decision="yes"):
        page = service.browser.get("/device", params={"user_code": user_code})
        assert page.status_code == 200, page.text
        fields = dict(re.findall(r'name="(csrf|consent|user_code)" value="([^"]+)"', page.text))
        return service.browser.post("/device", data=fields | {"decision": decision})

    return decide


def test_a_yes_on_another_machine_becomes_tokens(service, start, poll, decide):
    codes = start().json()
    assert poll(codes["device_code"]).json()["error"] == "authorization_pending"

    assert decide(codes["user_code"]).status_code == 200

    tokens = poll(codes["device_code"]).json()
    assert tokens["token_type"] == "Bearer"
    assert service.upload(tokens, service.batch(tokens, "plot")).status_code == 200


def test_the_codes_are_shaped_for_people(start):
    codes = start().json()

    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", codes["user_code"])
    assert codes["verification_uri"] == "http://127.0.0.1:8080/device"
    assert codes["verification_uri_complete"].endswith(f"?user_code={codes['user_code']}")
    assert (codes["expires_in"], codes["interval"]) == (900, 5)


def test_the_page_asks_to_compare_the_code_however_it_is_typed(service, start):
    code = start().json()["user_code"]

    page = service.browser.get("/device", params={"user_code": f" {code.lower()[:4]} {code[5:]}"})

    assert page.status_code == 200
    assert f"<b>{code}</b>" in page.text
    assert "user_code" in service.browser.get("/device").text


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "x"}, "invalid_client"),
        ({"package": "unknown"}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
    ],
)
def test_a_wrong_start_is_refused(start, form, error):
    assert start(**form).json()["error"] == error


def test_a_no_is_told_to_the_program(start, poll, decide):
    codes = start().json()

    assert decide(codes["user_code"], "no").status_code == 200

    assert poll(codes["device_code"]).json()["error"] == "access_denied"


def test_a_device_code_works_once(start, poll, decide):
    codes = start().json()
    decide(codes["user_code"])
    assert poll(codes["device_code"]).status_code == 200

    assert poll(codes["device_code"]).json()["error"] == "invalid_grant"


def test_a_device_code_is_for_the_client_that_asked(service, start, poll, decide):
    codes = start().json()
    decide(codes["user_code"])

    other = service.token(grant_type=GRANT, device_code=codes["device_code"], client_id="other")
    redeemed = service.redeem(codes["device_code"])

    assert (other.status_code, other.json()["error"]) == (401, "invalid_client")
    assert redeemed.json()["error"] == "invalid_grant"
    assert poll(codes["device_code"]).status_code == 200


def test_nobody_decides_twice(service, start, decide):
    codes = start().json()
    decide(codes["user_code"], "no")

    again = service.browser.get("/device", params={"user_code": codes["user_code"]})

    assert again.status_code == 404


def test_a_device_code_expires(service, start, poll):
    codes = start().json()
    service.clock.forward(seconds=900)

    assert poll(codes["device_code"]).json()["error"] == "expired_token"
    assert service.browser.get(codes["verification_uri_complete"]).status_code == 404


def test_polling_too_fast_slows_the_program_down_for_good(service, start, poll):
    code = start().json()["device_code"]

    def said():
        return poll(code).json()["error"]

    assert said() == "authorization_pending"
    service.clock.forward(seconds=4)
    assert said() == "slow_down"  # the interval is 10 now
    service.clock.forward(seconds=6)
    assert said() == "slow_down"  # and 15 now
    service.clock.forward(seconds=15)
    assert said() == "authorization_pending"


def test_one_network_starts_no_grants_without_end(service, start):
    for _ in range(999):
        service.host.device_starts.count("127.0.0.1", service.clock())

    service.clock.forward(seconds=0.5)
    first, flood = start(), start()
    service.clock.forward(seconds=3599.5)

    assert (first.status_code, flood.status_code) == (200, 429)
    assert flood.headers["content-type"] == "application/json"
    assert flood.json()["error"] == "temporarily_unavailable"
    assert set(flood.json()) == {"error", "error_description", "error_msg", "error_desc"}
    assert (flood.headers["retry-after"], flood.headers["cache-control"]) == ("3600", "no-store")
    assert start().status_code == 200


def test_unknown_device_codes_are_refused(service, start, poll):
    code = start().json()["device_code"]

    for wrong in ("x", code[:-1], code.replace("otu_dc_", "otu_rt_")):
        assert poll(wrong).json()["error"] == "invalid_grant"
    assert service.token(grant_type=GRANT).json()["error"] == "invalid_request"


def test_guessing_user_codes_is_stopped_after_five(service, start):
    code = start().json()["user_code"]
    for _ in range(5):
        wrong = service.browser.get("/device", params={"user_code": "BBBB-BBBB"})
        assert wrong.status_code == 404

    stopped = service.browser.get("/device", params={"user_code": code})
    service.clock.forward(seconds=60)
    later = service.browser.get("/device", params={"user_code": code})

    assert (stopped.status_code, stopped.headers["retry-after"]) == (429, "60")
    assert later.status_code == 200


def test_who_guesses_many_user_codes_at_once_is_stopped_after_five_too(service, start):
    code = start().json()["user_code"]
    right = [service.browser.get("/device", params={"user_code": code}) for _ in range(9)]
    guess = ("GET", "/device", {"params": {"user_code": "BBBB-BBBB"}})

    answers = service.browser.together(*[guess] * 50)

    assert [answer.status_code for answer in right] == [200] * 9
    assert sorted(answer.status_code for answer in answers) == [404] * 5 + [429] * 45


def test_the_form_is_bound_to_its_code_and_browser(service, start):
    one, two = start().json(), start().json()
    page = service.browser.get("/device", params={"user_code": one["user_code"]}).text
    fields = dict(re.findall(r'name="(csrf|consent|user_code)" value="([^"]+)"', page))
    form = fields | {"decision": "yes"}

    answers = [
        service.new_browser().post("/device", data=form),
        service.browser.post("/device", data=form | {"user_code": two["user_code"]}),
        service.browser.post("/device", data=form | {"csrf": "x"}),
        service.browser.post("/device", data=form, headers={"Origin": "https://evil.example"}),
        service.browser.post("/device"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5


def test_a_text_that_changed_meanwhile_must_be_read_again(service, start):
    codes = start().json()
    page = service.browser.get("/device", params={"user_code": codes["user_code"]}).text
    fields = dict(re.findall(r'name="(csrf|consent|user_code)" value="([^"]+)"', page))
    service.add("demo", events={"plot": {}})

    answer = service.browser.post("/device", data=fields | {"decision": "yes"})

    assert answer.status_code == 409
