"""What every build backend's adapter does with a finished wheel: read the settings and sign it.

The content that a wheel installs is signed, never the source tree: backends drop x bits, copy
links and generate files.
"""

from __future__ import annotations

import os

from otumat_sign.exceptions import SignError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_sign._signers import Signer

#: Set to "skip" to build without a signature although a key is configured.
SKIP_VARIABLE = "OTUMAT_SIGN"
#: Take the place of the configured keys, for machines that keep them elsewhere.
KEY_VARIABLE = "OTUMAT_SIGN_KEY"
PUB_VARIABLE = "OTUMAT_SIGN_PUB"


def sign_built_wheel(wheel: str, *, key: str | None, pub: str | None, project: str) -> list[str]:
    """Sign the finished *wheel*; relative paths of *key* and *pub* start at *project*.

    Returns:
        What to tell the user, a line each.

    Raises:
        SignError: a configured key cannot be used, or the wheel not be signed.
    """
    skip = key is not None and os.environ.get(SKIP_VARIABLE) == "skip"
    signer = None if key is None or skip else _private(_chosen(project, key, KEY_VARIABLE))
    public = None if pub is None else _public(_chosen(project, pub, PUB_VARIABLE))
    from otumat_sign._wheel_sign import sign_wheel

    notes = [f"otumat-sign: {SKIP_VARIABLE}=skip: this wheel is not signed"] if skip else []
    if signer or public:
        written = sign_wheel(wheel, key=signer, public=public)
        notes += [f"otumat-sign: wrote {name}" for name in written]
    return notes


def _private(uri: str) -> Signer:
    from otumat_sign import _signers

    try:
        return _signers.load(uri)
    except SignError as error:
        message = (
            f"{error}. Make a pair with `otumat-sign keygen`, name the private key in "
            f"{KEY_VARIABLE}, or set {SKIP_VARIABLE}=skip to build without a signature"
        )
        raise type(error)(message) from error


def _public(uri: str) -> bytes:
    from otumat_sign._keys import PublicKey
    from otumat_sign._keyuri import read

    try:
        pem = read(uri)
        PublicKey(pem, name=uri)
    except SignError as error:
        message = f"{error}. Put the public key there, or name it in {PUB_VARIABLE}"
        raise type(error)(message) from error
    return pem


def _chosen(project: str, configured: str, variable: str) -> str:
    """Return the key URI to use, made absolute below *project* if it is a relative path."""
    uri = os.environ.get(variable) or configured
    if uri.startswith(("env:", "fd:", "cmd:", "~")):
        return uri
    return os.path.join(project, uri)  # noqa: PTH118 -- strings in, strings out
