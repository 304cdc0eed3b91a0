"""Laws of the standards that no single route owns; docs/oauth-rules.md names them all."""

import base64
import hashlib
import re

import pytest


def test_unknown_parameters_are_ignored(service):
    answer = service.decide("yes", prompt="none", x="y")
    code = service.values(answer)["code"]

    assert service.redeem(code, x="y").status_code == 200


def test_a_parameter_without_a_value_counts_as_left_out(service):
    answer = service.decide("yes", state="", scope="", python="")
    values = service.values(answer)

    assert "state" not in values
    tokens = service.redeem(values["code"]).json()
    assert tokens["scope"] == "usage:write usage:self"
    assert service.refresh(tokens["refresh_token"], scope="").status_code == 200


@pytest.mark.parametrize("name", ["code", "redirect_uri", "code_verifier", "grant_type"])
def test_a_required_parameter_without_a_value_is_missing(steady, name):
    answer = steady.redeem(steady.code(), **{name: ""})

    assert answer.json()["error"] == "invalid_request"
    page = steady.browser.get(steady.authorization(redirect_uri="", response_type=""))
    assert page.status_code == 400


@pytest.mark.parametrize("scope", ["usage:write", "usage:self", "usage:self usage:write"])
def test_the_scope_that_is_granted_is_named(service, scope):
    tokens = service.redeem(service.code(scope=scope)).json()

    assert set(tokens["scope"].split()) == set(scope.split())
    assert service.enrol()["scope"] == "usage:write usage:self"


@pytest.mark.parametrize("state", ["x", "a b&c=d%20+#/?", "ü€😀", "x" * 1024])
def test_any_state_comes_back_unchanged(service, state):
    assert service.values(service.decide("yes", state=state))["state"] == state
    assert service.values(service.decide("no", state=state))["state"] == state


def test_an_error_is_not_cached_either(service):
    post = service.browser.post
    answers = [
        post("/auth/token", data={}),
        post("/auth/revoke", data={}),
        post("/auth/device", data={}),
        service.redeem("x"),
        service.refresh("x"),
    ]

    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["pragma"] == "no-cache"


@pytest.mark.parametrize("text", ['"', "\\", "ü", "\n", "\x7f", '"\\\u2028"'])
def test_an_error_s_text_holds_only_what_the_standard_allows(service, text):
    """RFC 6749, 5.2: %x20-21 / %x23-5B / %x5D-7E."""
    answer = service.token(grant_type=f"other{text}")

    assert answer.json()["error"] == "unsupported_grant_type"
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", answer.json()["error_description"])


def test_another_client_cannot_refresh(service):
    tokens = service.enrol()

    answer = service.refresh(tokens["refresh_token"], client_id="other")

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert service.refresh(tokens["refresh_token"]).status_code == 200


def test_secrets_hold_256_random_bits(service):
    tokens = [service.enrol() for _ in range(4)]
    secrets = [token[name] for token in tokens for name in ("access_token", "refresh_token")]

    bodies = [base64.urlsafe_b64decode(secret[7:-6]) for secret in secrets]
    assert all(len(body) == 16 + 32 for body in bodies)
    assert len({body[16:] for body in bodies}) == len(bodies)


def test_the_challenge_names_its_realm_once(service):
    tokens = service.enrol()
    body = service.batch(tokens, "plot")
    for token in (None, "Bearer x", "Basic x", f"Bearer {tokens['refresh_token']}"):
        answer = service.upload(tokens, body, Authorization=token)
        challenge = answer.headers["www-authenticate"]
        assert answer.status_code == 401
        assert challenge.startswith("Bearer ")
        assert challenge.count("realm=") == 1
        assert ("error=" in challenge) == (token is not None)


@pytest.mark.parametrize("length", [43, 64, 128])
def test_verifiers_of_every_length_allowed_are_taken(service, length):
    verifier = ("aZ0-._~" * 20)[:length]
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    answer = service.redeem(service.code(code_challenge=challenge), code_verifier=verifier)
    long = service.redeem(service.code(code_challenge=challenge), code_verifier="a" * 129)

    assert answer.status_code == 200
    assert long.json()["error"] == "invalid_grant"


def test_who_agreed_before_is_asked_again(service):
    service.enrol()

    page = service.browser.get(service.authorization())

    assert page.status_code == 200
    assert 'value="no"' in page.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_metadata_are_read_by_get_only(service, method):
    answer = service.browser(method, "/.well-known/oauth-authorization-server")

    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_device_codes_are_not_cached(service):
    form = {"client_id": "otumat-usage", "package": "demo"}

    answer = service.browser.post("/auth/device", data=form)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
