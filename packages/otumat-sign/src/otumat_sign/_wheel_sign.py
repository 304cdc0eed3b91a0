"""Decide which signatures, manifests and trusted keys a finished wheel gets."""

from __future__ import annotations

import os

from otumat_sign import _instant, _manifest, _wheel_write
from otumat_sign._content import digest, fact
from otumat_sign._keyring import identify
from otumat_sign._metadata import KEYRING, MANIFEST, SIGNATURE, is_ours
from otumat_sign._signature import decode, sign_with
from otumat_sign._wheel import Wheel
from otumat_sign.exceptions import InvalidSignature, ManifestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_sign import _signers
    from otumat_sign._keys import PublicKey
    from otumat_sign._manifest import Manifest


def sign_wheel(
    path: str | os.PathLike[str],
    *,
    key: _signers.Signer | None = None,
    public: bytes | None = None,
) -> list[str]:
    """Give each module of a wheel its signature and manifest (*key*) and keyring (*public*).

    A valid signature by *key* over the same content is kept, so signing twice leaves the file as
    it is; another key adds its block to the manifest. Without *key*, signatures that the wheel
    carries are removed: nobody knows what they were made for.

    Returns:
        The metadata files that were written; none if the wheel had them already.

    Raises:
        WheelError: the file is no wheel, has no modules, or cannot be read without ambiguity.
        HashError: its content cannot be hashed.
        OSError: it cannot be replaced.
    """
    wheel = open_wheel(path)
    wanted = keyrings(wheel, public)
    if key:
        hand = _Hand(key)
        for module in wheel.modules:
            wanted |= hand.files(wheel, module, draft(wheel, module, public))
    return put(wheel, wanted)


def open_wheel(path: str | os.PathLike[str]) -> Wheel:
    """Return the wheel at *path*; refuse one without modules: nothing could be signed in it."""
    wheel = Wheel(path)
    if not wheel.modules:
        wheel.refuse("it installs no module that could be signed")
    if not (wheel.distribution and wheel.version):
        wheel.refuse("its METADATA has no Name or no Version")
    return wheel


def keyrings(wheel: Wheel, public: bytes | None) -> dict[str, bytes]:
    """Return the keyring files that *wheel* gets."""
    return {} if public is None else {f"{module}{KEYRING}": public for module in wheel.modules}


def put(wheel: Wheel, wanted: Mapping[str, bytes]) -> list[str]:
    """Write the metadata files *wanted* into *wheel*, and take out stale ones of ours."""
    changed = {name: data for name, data in wanted.items() if wheel.metadata(name) != data}
    prefix = f"{wheel.dist_info}/"
    stale = {
        entry.name
        for entry in wheel.entries
        if entry.name.startswith(prefix)
        and is_ours(name := entry.name.removeprefix(prefix), wheel.modules, wheel.distribution)
        and name not in wanted
    }
    if changed or stale:
        _wheel_write.write(wheel, {prefix + name: data for name, data in changed.items()}, stale)
    return list(changed)


def draft(wheel: Wheel, module: str, public: bytes | None = None) -> Manifest:
    """Return the unsigned manifest of *module*, with the keyrings that *wheel* is about to get."""
    facts = wheel.facts(wheel.paths())
    files = {path: known.plain for path, known in facts.items()}
    for name, data in keyrings(wheel, public).items():
        files[f"{wheel.dist_info}/{name}"] = fact(data).plain
    return _manifest.Manifest(
        distribution=wheel.distribution,
        version=wheel.version,
        module=module,
        created=_instant.of_build(),
        tree=digest(facts, wheel.modules[module], "sha256"),
        files=files,
    )


def compat_digest(wheel: Wheel, module: str) -> str:
    """Return what ``{module}.sig`` signs: `hash_pkg` of what will be installed."""
    return digest(wheel.facts(wheel.paths()), wheel.modules[module], "sha1")


class _Hand:
    """Makes one key's files for modules, and keeps those that it has made before."""

    def __init__(self, key: _signers.Signer) -> None:
        from otumat_sign._keys import PublicKey

        self._key = key
        self._public = PublicKey(key.public_pem(), name="of the signer")
        self._identity = identify(key.public_pem())

    def files(self, wheel: Wheel, module: str, new: Manifest) -> dict[str, bytes]:
        """Return ``{module}.sig`` and ``{module}.manifest`` for the content that *new* names."""
        manifest = present_manifest(wheel, module, new) or new
        mine = [b.signature for b in manifest.blocks if b.key == self._identity]
        signed = bool(mine) and holds(self._public, mine[0], manifest.text())
        if not signed:
            manifest = manifest.with_block(self._identity, sign_with(self._key, manifest.text()))
        compat = compat_digest(wheel, module)
        text = (wheel.metadata(module + SIGNATURE) or b"").decode("ascii", errors="replace")
        # Beside other signers' blocks, the signature may be one of theirs, which cannot be told.
        others = signed and len(manifest.blocks) > 1 and _is_well_formed(text)
        if not others and not holds(self._public, text, compat):
            text = sign_with(self._key, compat)
        return {module + SIGNATURE: text.encode(), module + MANIFEST: manifest.encode()}


def present_manifest(wheel: Wheel, module: str, new: Manifest) -> Manifest | None:
    """Return the manifest that *wheel* carries if it names the same content as *new*."""
    data = wheel.metadata(module + MANIFEST)
    if data is None:
        return None
    try:
        present = _manifest.parse(data, module + MANIFEST)
    except ManifestError:
        return None
    return present if present.says_the_same_as(new) else None


def holds(public: PublicKey, signature: str, text: str) -> bool:
    """Return whether making this signature again would be needless; decides nothing else."""
    try:
        public.verify(decode(signature), text.encode())
    except InvalidSignature:
        return False
    return True


def _is_well_formed(signature: str) -> bool:
    try:
        return bool(decode(signature))
    except InvalidSignature:
        return False
