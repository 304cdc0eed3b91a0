"""Hold the state of installs, codes and tokens: every rule of rotation is here.

Each function runs inside one transaction and returns a refusal rather than raising,
so that what a refusal must record (a revoked family) is committed with it.

Rotation. A refresh token has a generation in its family. Presenting the token of
generation g shows that g was received, which retires every token below g; it is
answered with the one successor g+1, the same at every repetition, until g+1 is seen
in use (refreshed with, or its access token used). From then on g is retired, and
whoever presents it holds a copy: the family is revoked. There is no clock in this,
so a lost answer can be fetched again a day later, and racing processes all win.
"""

from __future__ import annotations

import dataclasses
import secrets
from typing import TYPE_CHECKING, Any

from otumat_usage.host._authorize import scope_of
from otumat_usage.host._database import (
    Connection,
    auth_codes,
    families,
    insert,
    installs,
    select,
    update,
)
from otumat_usage.host._secrets import (
    challenge_matches,
    derive_successor,
    digest,
    install_of,
    mint,
    new_id,
)
from otumat_usage.host._token_rows import (
    BEARER,
    CLEAR_NONCES,
    SAVE,
    SET_NONCE,
    SET_SEEN,
    TOKEN,
    Row,
)
from otumat_usage.host._tombstones import is_erased

if TYPE_CHECKING:
    from otumat_usage.host._authorize import AuthorizationRequest

__all__ = [
    "ACCESS_LIFE",
    "FAMILY_LIFE",
    "IDLE_LIFE",
    "LEGACY_SCOPE",
    "Access",
    "Consent",
    "Family",
    "Pair",
    "Refusal",
    "authenticate",
    "enrol",
    "issue_code",
    "lookup",
    "redeem_code",
    "refresh",
    "revoke",
]

_SECOND = 1000
_DAY = 86_400 * _SECOND
CODE_LIFE = 60 * _SECOND
ACCESS_LIFE = 3600 * _SECOND
IDLE_LIFE = 180 * _DAY
FAMILY_LIFE = 400 * _DAY
#: What a grant of wire 1 is for (see `_legacy_grants`); no request can ask for it.
LEGACY_SCOPE = "usage:legacy"


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """Why a grant was refused, in the words of RFC 6749, 5.2."""

    error: str
    description: str


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """The tokens of one answer; *expires_in* in seconds."""

    access: str
    refresh: str
    expires_in: int
    scope: str
    install: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """What a valid access token stands for."""

    install: bytes
    package: int
    scope: frozenset[str]
    expires: int


@dataclasses.dataclass(frozen=True, slots=True)
class Consent:
    """What the user agreed to, when and how; *at* in milliseconds."""

    package: int
    sha256: str
    version: str
    at: int
    how: str
    survey: str | None = None


def enrol(connection: Connection, consent: Consent, *, install: bytes | None = None) -> bytes:
    """Record *consent* and return its new install, pending until its code is redeemed."""
    install = install or new_id()
    connection.execute(
        insert(installs).values(
            id=install,
            package=consent.package,
            created=consent.at,
            state="pending",
            consent_sha256=consent.sha256,
            consent_version=consent.version,
            consent_at=consent.at,
            consent_how=consent.how,
            survey=consent.survey,
        )
    )
    return install


def issue_code(
    connection: Connection, install: bytes, wanted: AuthorizationRequest, now: int
) -> str:
    """Return a code for *install*, bound to the redirect and the PKCE challenge of *wanted*."""
    code = mint("ac", install)
    connection.execute(
        insert(auth_codes).values(
            install=install,
            hash=digest(code),
            family=new_id(),
            redirect_uri=wanted.redirect_uri,
            challenge=wanted.challenge,
            scope=wanted.scope,
            expires=now + CODE_LIFE,
            used=0,
        )
    )
    return code


def redeem_code(
    connection: Connection, code: str, *, redirect_uri: str, verifier: str, now: int
) -> Pair | Refusal:
    """Exchange *code* for the first tokens of a family (RFC 6749, 4.1.3; RFC 7636, 4.6)."""
    install = install_of(code, "ac")
    if install is None:
        return Refusal("invalid_grant", "the code is not one of ours")
    key = (auth_codes.c.install == install) & (auth_codes.c.hash == digest(code))
    row = connection.execute(select(auth_codes).where(key)).one_or_none()
    if row is None:
        return Refusal("invalid_grant", "the code is unknown")
    family = Family(connection, install, row.family, now)
    fault = _code_fault(row, redirect_uri, verifier, now)
    if fault is not None:
        if row.used:
            # RFC 6749, 4.1.2: a second use means a copy exists, so its tokens go too.
            family.end("stolen")
        return Refusal("invalid_grant", fault)
    connection.execute(update(auth_codes).where(key).values(used=1))
    return family.open(row.scope)


def _code_fault(row: Any, redirect_uri: str, verifier: str, now: int) -> str | None:
    if row.used:
        return "the code was used before; its tokens are revoked"
    if row.expires <= now:
        return "the code has expired"
    if row.redirect_uri != redirect_uri:
        return "redirect_uri differs from the authorization request"
    if not challenge_matches(verifier, row.challenge):
        return "code_verifier does not match the code_challenge"
    return None


