"""Say what a server must do with tokens: route 4, revocation and the device flow."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from otumat_usage.host._dialogue import Server
from otumat_usage.host._rules import NotOffered, expect, refused, rule

if TYPE_CHECKING:
    from otumat_usage.host._walk import Walk

_OK = 200
_OTHER = "A" * 43


@rule("RFC 6749, 5.1")
def code_gives_tokens(walk: Walk) -> None:
    """A code becomes a Bearer token, a refresh token and the id of the installation."""
    reply = walk.redeem(walk.code())
    tokens = walk.tokens_of(reply)
    expect(str(tokens.get("token_type")).lower() == "bearer", reply, "the type is not Bearer")
    lives = tokens.get("expires_in")
    expect(isinstance(lives, int) and lives > 0, reply, f"expires_in is {lives!r}")
    try:
        uuid.UUID(str(tokens["install_id"]))
    except ValueError:
        expect(None, reply, "install_id is no UUID")


@rule("RFC 6749, 5.1")
def tokens_are_not_cached(walk: Walk) -> None:
    """No cache keeps a token answer, or a refusal."""
    for reply in (walk.redeem(walk.code()), walk.redeem("no code")):
        kept = reply.headers.get("cache-control", "")
        expect("no-store" in kept, reply, f"Cache-Control is {kept!r}")


@rule("RFC 6749, 4.1.2")
def code_works_once(walk: Walk) -> None:
    """A code that is used again is refused, and what it gave is revoked."""
    code = walk.code()
    tokens = walk.tokens_of(walk.redeem(code))
    refused(walk.redeem(code), "invalid_grant", "a code used twice")
    refused(walk.refresh(tokens), "invalid_grant", "the tokens of a code used twice")


@rule("RFC 7636, 4.6; RFC 9700, 4.8")
def verifier_is_compared(walk: Walk) -> None:
    """A code needs the verifier of its challenge; without one it is refused."""
    refused(walk.redeem(walk.code(), code_verifier=_OTHER), "invalid_grant", "another verifier")
    code = walk.code()
    refused(walk.redeem(code, code_verifier=walk.challenge), "invalid_grant", "the challenge")
    reply = walk.redeem(walk.code(), code_verifier=None)
    expect(reply.status == 400 and reply.json.get("error"), reply, "no verifier was needed")  # noqa: PLR2004


@rule("RFC 6749, 4.1.3")
def redirect_is_compared(walk: Walk) -> None:
    """A code is bound to the redirect_uri that it was sent to."""
    reply = walk.redeem(walk.code(), redirect_uri="http://127.0.0.1:49153/done")
    refused(reply, "invalid_grant", "another redirect_uri")


@rule("RFC 6749, 5.2")
def token_faults(walk: Walk) -> None:
    """The token endpoint names unknown clients, unknown grants and unknown codes."""
    reply = walk.redeem("no code")
    refused(reply, "invalid_grant", "a code that never was")
    reply = walk.ask_token(grant_type="password", username="x", password="x")  # noqa: S106
    refused(reply, "unsupported_grant_type", "grant_type password")
    reply = walk.redeem(walk.code(), client_id="other")
    refused(reply, "invalid_client", "another client", (401, 400))


@rule("RFC 6749, 3.2")
def token_form_once(walk: Walk) -> None:
    """The token endpoint takes POST only, and each field once."""
    endpoint = walk.endpoint("token")
    body = b"grant_type=refresh_token&client_id=otumat-usage&refresh_token=x&refresh_token=y"
    refused(walk.server.form(endpoint, body), "invalid_request", "a field twice")
    reply = walk.server.get(f"{endpoint}?grant_type=refresh_token")
    expect(reply.status in (404, 405), reply, "GET was answered")


@rule("RFC 6749, 6")
def refresh_renews(walk: Walk) -> None:
    """A refresh token gives new tokens for the same installation."""
    tokens = walk.enrol()
    reply = walk.refresh(tokens)
    fresh = walk.tokens_of(reply)
    expect(fresh["install_id"] == tokens["install_id"], reply, "another installation")
    expect(fresh["refresh_token"] != tokens["refresh_token"], reply, "it was not rotated")
    reply = walk.upload(fresh, walk.batch(fresh, walk.event))
    expect(reply.status == _OK, reply, "the new access token is not taken")


@rule("RFC 6749, 6")
def refresh_never_widens(walk: Walk) -> None:
    """A refresh cannot ask for more than was granted."""
    tokens = walk.enrol(scope="usage:write")
    refused(walk.refresh(tokens, scope="usage:self"), "invalid_scope", "a wider scope")


@rule("wire 2")
def refresh_can_be_repeated(walk: Walk) -> None:
    """Until its successor is used, a refresh token gives the same successor again."""
    tokens = walk.enrol()
    first = walk.tokens_of(walk.refresh(tokens))
    reply = walk.refresh(tokens)
    again = walk.tokens_of(reply)
    expect(first["refresh_token"] == again["refresh_token"], reply, "two successors")


@rule("RFC 9700, 4.14.2")
def retired_refresh_revokes(walk: Walk) -> None:
    """A refresh token that is used after its successor was revokes the whole family."""
    tokens = walk.enrol()
    fresh = walk.tokens_of(walk.refresh(tokens))
    last = walk.tokens_of(walk.refresh(fresh))
    refused(walk.refresh(tokens), "invalid_grant", "a retired refresh token")
    refused(walk.refresh(last), "invalid_grant", "the family of a stolen token")
    reply = walk.upload(last, walk.batch(last, walk.event))
    expect(reply.status == 401, reply, "an access token of a stolen family is taken")  # noqa: PLR2004


@rule("RFC 7009, 2.1")
def revocation_ends_the_grant(walk: Walk) -> None:
    """Revoking a refresh token ends it and every access token of its grant."""
    tokens = walk.enrol()
    reply = walk.revoke(str(tokens["refresh_token"]))
    expect(reply.status == _OK, reply, "revocation failed")
    refused(walk.refresh(tokens), "invalid_grant", "a revoked refresh token")
    reply = walk.upload(tokens, walk.batch(tokens, walk.event))
    expect(reply.status == 401, reply, "an access token of a revoked grant is taken")  # noqa: PLR2004


@rule("RFC 7009, 2.2")
def revocation_of_the_unknown(walk: Walk) -> None:
    """Revoking what is unknown is answered by 200."""
    reply = walk.revoke("no token")
    expect(reply.status == _OK, reply, "an unknown token")


# --- the device flow


def _offered(walk: Walk) -> None:
    if "device_authorization_endpoint" not in walk.metadata_reply.json:
        raise NotOffered("the metadata names no device_authorization_endpoint")


@rule("RFC 8628, 3.2")
def device_codes(walk: Walk) -> None:
    """The device endpoint gives both codes, an address and an expiry; not to another client."""
    _offered(walk)
    reply = walk.start_device()
    needed = {"device_code", "user_code", "verification_uri", "expires_in"}
    expect(reply.status == _OK and needed <= set(reply.json), reply, f"expected {sorted(needed)}")
    refused(walk.start_device(client_id="x"), "invalid_client", "another client", (401, 400))


@rule("RFC 8628, 3.5")
def device_waits(walk: Walk) -> None:
    """A poll before the decision says authorization_pending, one too early slow_down."""
    _offered(walk)
    codes = walk.device_codes()
    reply = walk.poll(str(codes["device_code"]))
    refused(reply, "authorization_pending", "the first poll")
    refused(walk.poll(str(codes["device_code"])), "slow_down", "a poll at once after it")
    refused(walk.poll("no code"), "invalid_grant", "a device code that never was")


@rule("RFC 8628, 3.3 and 3.5")
def device_yes(walk: Walk) -> None:
    """The page shows the code; a yes gives tokens, once."""
    _offered(walk)
    codes = walk.device_codes()
    reply, form = walk.device_page(codes)
    expect(str(codes["user_code"]) in reply.text, reply, "the page does not show the code")
    walk.post(form, {"decision": "yes"})
    walk.tokens_of(walk.poll_patiently(codes))
    refused(walk.poll_patiently(codes), "invalid_grant", "a device code used twice")


@rule("RFC 8628, 3.5")
def device_no(walk: Walk) -> None:
    """A no on the page is told to the program."""
    _offered(walk)
    codes = walk.device_codes()
    _, form = walk.device_page(codes)
    walk.post(form, {"decision": "no"})
    refused(walk.poll_patiently(codes), "access_denied", "a no")


@rule("RFC 6749, 10.12")
def device_form_is_bound(walk: Walk) -> None:
    """The device page's form counts only from the browser that it was given to."""
    _offered(walk)
    codes = walk.device_codes()
    _, form = walk.device_page(codes)
    Server(walk.server.origin).form(
        walk.server.path_of(form.action), form.fields | {"decision": "yes"}
    )
    refused(walk.poll_patiently(codes), "authorization_pending", "a form from elsewhere")
