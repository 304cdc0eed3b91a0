"""Laws of route 4 and revocation: RFC 6749 3.2, 4.1.3, 5, 6; 7636 4.5-4.6; 7009; 9700 4.8, 4.14."""

import pytest

REDIRECT = "http://127.0.0.1:49152/done"
VERIFIER = "a-verifier-that-is-at-least-forty-three-characters-long"


def refused(answer, error, status=400):
    assert answer.status_code == status, answer.text
    assert answer.json()["error"] == error
    assert answer.headers["cache-control"] == "no-store"
    return answer


def test_a_code_becomes_tokens_that_no_cache_keeps(service):
    answer = service.redeem(service.code())

    tokens = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    assert tokens["scope"] == "usage:write usage:self"
    assert service.upload(tokens, service.batch(tokens, "plot")).status_code == 200


def test_every_install_has_an_id_of_its_own(service):
    assert service.enrol()["install_id"] != service.enrol()["install_id"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code": None}, "invalid_request"),
        ({"code": ""}, "invalid_request"),
        ({"code": "otu_ac_nonsense"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": REDIRECT + "/"}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:49153/done"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": VERIFIER + "x"}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"code_verifier": "ü" * 43}, "invalid_grant"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"client_id": ""}, "invalid_client"),
        ({"client_id": "other"}, "invalid_client"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_exchange_is_refused_and_spends_nothing(steady, change, error):
    code = steady.code()

    refused(steady.redeem(code, **change), error, 401 if error == "invalid_client" else 400)

    assert steady.redeem(code).status_code == 200


def test_client_id_is_required(service):
    answer = service.browser.post("/auth/token", data={"grant_type": "refresh_token"})

    refused(answer, "invalid_request")


def test_the_challenge_itself_is_no_verifier(service):
    import base64
    import hashlib

    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())

    answer = service.redeem(service.code(), code_verifier=challenge.rstrip(b"=").decode())

    refused(answer, "invalid_grant")


def test_a_code_expires_after_a_minute(service):
    code, late = service.code(), service.code()
    service.clock.forward(seconds=59)
    assert service.redeem(code).status_code == 200
    service.clock.forward(seconds=1)

    refused(service.redeem(late), "invalid_grant")


def test_a_code_used_twice_revokes_what_it_gave(service):
    code = service.code()
    tokens = service.redeem(code).json()

    refused(service.redeem(code), "invalid_grant")

    refused(service.refresh(tokens["refresh_token"]), "invalid_grant")
    assert service.upload(tokens, service.batch(tokens, "plot")).status_code == 401


def test_secrets_are_no_codes_of_another_kind(service):
    tokens = service.enrol()

    refused(service.redeem(tokens["refresh_token"]), "invalid_grant")
    refused(service.refresh(tokens["access_token"]), "invalid_grant")
    refused(service.refresh(service.code()), "invalid_grant")


def test_a_body_that_is_no_form_is_refused(service):
    post = service.browser.post
    form = "application/x-www-form-urlencoded"
    answers = [
        post("/auth/token", json={"grant_type": "refresh_token"}),
        post("/auth/token", content=b"grant_type=%ff", headers={"Content-Type": form}),
        post("/auth/token", content=b"\xff", headers={"Content-Type": form}),
        post("/auth/token", content=b"a=1&a=2", headers={"Content-Type": form}),
        post("/auth/token", content=b"a=" + b"x" * 70_000, headers={"Content-Type": form}),
        post(
            "/auth/token",
            content="&".join(f"f{i}=" for i in range(99)).encode(),
            headers={"Content-Type": form},
        ),
        post("/auth/token"),
    ]

    for answer in answers:
        refused(answer, "invalid_request")


def test_a_client_that_tries_a_secret_is_told_in_the_header(service):
    answer = service.browser.post(
        "/auth/token", data={"grant_type": "refresh_token"}, auth=("otumat-usage", "secret")
    )

    refused(answer, "invalid_client", 401)
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_the_token_endpoint_takes_post_only(service):
    answer = service.browser.get("/auth/token?grant_type=refresh_token")

    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


def test_a_refresh_gives_new_tokens_for_the_same_install(service):
    tokens = service.enrol()

    fresh = service.refresh(tokens["refresh_token"]).json()

    assert fresh["install_id"] == tokens["install_id"]
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert fresh["access_token"] != tokens["access_token"]
    assert service.upload(fresh, service.batch(fresh, "plot")).status_code == 200


def test_a_refresh_may_narrow_the_scope_but_not_widen_it(service):
    tokens = service.redeem(service.code(scope="usage:write")).json()
    wide = service.enrol()

    refused(service.refresh(tokens["refresh_token"], scope="usage:self"), "invalid_scope")
    narrow = service.refresh(wide["refresh_token"], scope="usage:self").json()

    assert narrow["scope"] == "usage:self"
    assert service.upload(narrow, service.batch(narrow, "plot")).status_code == 403
    again = service.refresh(narrow["refresh_token"]).json()
    assert again["scope"] == "usage:write usage:self"


def test_a_lost_answer_costs_nothing(service):
    tokens = service.enrol()
    first = service.refresh(tokens["refresh_token"]).json()
    service.clock.forward(days=30)

    again = service.refresh(tokens["refresh_token"]).json()

    assert again["refresh_token"] == first["refresh_token"]
    assert service.upload(again, service.batch(again, "plot")).status_code == 200


@pytest.mark.parametrize("how", ["refresh", "upload"])
def test_a_retired_token_revokes_the_family(service, how):
    tokens = service.enrol()
    fresh = service.refresh(tokens["refresh_token"]).json()
    if how == "refresh":
        fresh = service.refresh(fresh["refresh_token"]).json()
    else:
        assert service.upload(fresh, service.batch(fresh, "plot")).status_code == 200

    refused(service.refresh(tokens["refresh_token"]), "invalid_grant")

    refused(service.refresh(fresh["refresh_token"]), "invalid_grant")
    assert service.upload(fresh, service.batch(fresh, "plot")).status_code == 401


def test_64_racing_refreshes_end_in_one_successor(service):
    tokens = service.enrol()
    form = {
        "grant_type": "refresh_token",
        "client_id": "otumat-usage",
        "refresh_token": tokens["refresh_token"],
    }

    answers = service.browser.together(*[("POST", "/auth/token", {"data": form})] * 64)

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    for answer in answers[::16]:
        assert service.upload(answer.json(), service.batch(tokens, "plot")).status_code == 200
    assert service.refresh(answers[0].json()["refresh_token"]).status_code == 200


def test_an_idle_refresh_token_expires_after_180_days(service):
    tokens, other = service.enrol(), service.enrol()
    service.clock.forward(days=179.9)
    assert service.refresh(tokens["refresh_token"]).status_code == 200
    service.clock.forward(days=0.1)

    refused(service.refresh(other["refresh_token"]), "invalid_grant")


def test_a_family_ends_after_400_days(service):
    token = service.enrol()["refresh_token"]
    for _ in range(3):
        service.clock.forward(days=133)
        answer = service.refresh(token)
        assert answer.status_code == 200
        token = answer.json()["refresh_token"]
    service.clock.forward(days=1)

    refused(service.refresh(token), "invalid_grant")


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
@pytest.mark.parametrize("hint", [None, "refresh_token", "access_token", "other"])
def test_revocation_ends_the_grant(service, kind, hint):
    tokens = service.enrol()
    form = {"client_id": "otumat-usage", "token": tokens[kind]}

    answer = service.browser.post(
        "/auth/revoke", data=form | ({"token_type_hint": hint} if hint else {})
    )

    again = service.browser.post("/auth/revoke", data=form)

    assert (answer.status_code, again.status_code) == (200, 200)
    refused(service.refresh(tokens["refresh_token"]), "invalid_grant")
    assert service.upload(tokens, service.batch(tokens, "plot")).status_code == 401


def test_revoking_what_is_unknown_is_no_error_and_ends_nothing(service):
    tokens = service.enrol()
    wrong = tokens["refresh_token"][:-1] + ("A" if tokens["refresh_token"][-1] != "A" else "B")
    for value in ("nonsense", wrong, service.code()):
        form = {"client_id": "otumat-usage", "token": value}
        assert service.browser.post("/auth/revoke", data=form).status_code == 200

    assert service.refresh(tokens["refresh_token"]).status_code == 200


def test_revocation_needs_a_token_and_the_client(service):
    post = service.browser.post

    refused(post("/auth/revoke", data={"client_id": "otumat-usage"}), "invalid_request")
    refused(post("/auth/revoke", data={"token": "x"}), "invalid_request")
    refused(post("/auth/revoke", data={"client_id": "x", "token": "x"}), "invalid_client", 401)


def test_one_grant_says_nothing_about_another(service):
    one, two = service.enrol(), service.enrol()
    form = {"client_id": "otumat-usage", "token": one["refresh_token"]}
    service.browser.post("/auth/revoke", data=form)

    assert service.refresh(two["refresh_token"]).status_code == 200


def test_a_host_that_cannot_store_says_so_as_an_oauth_error(service):
    """In RFC 6749's shape, with the members that 0.3 clients look at, and a time to come back."""
    tokens = service.enrol()
    service.host.writer.stop()
    client = {"client_id": "otumat-usage"}

    answers = [
        service.refresh(tokens["refresh_token"]),
        service.browser.post("/auth/revoke", data=client | {"token": tokens["refresh_token"]}),
        service.browser.post("/auth/device", data=client | {"package": "demo"}),
    ]

    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/json"
        assert 5 <= int(answer.headers["retry-after"]) <= 60
        said = answer.json()
        assert said["error"] == "temporarily_unavailable"
        assert said["error_desc"] == said["error_description"]
        assert said["error_msg"]
