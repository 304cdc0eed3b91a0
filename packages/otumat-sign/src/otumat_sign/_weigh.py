"""Decide whether enough trusted keys signed a text: the only place that weighs signatures."""

from __future__ import annotations

from otumat_sign._keys import PublicKey
from otumat_sign._signature import decode
from otumat_sign.exceptions import InvalidSignature, UnusableKeyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import TypeAlias

    from otumat_sign._keyring import Keyring, TrustedKey
    from otumat_sign._manifest import Manifest
    from otumat_sign._verdict import State

    #: The state, why it is not "trusted", and the identities of the keys that count.
    Finding: TypeAlias = tuple[State, str, tuple[str, ...]]


def of_manifest(manifest: Manifest, ring: Keyring) -> Finding:
    """Weigh the blocks of *manifest*: enough keys must be trusted when it was created.

    A key counts for what it signed while it was valid, by the date in the manifest; its owner
    could write any date, so a key that is lost must be revoked, not left to expire. A block that
    claims a trusted key and is not by it makes the whole manifest invalid.
    """
    good: list[str] = []
    objections: list[tuple[State, str]] = []
    if not manifest.blocks:
        return "invalid", "the manifest carries no signature", ()
    for block in manifest.blocks:
        key = ring.find(block.key) if len(block.key) == 64 else None  # noqa: PLR2004 -- SHA-256
        if key is None:
            continue
        if not _made(key, block.signature, manifest.text()):
            reason = f"the manifest is not what the key {key.identity[:16]} signed"
            return "invalid", reason, ()
        objection = key.objection(manifest.created)
        if objection:
            objections.append(objection)  # type: ignore[arg-type]
        else:
            good.append(key.identity)
    return _weigh(good, objections, ring)


def of_compat(signature: str, digest: str, ring: Keyring, now: datetime) -> Finding:
    """Weigh a bare signature, which names neither its key nor its date: *now* counts."""
    decode(signature)
    good: list[str] = []
    objections: list[tuple[State, str]] = []
    for key in ring.keys:
        if _made(key, signature, digest):
            if objection := key.objection(now):
                objections.append(objection)  # type: ignore[arg-type]
            else:
                good.append(key.identity)
    return _weigh(good, objections, ring)


def _weigh(good: list[str], objections: list[tuple[State, str]], ring: Keyring) -> Finding:
    if len(good) >= ring.threshold:
        return "trusted", "", tuple(good)
    # Revoked says more than expired.
    for state, reason in sorted(objections, reverse=True):
        return state, reason, tuple(good)
    if good:
        reason = f"{len(good)} of the {ring.threshold} trusted keys that it takes have signed"
    else:
        reason = "no trusted key has signed this content"
    return "untrusted-key", reason, tuple(good)


def _made(key: TrustedKey, signature: str, text: str) -> bool:
    """Return whether *key* signed *text*; a key that cannot be used signed nothing."""
    try:
        PublicKey(key.pem.encode(), name=key.identity[:16]).verify(decode(signature), text.encode())
    except (InvalidSignature, UnusableKeyError):
        return False
    return True
