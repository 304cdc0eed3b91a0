"""Who may upload: only the bearer of a fresh token of that install (RFC 6750)."""

import pytest

from ._counts import total


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, None),
        ("Basic b3R1bWF0OnVzYWdl", "invalid_token"),
        ("Bearer", "invalid_token"),
        ("Bearer nonsense", "invalid_token"),
        ("Bearer otu_at_" + "A" * 70, "invalid_token"),
    ],
)
def test_without_a_good_token_nothing_is_taken(steady, value, error):
    tokens = steady.enrol()

    answer = steady.upload(tokens, steady.batch(tokens, "plot"), Authorization=value)

    assert answer.status_code == 401
    header = answer.headers["www-authenticate"]
    assert header.startswith("Bearer ")
    assert ("error=" in header) is (error is not None)
    assert answer.json()["error_msg"] == "Authorization Failed"
    assert "TokenExpiredError" in answer.json()["error_desc"]
    assert total(steady).events == 0


def test_an_access_token_expires_after_an_hour(service):
    tokens = service.enrol()
    service.clock.forward(seconds=3600)

    answer = service.upload(tokens, service.batch(tokens, "plot"))

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_refresh_token_is_no_access_token(service):
    tokens = service.enrol()
    value = f"Bearer {tokens['refresh_token']}"

    answer = service.upload(tokens, service.batch(tokens, "plot"), Authorization=value)

    assert answer.status_code == 401


def test_a_token_in_the_address_is_ignored(service):
    tokens = service.enrol()

    answer = service.browser.post(
        f"/api/usage-event?access_token={tokens['access_token']}",
        json=service.batch(tokens, "plot"),
    )

    assert answer.status_code == 401


def test_a_narrow_scope_cannot_write(service):
    tokens = service.redeem(service.code(scope="usage:self")).json()

    answer = service.upload(tokens, service.batch(tokens, "plot"))

    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_nobody_uploads_for_another_install(service):
    one, two = service.enrol(), service.enrol()

    answer = service.upload(one, service.batch(two, "plot"))

    assert answer.status_code == 403
    assert total(service).events == 0
