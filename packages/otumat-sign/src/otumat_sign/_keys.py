"""Sign and verify bytes with one key: the only module that computes with ``cryptography``.

RSA signs with PSS over SHA-256, the salt 32 bytes long, and verifies any salt (OpenSSL before
3.1 writes the longest one); RFC 8017. Ed25519 is RFC 8032. ECDSA P-256 uses SHA-256 and a
nonce by RFC 6979. These are what ``openssl dgst -sha256 -sigopt rsa_padding_mode:pss``,
``openssl pkeyutl -rawin`` and ``openssl dgst -sha256`` read and write.
"""

from __future__ import annotations

from cryptography import exceptions as upstream
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from otumat_sign.exceptions import PassphraseError, UnusableKeyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Private: TypeAlias = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
    Public: TypeAlias = rsa.RSAPublicKey | ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

#: NIST SP 800-131A: less is not acceptable for signing.
MINIMUM_RSA_BITS = 2048
SALT_BYTES = 32


class PublicKey:
    """A key that verifies; *name* is what messages call it."""

    def __init__(self, pem: bytes, *, name: str) -> None:
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, upstream.UnsupportedAlgorithm) as error:
            raise UnusableKeyError(_why_not_public(pem, name)) from error
        self._key: Public = _accepted(key, name)
        self.name = name

    def pem(self) -> bytes:
        """Return the key as PEM, SubjectPublicKeyInfo (RFC 5280)."""
        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def verify(self, signature: bytes, data: bytes) -> None:
        """Return if *signature* was made over *data* by this key.

        Raises:
            SignatureMismatch: it was not.
        """
        key = self._key
        try:
            if isinstance(key, rsa.RSAPublicKey):
                pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
                key.verify(signature, data, pss, hashes.SHA256())
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
            else:
                key.verify(signature, data)
        except upstream.InvalidSignature as error:
            from otumat_sign.exceptions import SignatureMismatch

            message = f"the signature was not made over this content by the key {self.name}"
            raise SignatureMismatch(message) from error


class PrivateKey:
    """A key that signs; *passphrase* is asked for only if the PEM is encrypted."""

    def __init__(self, pem: bytes, *, name: str, passphrase: Callable[[], bytes]) -> None:
        try:
            key = _load_private(pem, None)
        except TypeError:  # how cryptography says that it is encrypted
            key = _decrypt(pem, passphrase(), name)
        except (ValueError, upstream.UnsupportedAlgorithm) as error:
            raise UnusableKeyError(_why_not_private(pem, name)) from error
        self._key: Private = _accepted(key, name)
        self.name = name

    def sign(self, data: bytes) -> bytes:
        """Return the signature of *data*; the caller must verify it, see `_signature.sign_with`.

        Raises:
            UnusableKeyError: the key is damaged in a way that stops the computation.
        """
        try:
            return self._sign(data)
        except (ValueError, upstream.InternalError) as error:
            message = f"the private key {self.name} is damaged: it cannot sign"
            raise UnusableKeyError(message) from error

    def _sign(self, data: bytes) -> bytes:
        key = self._key
        if isinstance(key, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), SALT_BYTES)
            return key.sign(data, pss, hashes.SHA256())
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(data, _ecdsa())
        return key.sign(data)

    def public_pem(self) -> bytes:
        """Return the public half as PEM, SubjectPublicKeyInfo (RFC 5280)."""
        return self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def _ecdsa() -> ec.ECDSA:
    try:
        return ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    except upstream.UnsupportedAlgorithm:  # cryptography built against OpenSSL before 3.2
        return ec.ECDSA(hashes.SHA256())


def _load_private(pem: bytes, passphrase: bytes | None) -> object:
    # The primality checks cost 29 to 210 ms and are made up for by verifying what was signed.
    return serialization.load_pem_private_key(pem, passphrase, unsafe_skip_rsa_key_validation=True)


def _decrypt(pem: bytes, passphrase: bytes, name: str) -> object:
    try:
        return _load_private(pem, passphrase)
    except (ValueError, TypeError) as error:
        message = f"the passphrase does not open the private key {name}"
        raise PassphraseError(message) from error
    except upstream.UnsupportedAlgorithm as error:
        message = f"the private key {name} is encrypted in a way that is not supported"
        raise UnusableKeyError(message) from error


def _accepted(key: Any, name: str) -> Any:
    """Return *key* if it is of a kind and strength that is accepted, whichever half it is."""
    if isinstance(key, (rsa.RSAPublicKey, rsa.RSAPrivateKey)):
        _refuse_weak(key.key_size, name)
        return key
    if isinstance(key, (ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey)):
        return key
    curves = (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey)
    if isinstance(key, curves) and isinstance(key.curve, ec.SECP256R1):
        return key
    message = f"{name} is of a kind that is not accepted: use RSA, Ed25519 or ECDSA P-256"
    raise UnusableKeyError(message)


def _refuse_weak(bits: int, name: str) -> None:
    if bits < MINIMUM_RSA_BITS:
        message = f"{name} is an RSA key of {bits} bits: at least {MINIMUM_RSA_BITS} are needed"
        raise UnusableKeyError(message)


def _why_not_public(pem: bytes, name: str) -> str:
    if b"PRIVATE KEY-----" in pem:
        return f"{name} is a private key: give the public half (openssl pkey -in KEY -pubout)"
    if b"-----BEGIN CERTIFICATE-----" in pem:
        return f"{name} is a certificate: give its key (openssl x509 -in CERT -pubkey -noout)"
    return f"{name} is not a public key in PEM (-----BEGIN PUBLIC KEY-----)"


def _why_not_private(pem: bytes, name: str) -> str:
    if b"PUBLIC KEY-----" in pem:
        return f"{name} is a public key: signing needs the private half"
    return f"{name} is not a private key in PEM (-----BEGIN PRIVATE KEY-----)"


def generate(kind: str, passphrase: bytes | None) -> tuple[bytes, bytes]:
    """Return a new private key (PKCS#8, encrypted if *passphrase* is given) and its public half.

    *kind* is ``"rsa"`` (3072 bits, as strong as AES-128), ``"ed25519"`` or ``"ecdsa"`` (P-256).
    """
    key: Private
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    elif kind == "ecdsa":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(65537, 3072)
    encryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase is not None
        else serialization.NoEncryption()
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public