def refresh(connection: Connection, token: str, scope: str | None, now: int) -> Pair | Refusal:
    """Exchange a refresh token, or repeat the answer it already had (RFC 6749, 6)."""
    found = lookup(connection, token, "rt", now)
    if found is None or LEGACY_SCOPE in found[0].granted.split():
        return Refusal("invalid_grant", "the refresh token is unknown")
    row, family = found
    if row.state != "active":
        return Refusal("invalid_grant", "the grant was revoked")
    if row.generation < row.seen:
        family.end("stolen")
        return Refusal("invalid_grant", "a retired refresh token was used; the grant is revoked")
    if row.expires <= now:
        return Refusal("invalid_grant", "the refresh token has expired")
    asked = scope_of(scope or "", row.granted)
    if asked is None:
        return Refusal("invalid_scope", "the scope is wider than the grant")
    family.note(row.generation, row.seen)
    successor = family.succeed(token, row)
    return family.pair(successor, row.generation + 1, asked)


def authenticate(
    connection: Connection, token: str, now: int, *, note: bool = True
) -> Access | Refusal:
    """Return what an access token stands for; *note* that its generation is in use (a write)."""
    install = install_of(token, "at")
    found = install and BEARER.rows(connection, install=install, hash=digest(token))
    if install and not found and is_erased(connection, install):
        return Refusal("erased", "everything about this install was erased")
    if not install or not found:
        return Refusal("invalid_token", "the access token is unknown")
    ((family, generation, scope, expires, state, seen, package),) = found
    if state != "active":
        return Refusal("invalid_token", "the grant was revoked")
    if expires <= now:
        return Refusal("invalid_token", "TokenExpiredError: the access token has expired")
    if note:
        Family(connection, install, family, now).note(generation, seen)
    return Access(install, package, frozenset(scope.split()), expires)


def revoke(connection: Connection, token: str, now: int) -> None:
    """Revoke the grant behind *token*, access or refresh; unknown ones are no error.

    RFC 7009, 2.1: with the refresh token all access tokens of the grant go. An
    access token ends the grant too: "off" must mean off.
    """
    found = lookup(connection, token, "rt", now) or lookup(connection, token, "at", now)
    if found is None or found[0].state != "active":
        return
    family = found[1]
    family.end("revoked")
    key = installs.c.id == family.install
    connection.execute(update(installs).where(key).values(state="revoked"))


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """The tokens that grew from one consent, inside one transaction."""

    connection: Connection
    install: bytes
    id: bytes
    now: int

    def open(self, scope: str) -> Pair:
        """Activate the install and return the first tokens."""
        key = installs.c.id == self.install
        self.connection.execute(update(installs).where(key).values(state="active"))
        self.connection.execute(
            insert(families).values(
                install=self.install,
                id=self.id,
                scope=scope,
                created=self.now,
                state="active",
                seen=0,
            )
        )
        token = mint("rt", self.install)
        self.save(token, "refresh", 0, scope, self.now + IDLE_LIFE)
        return self.pair(token, 0, scope)

    def end(self, state: str) -> None:
        """End every token at once."""
        self.connection.execute(update(families).where(self._key).values(state=state))

    def note(self, generation: int, seen: int) -> None:
        """Retire every refresh token below *generation*, which was seen in use."""
        if generation <= seen:
            return
        SET_SEEN.run(self.connection, owner=self.install, family=self.id, value=generation)
        # A retired token's nonce is of no more use to us, only to a thief of both.
        CLEAR_NONCES.run(
            self.connection, owner=self.install, which=self.id, below=generation, value=None
        )

    def succeed(self, token: str, row: Row) -> str:
        """Return the one successor of *token*, the same at every call."""
        if row.nonce is not None:
            return derive_successor(token, row.nonce)
        nonce = secrets.token_bytes(16)
        successor = derive_successor(token, nonce)
        SET_NONCE.run(self.connection, install=self.install, hash=row.hash, value=nonce)
        expires = min(self.now + IDLE_LIFE, row.created + FAMILY_LIFE)
        self.save(successor, "refresh", row.generation + 1, row.scope, expires)
        return successor

    def pair(self, token: str, generation: int, scope: str) -> Pair:
        """Return *token* with a fresh access token of its generation."""
        access = mint("at", self.install)
        self.save(access, "access", generation, scope, self.now + ACCESS_LIFE)
        return Pair(access, token, ACCESS_LIFE // _SECOND, scope, self.install)

    @property
    def _key(self) -> Any:
        return (families.c.install == self.install) & (families.c.id == self.id)

    def save(self, token: str, kind: str, generation: int, scope: str, expires: int) -> None:
        """Store the hash of *token*, good until *expires*."""
        SAVE.run(
            self.connection,
            install=self.install,
            hash=digest(token),
            kind=kind,
            family=self.id,
            generation=generation,
            scope=scope,
            expires=expires,
            nonce=None,
        )


def lookup(connection: Connection, token: str, prefix: str, now: int) -> tuple[Row, Family] | None:
    """Return *token* with its family, None when there is no such token."""
    install = install_of(token, prefix)
    if install is None:
        return None
    for found in TOKEN.rows(connection, install=install, hash=digest(token)):
        row = Row(*found)
        return row, Family(connection, install, row.family, now)
    return None
