"""Make, read, hash and derive the host's opaque secrets, and check PKCE.

A token is ``otu_<kind>_`` + 64 characters + a 6 character checksum. The 64 carry
its owner's id (an install, so that a lookup needs no global index, or a maintainer's
personal token, ``pt``, that can be named without being told) and 256 random bits; the
prefix and checksum let secret scanners find leaked tokens without asking us.
Only SHA-256 of the whole text is ever stored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import zlib

__all__ = [
    "challenge_matches",
    "challenge_of",
    "derive_successor",
    "digest",
    "install_of",
    "is_challenge",
    "is_secret",
    "mint",
    "new_id",
    "new_secret",
    "same",
    "sign_form",
]

_SHAPE = re.compile(r"otu_(at|rt|ac|dc|cs|pt|sl|ss)_([A-Za-z0-9_-]{64})([A-Za-z0-9_-]{6})")
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_32_BYTES = re.compile(r"[A-Za-z0-9_-]{43}")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _assemble(kind: str, install: bytes, random: bytes) -> str:
    body = f"otu_{kind}_{_encode(install + random)}"
    return body + _encode(zlib.crc32(body.encode("ascii")).to_bytes(4, "big"))


def new_id() -> bytes:
    """Return 16 random bytes shaped as a version 4 UUID."""
    raw = bytearray(secrets.token_bytes(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return bytes(raw)


def new_secret() -> str:
    """Return 256 random bits as 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def is_secret(text: str) -> bool:
    """Say whether *text* has the shape of what `new_secret` returns."""
    return _32_BYTES.fullmatch(text) is not None


def mint(kind: str, install: bytes) -> str:
    """Return a fresh token of *kind* for its owner, an *install* or a personal token's id.

    Kinds: ``at`` access, ``rt`` refresh, ``ac`` code, ``dc`` device code, ``pt`` personal, ``sl``
    one-time link to a user's own page, ``ss`` the session that it opens, ``cs`` the secret of a
    0.3 client.
    """
    return _assemble(kind, install, secrets.token_bytes(32))


def derive_successor(token: str, nonce: bytes) -> str:
    """Return the one refresh token that follows *token* under *nonce*.

    The database keeps the nonce and the successor's hash: whoever presents *token*
    again gets the same successor, and the database alone cannot mint it.
    """
    install = install_of(token, "rt")
    if install is None:
        raise ValueError("not a refresh token")
    random = hmac.digest(token.encode("ascii"), b"otumat refresh successor\0" + nonce, "sha256")
    return _assemble("rt", install, random)


def install_of(token: str, kind: str) -> bytes | None:
    """Return the owner that *token* names, None when it is no token of *kind*."""
    match = _SHAPE.fullmatch(token)
    if match is None or match[1] != kind:
        return None
    body = token[:-6]
    if _encode(zlib.crc32(body.encode("ascii")).to_bytes(4, "big")) != match[3]:
        return None
    try:
        return base64.urlsafe_b64decode(match[2])[:16]
    except binascii.Error:  # pragma: no cover - the pattern admits only the alphabet
        return None


def digest(secret: str) -> bytes:
    """Return what the database stores for *secret*."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def is_challenge(text: str) -> bool:
    """Say whether *text* has the shape of an S256 challenge (RFC 7636, 4.2)."""
    return _32_BYTES.fullmatch(text) is not None


def challenge_matches(verifier: str, challenge: str) -> bool:
    """Say whether *verifier* is the secret behind *challenge* (RFC 7636, 4.6)."""
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    return hmac.compare_digest(challenge_of(verifier), challenge)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of *verifier* (RFC 7636, 4.2)."""
    return _encode(hashlib.sha256(verifier.encode("ascii")).digest())


def sign_form(key: str, *parts: str) -> str:
    """Return the CSRF value that binds a form to *parts* (its session, its purpose)."""
    # A zero in a part is spelled otherwise: else a part that a stranger chooses could be several.
    spelled = (part.replace("\1", "\1\1").replace("\0", "\1\2") for part in parts)
    message = "\0".join(spelled).encode("utf-8", "surrogateescape")
    return hmac.new(key.encode("ascii"), message, hashlib.sha256).hexdigest()


def same(given: str, expected: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
