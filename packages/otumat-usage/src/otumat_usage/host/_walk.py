"""Walk the client's dialogue with a server step by step, for the conformance rules."""

from __future__ import annotations

import base64
import dataclasses
import functools
import gzip
import hashlib
import json
import secrets
import time
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from otumat_usage.host._authorize import CLIENT_ID, SCOPES
from otumat_usage.host._dialogue import Form, Reply, Server, form_of
from otumat_usage.host._errors import ServingError
from otumat_usage.host._forms import DEVICE_GRANT

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["REDIRECT", "STATE", "Broken", "Walk"]

REDIRECT = "http://127.0.0.1:49152/done"
STATE = "a state, with / & = and %"
#: Polls of a device code before the walk gives up.
_POLLS = 4
_LONGEST_PAUSE = 20.0

Tokens = dict[str, Any]


class Broken(ServingError, AssertionError):  # noqa: N818 - it stands for the rule that is broken
    """The server did not do what a rule demands; the text says what it did."""


@dataclasses.dataclass(frozen=True)
class Walk:
    """The steps of the dialogue about one package.

    Attributes:
        server: Who is asked.
        package: A package that the server takes and that nobody must sign in for.
    """

    server: Server
    package: str
    verifier: str = dataclasses.field(default_factory=lambda: secrets.token_urlsafe(48))

    # --- discovery

    @functools.cached_property
    def metadata_reply(self) -> Reply:
        """The answer of the OAuth metadata's address."""
        return self.server.get("/.well-known/oauth-authorization-server")

    @functools.cached_property
    def info_reply(self) -> Reply:
        """The answer of the package's discovery."""
        return self.discover(self.package)

    def discover(self, package: str, **headers: str) -> Reply:
        """Ask what the server takes for *package*."""
        query = urlencode({"package": package})
        return self.server.get(f"/.well-known/otumat-usage?{query}", **headers)

    def endpoint(self, name: str) -> str:
        """Return the path of an OAuth endpoint as the metadata gives it."""
        address = self.metadata_reply.json.get(f"{name}_endpoint")
        if not isinstance(address, str):
            raise Broken(f"the metadata names no {name}_endpoint")
        return self.server.path_of(address)

    def route(self, name: str) -> str:
        """Return a route as the package's discovery gives it."""
        found = self.info_reply.json.get(f"{name}_route")
        if not isinstance(found, str) or not found.startswith("/"):
            raise Broken(f"the discovery of {self.package!r} names no {name}_route")
        return found

    def limit(self, name: str) -> int:
        """Return a limit as the package's discovery gives it."""
        limits = self.info_reply.json.get("limits")
        found = limits.get(name) if isinstance(limits, dict) else None
        if not isinstance(found, int) or found <= 0:
            raise Broken(f"the discovery of {self.package!r} names no limit {name}")
        return found

    # --- the consent page

    @property
    def challenge(self) -> str:
        """The S256 challenge of this walk's verifier."""
        data = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def address(self, **changes: str | None) -> str:
        """Return the consent page's address; a change that is None leaves a parameter out."""
        query: dict[str, str | None] = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT,
            "state": STATE,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "scope": " ".join(SCOPES),
            "package": self.package,
        }
        named = {k: v for k, v in (query | changes).items() if v is not None}
        return f"{self.endpoint('authorization')}?{urlencode(named)}"

    def page(self, **changes: str | None) -> tuple[Reply, Form]:
        """Open the consent page and read its form."""
        reply = self.server.get(self.address(**changes))
        form = form_of(reply) if reply.status == 200 else None  # noqa: PLR2004
        if form is None:
            raise Broken(f"the consent page has status {reply.status} and no form")
        return reply, form

    def decide(self, decision: str = "yes", /, **changes: str | None) -> Reply:
        """Open the page and press a button."""
        _, form = self.page(**changes)
        return self.post(form, {"decision": decision})

    def post(self, form: Form, fields: Mapping[str, str]) -> Reply:
        """Send a page's form with *fields* as a browser would."""
        target = self.server.path_of(form.action) or self.address()
        return self.server.form(target, form.fields | dict(fields), Origin=self.server.origin)

    def code(self, **changes: str | None) -> str:
        """Say yes and return the code."""
        reply = self.decide("yes", **changes)
        code = reply.redirect.get("code")
        if not code:
            raise Broken(f"a yes gave status {reply.status} and no code")
        return code

    # --- tokens

    def ask_token(self, **fields: str | None) -> Reply:
        """Post a form to the token endpoint."""
        return self.server.form(self.endpoint("token"), {"client_id": CLIENT_ID} | fields)

    def redeem(self, code: str, **changes: str | None) -> Reply:
        """Exchange a code."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": self.verifier,
        }
        return self.ask_token(**(form | changes))

    def refresh(self, tokens: Tokens, **changes: str | None) -> Reply:
        """Exchange the refresh token of *tokens*."""
        token = str(tokens["refresh_token"])
        return self.ask_token(**({"grant_type": "refresh_token", "refresh_token": token} | changes))

    def enrol(self, **changes: str | None) -> Tokens:
        """Walk from the page to tokens of a new installation."""
        return self.tokens_of(self.redeem(self.code(**changes)))

    @functools.cached_property
    def tokens(self) -> Tokens:
        """Tokens that no rule ends."""
        return self.enrol()

    def tokens_of(self, reply: Reply) -> Tokens:
        """Return the tokens in *reply*."""
        found = reply.json
        if reply.status != 200 or not {"access_token", "refresh_token", "install_id"} <= set(found):  # noqa: PLR2004
            raise Broken(f"no tokens but status {reply.status}: {_short(reply)}")
        return found

    # --- events

    def batch(self, tokens: Tokens, *names: str, **changes: object) -> dict[str, Any]:
        """Return a batch with one event per name, now."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        rows = [[number, now, name] for number, name in enumerate(names, 1)]
        return {
            "installId": tokens["install_id"],
            "batch": str(uuid.uuid4()),
            "sent_at": now,
            "run": uuid.uuid4().hex,
            "first": 1,
            "last": len(rows),
            "context": {"package_version": "1.0", "python": "3.12", "os": "Linux"},
            "dropped": {},
            "headers": ["seq", "event_date", "event_type"],
            "rows": rows,
        } | changes

    @functools.cached_property
    def event(self) -> str:
        """An event name that the package takes."""
        schema = self.info_reply.json.get("schema")
        types = schema.get("types") if isinstance(schema, dict) else None
        return str(types[0]) if types else "conformance"

    def upload(
        self, tokens: Tokens, body: object, *, packed: bool = False, **headers: str | None
    ) -> Reply:
        """Send a batch; header names use ``_`` for ``-``."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent: dict[str, str | None] = {
            "Authorization": f"Bearer {tokens['access_token']}",
            "Content_Type": "application/json",
        }
        if packed:
            data = gzip.compress(data)
            sent["Content_Encoding"] = "gzip"
        return self.server.ask("POST", self.route("event"), data, sent | headers)

    def own(self, method: str, tokens: Tokens | None) -> Reply:
        """Ask for, or erase, what is held about the installation."""
        headers = {} if tokens is None else {"Authorization": f"Bearer {tokens['access_token']}"}
        return self.server.ask(method, self.route("self"), b"", headers)

    def revoke(self, token: str) -> Reply:
        """Revoke a token."""
        return self.server.form(
            self.endpoint("revocation"), {"client_id": CLIENT_ID, "token": token}
        )

    # --- the device flow

    def start_device(self, **changes: str | None) -> Reply:
        """Start a device grant."""
        form: dict[str, str | None] = {
            "client_id": CLIENT_ID,
            "package": self.package,
            "scope": " ".join(SCOPES),
        }
        return self.server.form(self.endpoint("device_authorization"), form | changes)

    def device_codes(self) -> dict[str, Any]:
        """Return the codes of a new device grant."""
        reply = self.start_device()
        if reply.status != 200 or "device_code" not in reply.json:  # noqa: PLR2004
            raise Broken(f"no device code but status {reply.status}: {_short(reply)}")
        return reply.json

    def poll(self, device_code: str) -> Reply:
        """Ask how a device grant stands."""
        return self.ask_token(grant_type=DEVICE_GRANT, device_code=device_code)

    def poll_patiently(self, codes: Mapping[str, Any]) -> Reply:
        """Poll as a client must: after `slow_down`, wait for the longer interval."""
        interval = float(codes.get("interval", 5))
        for _ in range(_POLLS):
            reply = self.poll(str(codes["device_code"]))
            if reply.json.get("error") != "slow_down":
                return reply
            interval += 5
            time.sleep(min(interval, _LONGEST_PAUSE))
        return reply

    def device_page(self, codes: Mapping[str, Any]) -> tuple[Reply, Form]:
        """Open the page that the user is sent to."""
        address = codes.get("verification_uri_complete") or (
            f"{codes.get('verification_uri')}?user_code={codes.get('user_code')}"
        )
        reply = self.server.get(self.server.path_of(str(address)))
        form = form_of(reply) if reply.status == 200 else None  # noqa: PLR2004
        if form is None:
            raise Broken(f"the device page has status {reply.status} and no form")
        return reply, form


def _short(reply: Reply) -> str:
    text = "".join(c if c.isprintable() else " " for c in reply.text[:120])
    return text or "no body"
