"""Make and check the signature of a digest, written as ``openssl enc -base64`` writes it."""

from __future__ import annotations

import binascii
import os

from otumat_sign import _keyuri

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from otumat_sign._signers import Signer

__all__ = ["sign", "verify"]

#: ``openssl enc -base64`` writes 64 columns, which are 48 bytes.
_BYTES_PER_LINE = 48
#: RSA-16384 in base64 is under 3 kB; more cannot be a signature.
_MAXIMUM_CHARACTERS = 16 * 1024


def sign(*, privkey_path: str | os.PathLike[str], data: str, passphrase: str | None = None) -> str:
    """Return the signature of *data*, as ``openssl enc -base64`` prints it.

    RSA-PSS with SHA-256 and a 32-byte salt, Ed25519 or ECDSA P-256, as the key says (RFC 8017,
    8032, 6979). It is what ``printf DATA | openssl dgst -sha256 -sign KEY -sigopt
    rsa_padding_mode:pss | openssl enc -base64`` makes.

    Args:
        privkey_path: A path, ``env:NAME``, ``fd:N`` or ``cmd:PROGRAM`` that gives the PEM, or
            the URI of a plugin (entry point group ``otumat_sign.signers``).
        data: What to sign: the digest from `hash_pkg`, without a newline.
        passphrase: Where the passphrase of an encrypted key is: ``env:NAME``, ``fd:N``,
            ``cmd:PROGRAM`` or ``prompt``. By default the variable OTUMAT_SIGN_PASSPHRASE, else
            a question at the terminal.

    Raises:
        KeyNotFoundError: There is no such key (also a FileNotFoundError).
        UnusableKeyError: It is no private key, or a weak one (also a ValueError).
        PassphraseError: The passphrase is missing or wrong (also a ValueError).
    """
    from otumat_sign import _signers

    return sign_with(_signers.load(privkey_path, passphrase), data)


def verify(*, pubkey_path: str | os.PathLike[str], data: str, signature: str | None) -> None:
    """Return if the owner of a key signed *data*; raise otherwise. There is no bool to forget.

    Args:
        pubkey_path: The public key's PEM: a path, ``env:NAME``, ``fd:N`` or ``cmd:PROGRAM``.
            Its first block counts, as for openssl.
        data: What was signed: the digest from `hash_pkg`.
        signature: Base64 in lines of 64 or 76 characters or in one line; blank lines and CRLF
            are accepted, anything else that is not base64 is not.

    Raises:
        SignatureMismatch: The key did not sign this data (also cryptography's InvalidSignature).
        MalformedSignature: There is no signature, or no base64 (also an InvalidSignature).
        KeyNotFoundError: There is no such key (also a FileNotFoundError).
        UnusableKeyError: It is no public key, or a weak one (also a ValueError).
    """
    pem = _keyuri.read(pubkey_path)
    from otumat_sign._keys import PublicKey

    PublicKey(pem, name=os.fspath(pubkey_path)).verify(decode(signature), data.encode())


def sign_with(signer: Signer, data: str) -> str:
    """Return the signature of *data*, verified with the public half before it leaves here.

    That costs far less than validating a private key when it is loaded, and it also catches a
    pair whose halves do not belong together, a fault while computing, and a wrong plugin.

    Raises:
        UnusableKeyError: the fresh signature does not verify.
    """
    from otumat_sign._keys import PublicKey
    from otumat_sign.exceptions import SignatureMismatch, UnusableKeyError

    raw = signer.sign(data.encode())
    try:
        PublicKey(signer.public_pem(), name="that signs").verify(raw, data.encode())
    except SignatureMismatch as error:
        message = "the key made a signature that its own public half refuses: nothing is written"
        raise UnusableKeyError(message) from error
    return encode(raw)


def encode(raw: bytes) -> str:
    """Return *raw* as ``openssl enc -base64`` writes it: 64 columns, LF, a final newline."""
    lines = [
        binascii.b2a_base64(raw[at : at + _BYTES_PER_LINE])
        for at in range(0, len(raw), _BYTES_PER_LINE)
    ]
    return b"".join(lines).decode()


def decode(signature: str | None) -> bytes:
    """Return the bytes of a base64 *signature*.

    Raises:
        MalformedSignature: it is None, empty, or anything but strict base64 (RFC 4648).
    """
    if not isinstance(signature, str) or not signature.strip():
        _raise_malformed("there is no signature")
    if len(signature) > _MAXIMUM_CHARACTERS:
        _raise_malformed("the signature is too long to be one")
    lines = [line for line in signature.replace("\r\n", "\n").split("\n") if line]
    text = "".join(lines)
    try:
        raw = binascii.a2b_base64(text)
    except (binascii.Error, ValueError):
        _raise_malformed("the signature is not base64")
    # a2b_base64 skips what it does not know; only one spelling of the bytes is accepted.
    if binascii.b2a_base64(raw, newline=False).decode() != text:
        _raise_malformed("the signature is not base64")
    return raw


def _raise_malformed(message: str) -> NoReturn:
    from otumat_sign.exceptions import MalformedSignature

    raise MalformedSignature(f"{message}: sign again")
