"""Find who signs for a URI: a PEM that can be read, or a plugin for its scheme.

A plugin is an entry point of the group `otumat_sign.signers`, named by the scheme and called
with the URI; what it returns has the two methods of `Signer`. So a key in an HSM or a KMS
signs like any other, and its signatures are verified before they are written as well.
"""

from __future__ import annotations

import os
import re

from otumat_sign import _keyuri
from otumat_sign.exceptions import SignError, UnusableKeyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Signer(Protocol):
        """Something that signs with one private key."""

        def sign(self, data: bytes, /) -> bytes:
            """Return the raw signature of *data*: PSS, Ed25519 or DER-encoded ECDSA."""

        def public_pem(self) -> bytes:
            """Return the public half as PEM."""


GROUP = "otumat_sign.signers"
#: Two letters or more, so that "C:\\key.pem" stays a path.
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):")


def load(uri: str | os.PathLike[str], passphrase: str | None = None) -> Signer:
    """Return the signer for *uri*; its passphrase is asked for only if the key is encrypted.

    Raises:
        KeyNotFoundError: there is no such key.
        UnusableKeyError: it is no private key, a weak one, or its plugin failed.
        PassphraseError: the passphrase is missing or wrong.
    """
    name = os.fspath(uri)
    scheme = _SCHEME.match(name)
    if scheme and scheme[1] not in _keyuri.SCHEMES and (plugin := _plugin(scheme[1], name)):
        return plugin
    pem = _keyuri.read(uri)
    from otumat_sign import _passphrase
    from otumat_sign._keys import PrivateKey

    prompt = f"Passphrase of {name}: "
    return PrivateKey(
        pem, name=name, passphrase=lambda: _passphrase.resolve(passphrase, prompt=prompt)
    )


def _plugin(scheme: str, uri: str) -> Signer | None:
    from importlib.metadata import entry_points

    found = list(entry_points(group=GROUP, name=scheme))
    if not found:
        return None
    try:
        signer: Signer = found[0].load()(uri)
    except (SignError, OSError):
        raise
    except Exception as error:  # a stranger's code: whatever it raises is its answer
        message = f"the signer for {scheme}: cannot use {uri}: {error}"
        raise UnusableKeyError(message) from error
    return signer
