"""An outside oracle: oauthlib's clients hold the whole dialogue and read every answer."""

import re

import pytest
from oauthlib.oauth2 import DeviceClient, WebApplicationClient
from oauthlib.oauth2.rfc6749 import errors

pytestmark = pytest.mark.interop

ISSUER = "http://127.0.0.1:8080"
REDIRECT = "http://127.0.0.1:49152/done"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def _loopback(monkeypatch):
    """Oauthlib refuses http unless told that it is loopback."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def client():
    return WebApplicationClient("otumat-usage")


@pytest.fixture
def authorize(service, client):
    """Walk to the redirect as a browser would; return its address."""

    def authorize(decision="yes", **extra):
        verifier = client.create_code_verifier(43)
        challenge = client.create_code_challenge(verifier, "S256")
        url = client.prepare_request_uri(
            ISSUER + "/user/usage-install",
            redirect_uri=REDIRECT,
            scope=extra.pop("scope", ["usage:write", "usage:self"]),
            state="s-1",
            code_challenge=challenge,
            code_challenge_method="S256",
            package="demo",
            **extra,
        )
        page = service.browser.get(url)
        if page.status_code == 303:
            return page.headers["location"]
        fields = dict(re.findall(r'name="(csrf|consent)" value="([^"]+)"', page.text))
        answer = service.browser.post(url, data=fields | {"decision": decision})
        return answer.headers["location"]

    return authorize


@pytest.fixture
def exchange(service, client):
    def exchange(body):
        answer = service.browser.post("/auth/token", content=body, headers=FORM)
        return client.parse_request_body_response(answer.text)

    return exchange


def redeem(client, exchange, location):
    code = client.parse_request_uri_response(location, state="s-1")["code"]
    body = client.prepare_request_body(
        code=code, redirect_uri=REDIRECT, code_verifier=client.code_verifier
    )
    return exchange(body)


def test_the_code_flow_with_pkce(service, client, authorize, exchange):
    tokens = redeem(client, exchange, authorize())

    assert tokens["token_type"] == "Bearer"
    assert set(tokens["scope"]) == {"usage:write", "usage:self"}
    url, headers, _ = client.add_token(ISSUER + "/api/usage-self")
    assert service.browser.get(url, headers=headers).status_code == 200


def test_another_state_is_noticed(client, authorize):
    with pytest.raises(errors.MismatchingStateError):
        client.parse_request_uri_response(authorize(), state="other")


def test_refusals_are_told_in_its_words(client, authorize):
    with pytest.raises(errors.AccessDeniedError):
        client.parse_request_uri_response(authorize("no"), state="s-1")
    with pytest.raises(errors.InvalidScopeError):
        client.parse_request_uri_response(authorize(scope=["admin"]), state="s-1")


def test_a_code_used_twice_is_an_invalid_grant(client, authorize, exchange):
    location = authorize()
    redeem(client, exchange, location)

    with pytest.raises(errors.InvalidGrantError):
        redeem(client, exchange, location)


def test_refresh_and_revocation(service, client, authorize, exchange):
    tokens = redeem(client, exchange, authorize())
    body = client.prepare_refresh_body(refresh_token=tokens["refresh_token"])
    fresh = exchange(f"{body}&client_id=otumat-usage")
    assert fresh["refresh_token"] != tokens["refresh_token"]

    url, headers, body = client.prepare_token_revocation_request(
        ISSUER + "/auth/revoke", fresh["refresh_token"], "refresh_token"
    )
    answer = service.browser.post(url, content=f"{body}&client_id=otumat-usage", headers=headers)

    assert answer.status_code == 200
    with pytest.raises(errors.InvalidGrantError):
        exchange(
            client.prepare_refresh_body(refresh_token=fresh["refresh_token"])
            + "&client_id=otumat-usage"
        )


def test_the_device_flow(service, exchange):
    device = DeviceClient("otumat-usage")
    url = device.prepare_request_uri(ISSUER + "/auth/device", scope=["usage:write"])
    body = url.partition("?")[2] + "&package=demo"
    codes = service.browser.post("/auth/device", content=body, headers=FORM).json()
    poll = device.prepare_request_body(codes["device_code"], include_client_id=True)

    with pytest.raises(errors.CustomOAuth2Error, match="authorization_pending"):
        exchange(poll)

    page = service.browser.get(codes["verification_uri_complete"]).text
    fields = dict(re.findall(r'name="(csrf|consent|user_code)" value="([^"]+)"', page))
    service.browser.post("/device", data=fields | {"decision": "yes"})
    assert exchange(poll)["scope"] == ["usage:write"]
