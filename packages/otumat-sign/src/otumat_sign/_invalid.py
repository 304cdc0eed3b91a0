"""The part of `otumat_sign.exceptions` whose parents live in ``cryptography``.

A separate file so that the parent is imported only when a signature has been refused.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature as _CryptographyInvalidSignature

from otumat_sign.exceptions import SignError

__all__ = ["InvalidSignature", "MalformedSignature", "SignatureMismatch"]


class InvalidSignature(SignError, _CryptographyInvalidSignature):  # noqa: N818 -- its parent's name
    """The data is not what the owner of the key signed."""

    __module__ = "otumat_sign.exceptions"


class SignatureMismatch(InvalidSignature):
    """A well formed signature that this key did not make over this data."""

    __module__ = "otumat_sign.exceptions"


class MalformedSignature(InvalidSignature, ValueError):  # noqa: N818 -- as its parent
    """No signature at all, or bytes that are not base64 as openssl reads it."""

    __module__ = "otumat_sign.exceptions"
