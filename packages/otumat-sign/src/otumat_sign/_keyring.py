"""Read and write a keyring, ``{module}.pub``: which keys are trusted, from when, until when.

It is the PEM blocks of the public keys with text lines before each; openssl and 0.3 read the
first block and nothing else, so that a file with one bare block is a keyring too.

    threshold: 2                    before the first key: how many of them must have signed
    min-scheme: manifest            before the first key: a bare .sig is not enough

    # Alice, laptop
    valid-after: 2026-01-01
    valid-before: 2028-01-01T00:00:00Z
    revoked: 2026-11-22             nothing this key signed counts any more, whenever it was
    -----BEGIN PUBLIC KEY-----

A line that is not understood makes the whole file unusable: a misspelt ``revoked`` must not
pass for a comment.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from otumat_sign import _instant
from otumat_sign.exceptions import KeyringError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import NoReturn

COMPAT, MANIFEST = "compat", "manifest"
SCHEMES = (COMPAT, MANIFEST)
MAXIMUM_BYTES = 1 << 20
_BLOCK = re.compile(
    r"^-----BEGIN ((?:RSA )?PUBLIC KEY)-----\n((?:[A-Za-z0-9+/=]+\n)+)-----END \1-----$",
    re.MULTILINE,
)
_OF_KEYS = ("valid-after", "valid-before", "revoked")
_OF_RING = ("threshold", "min-scheme")


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """One key: its PEM block, its identity (SHA-256 of the SubjectPublicKeyInfo), its limits."""

    pem: str
    identity: str
    valid_after: datetime | None = None
    valid_before: datetime | None = None
    revoked: datetime | None = None
    comments: tuple[str, ...] = ()

    def objection(self, when: datetime) -> tuple[str, str] | None:
        """Return the state and the reason why what it signed at *when* does not count, or None."""
        if self.revoked:
            return "revoked", f"the key {self.identity[:16]} was revoked"
        for limit, wrong, side in (
            (self.valid_after, "after", "before it was valid"),
            (self.valid_before, "before", "after it had expired"),
        ):
            if limit and (when < limit if wrong == "after" else when >= limit):
                stamp = _instant.write(when)
                return "expired", f"the key {self.identity[:16]} signed {side} ({stamp})"
        return None


@dataclass(frozen=True, slots=True)
class Keyring:
    """The trusted keys, how many of them must have signed, and the least scheme that counts."""

    keys: tuple[TrustedKey, ...]
    threshold: int = 1
    min_scheme: str = COMPAT

    def find(self, identity: str) -> TrustedKey | None:
        """Return the key whose identity is or begins with *identity*, if it is the only one."""
        found = [key for key in self.keys if identity and key.identity.startswith(identity)]
        return found[0] if len(found) == 1 else None

    def encode(self) -> bytes:
        """Return the file's content."""
        head = [f"threshold: {self.threshold}"] if self.threshold > 1 else []
        head += [f"min-scheme: {self.min_scheme}"] if self.min_scheme != COMPAT else []
        sections = ["\n".join([*head, ""])] if head else []
        for key in self.keys:
            limits = zip(_OF_KEYS, (key.valid_after, key.valid_before, key.revoked), strict=True)
            lines = [f"# {comment}".rstrip() for comment in key.comments]
            lines += [f"{name}: {_instant.write(at)}" for name, at in limits if at]
            sections.append("\n".join([*lines, key.pem]))
        return "\n".join(sections).encode()


def parse(data: bytes, name: str) -> Keyring:
    """Return the keyring in *data*; *name* is what messages call it.

    Raises:
        KeyringError: a line is not understood, there is no key, or one is there twice.
    """
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise KeyringError(f"{name} is not a keyring: it is not text") from error
    if len(data) > MAXIMUM_BYTES:
        _refuse(name, "it is larger than any keyring")
    keys: list[TrustedKey] = []
    ring: dict[str, str] = {}
    position = 0
    for match in _BLOCK.finditer(text):
        fields, comments = _lines(text[position : match.start()], name)
        if not keys:
            ring = {key: fields.pop(key) for key in _OF_RING if key in fields}
        keys.append(_key(match[0] + "\n", fields, comments, name))
        position = match.end()
    if text[position:].strip():
        _refuse(name, f"{text[position:].strip().splitlines()[0]!r} is after its last key")
    if len({key.identity for key in keys}) != len(keys) or not keys:
        _refuse(name, "a key is in it twice" if keys else "there is no public key in it")
    return _ring(tuple(keys), ring, name)


def identify(pem: bytes) -> str:
    """Return the identity of the key in a PUBLIC KEY block: SHA-256 of its DER, in hexadecimal."""
    body = b"".join(line for line in pem.splitlines() if not line.startswith(b"-----"))
    return sha256(binascii.a2b_base64(body)).hexdigest()


def _lines(text: str, name: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the fields and the comments in the lines before a key."""
    fields: dict[str, str] = {}
    comments: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            comments.append(line[1:].strip())
            continue
        key, colon, value = line.partition(":")
        if not colon or key not in (*_OF_KEYS, *_OF_RING) or key in fields:
            _refuse(name, f"the line {line!r} is not understood")
        fields[key] = value.strip()
    return fields, tuple(comments)


def _key(pem: str, fields: dict[str, str], comments: tuple[str, ...], name: str) -> TrustedKey:
    if misplaced := sorted(fields.keys() & set(_OF_RING)):
        _refuse(name, f"{misplaced[0]} belongs before the first key")
    try:
        limits = {key.replace("-", "_"): _instant.parse(value) for key, value in fields.items()}
        if "RSA PUBLIC" in pem:  # PKCS #1: the identity is that of the usual form
            from otumat_sign._keys import PublicKey

            identity = identify(PublicKey(pem.encode(), name=name).pem())
        else:
            identity = identify(pem.encode())
    except ValueError as error:
        raise KeyringError(f"{name}: {error}") from error
    return TrustedKey(pem, identity, **limits, comments=comments)


def _ring(keys: tuple[TrustedKey, ...], fields: dict[str, str], name: str) -> Keyring:
    threshold, scheme = fields.get("threshold", "1"), fields.get("min-scheme", COMPAT)
    if not re.fullmatch(r"[1-9][0-9]{0,3}", threshold) or int(threshold) > len(keys):
        _refuse(name, f"threshold {threshold} is not a number from 1 to that of its keys")
    if scheme not in SCHEMES:
        _refuse(name, f"min-scheme {scheme} is not one of {', '.join(SCHEMES)}")
    return Keyring(keys, int(threshold), scheme)


def _refuse(name: str, why: str) -> NoReturn:
    raise KeyringError(f"{name} is not a usable keyring: {why}")
