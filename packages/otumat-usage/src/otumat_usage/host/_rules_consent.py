"""Say what a server must do before it gives a code: discovery and the consent page."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from otumat_usage.host._dialogue import Server
from otumat_usage.host._rules import expect, rule
from otumat_usage.host._walk import REDIRECT, STATE

if TYPE_CHECKING:
    from otumat_usage.host._dialogue import Reply
    from otumat_usage.host._walk import Walk

_OK = 200


def _nowhere(reply: Reply, what: str) -> None:
    right = 400 <= reply.status < 500 and "location" not in reply.headers  # noqa: PLR2004
    expect(right, reply, f"{what}: expected a page with status 400 and no redirect")


# --- discovery


@rule("RFC 8414, 3.2")
def metadata(walk: Walk) -> None:
    """The OAuth metadata is JSON at its well-known address."""
    reply = walk.metadata_reply
    right = reply.status == _OK and reply.kind == "application/json" and reply.json
    expect(right, reply, "no metadata")


@rule("RFC 8414, 3.3")
def metadata_issuer(walk: Walk) -> None:
    """The issuer is exactly the origin that was asked."""
    found = walk.metadata_reply.json.get("issuer")
    expect(found == walk.server.origin, walk.metadata_reply, f"the issuer is {found!r}")


@rule("RFC 8414, 2")
def metadata_endpoints(walk: Walk) -> None:
    """The authorization, token and revocation endpoints are named, all at the issuer."""
    data = walk.metadata_reply.json
    for name in ("authorization", "token", "revocation"):
        address = str(data.get(f"{name}_endpoint"))
        right = address.startswith(f"{walk.server.origin}/")
        expect(right, walk.metadata_reply, f"{name}_endpoint is {address!r}")


@rule("RFC 9700, 2.1.1")
def metadata_pkce(walk: Walk) -> None:
    """S256 is the one way to prove who asked."""
    methods = walk.metadata_reply.json.get("code_challenge_methods_supported")
    expect(methods == ["S256"], walk.metadata_reply, f"the methods are {methods!r}")


@rule("RFC 9207, 3")
def metadata_iss(walk: Walk) -> None:
    """The metadata says that answers carry the issuer."""
    found = walk.metadata_reply.json.get("authorization_response_iss_parameter_supported")
    expect(found is True, walk.metadata_reply, f"it says {found!r}")


@rule("wire 2")
def package_known(walk: Walk) -> None:
    """The discovery of the package names its wire, routes, limits and consent text."""
    reply = walk.info_reply
    expect(reply.status == _OK and 2 in reply.json.get("wire", []), reply, "no wire 2")  # noqa: PLR2004
    for name in ("install", "event", "refresh", "self"):
        walk.route(name)
    for name in ("rows", "body_bytes", "decoded_bytes"):
        walk.limit(name)
    consent = reply.json.get("consent", {})
    expect({"version", "sha256"} <= set(consent), reply, "no consent version and hash")


@rule("wire 2")
def package_unknown(walk: Walk) -> None:
    """A package that the server does not know is a 404."""
    reply = walk.discover(f"no-such-{uuid.uuid4().hex}")
    expect(reply.status == 404, reply, "an unknown package was known")  # noqa: PLR2004


# --- routes 1 and 2


@rule("wire 2")
def consent_page(walk: Walk) -> None:
    """The page is HTML, shows the text in force, and has a yes and a no."""
    reply, form = walk.page()
    expect(reply.kind == "text/html", reply, f"the page is {reply.kind}")
    buttons = form.buttons.get("decision", set())
    expect({"yes", "no"} <= buttons and form.method == "post", reply, "there are not both buttons")
    wanted = walk.info_reply.json.get("consent", {}).get("sha256")
    expect(form.fields.get("consent") == wanted, reply, "it shows another text than discovery")


@rule("RFC 6749, 10.13")
def consent_page_not_framed(walk: Walk) -> None:
    """No other page can frame the consent page."""
    reply, _ = walk.page()
    framed = reply.headers.get("x-frame-options", "").upper() == "DENY"
    framed |= "frame-ancestors 'none'" in reply.headers.get("content-security-policy", "")
    expect(framed, reply, "neither X-Frame-Options nor frame-ancestors")


@rule("RFC 8252, 7.3 and 8.3; RFC 9700, 2.1")
def redirect_loopback_only(walk: Walk) -> None:
    """Only literal loopback addresses are redirected to; any other gets a page."""
    wrong = (
        "https://client.example/done",
        "http://localhost:49152/done",
        "http://127.0.0.1.client.example:49152/done",
        "http://127.0.0.1:49152@client.example/done",
        "http://127.0.0.1:49152/done#fragment",
        "",
    )
    for uri in wrong:
        _nowhere(walk.server.get(walk.address(redirect_uri=uri)), f"redirect_uri {uri!r}")


@rule("RFC 8252, 7.3")
def redirect_any_port(walk: Walk) -> None:
    """Any port of the loopback address is taken."""
    for uri in ("http://127.0.0.1:1/x", "http://127.0.0.1:65535/done", "http://[::1]:49152/done"):
        reply = walk.decide(redirect_uri=uri)
        target = reply.headers.get("location", "")
        expect(target.startswith(f"{uri}?"), reply, f"{uri} was answered at {target!r}")


@rule("RFC 6749, 4.1.2.1")
def client_known(walk: Walk) -> None:
    """Another client, or none, gets a page and is redirected nowhere."""
    for client in ("other", None):
        _nowhere(walk.server.get(walk.address(client_id=client)), f"client_id {client!r}")


@rule("RFC 7636, 4.4.1; RFC 9700, 2.1.1")
def challenge_required(walk: Walk) -> None:
    """A request without an S256 challenge gets a page and is redirected nowhere."""
    wrong: tuple[dict[str, str | None], ...] = (
        {"code_challenge": None},
        {"code_challenge": "short"},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
    )
    for change in wrong:
        _nowhere(walk.server.get(walk.address(**change)), f"{change}")


@rule("wire 2")
def package_required(walk: Walk) -> None:
    """A package that the server does not know gets a page and is redirected nowhere."""
    for package in (f"no-such-{uuid.uuid4().hex}", None):
        _nowhere(walk.server.get(walk.address(package=package)), f"package {package!r}")


@rule("RFC 6749, 3.1")
def parameters_once(walk: Walk) -> None:
    """A parameter that comes twice gets a page and is redirected nowhere."""
    for name in ("client_id", "state", "redirect_uri"):
        _nowhere(walk.server.get(f"{walk.address()}&{name}=x"), f"{name} twice")


@rule("RFC 6749, 4.1.2.1; RFC 9207, 2")
def faults_are_told(walk: Walk) -> None:
    """Other faults reach the client by 303, with the state and the issuer."""
    reply = walk.server.get(walk.address(scope="everything"))
    _redirected(walk, reply, {"error": "invalid_scope"})
    reply = walk.server.get(walk.address(response_type="token"))
    _redirected(walk, reply, {"error": "unsupported_response_type"})


@rule("RFC 6749, 4.1.2; RFC 9207, 2; RFC 9700, 4.12")
def yes_gives_a_code(walk: Walk) -> None:
    """A yes comes back by 303 with a code, the state unchanged and the issuer."""
    reply = walk.decide()
    _redirected(walk, reply, {})
    expect(reply.redirect.get("code"), reply, "a yes gave no code")


@rule("RFC 6749, 4.1.2.1; RFC 9207, 2")
def no_is_told(walk: Walk) -> None:
    """A no comes back by 303 as access_denied, and gives no code."""
    reply = walk.decide("no")
    _redirected(walk, reply, {"error": "access_denied"})
    expect("code" not in reply.redirect, reply, "a no gave a code")


@rule("RFC 6749, 10.12")
def forms_are_bound(walk: Walk) -> None:
    """The form counts only from the browser and the page that it was given to."""
    _, form = walk.page()
    stranger = Server(walk.server.origin)
    target = walk.server.path_of(form.action) or walk.address()
    yes = form.fields | {"decision": "yes"}
    bare = {"decision": "yes", "consent": form.fields.get("consent", "")}
    replies = {
        "without its cookie": stranger.form(target, yes),
        "without its hidden fields": walk.server.form(target, bare),
        "from another origin": walk.server.form(target, yes, Origin="https://other.example"),
    }
    for how, reply in replies.items():
        expect("code" not in reply.redirect, reply, f"a form {how} was taken")


@rule("wire 2")
def consent_is_to_the_text(walk: Walk) -> None:
    """A yes to another text than the one in force gives no code."""
    _, form = walk.page()
    reply = walk.post(form, {"decision": "yes", "consent": "0" * 64})
    expect("code" not in reply.redirect, reply, "a yes to another text was taken")


def _redirected(walk: Walk, reply: Reply, values: dict[str, str]) -> None:
    expect(reply.status == 303, reply, "expected 303")  # noqa: PLR2004
    target = reply.headers.get("location", "")
    expect(target.startswith(f"{REDIRECT}?"), reply, f"redirected to {target!r}")
    wanted = {"state": STATE, "iss": walk.server.origin} | values
    for name, value in wanted.items():
        found = reply.redirect.get(name)
        expect(found == value, reply, f"{name} is {found!r}, expected {value!r}")
