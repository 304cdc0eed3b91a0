"""Sign a Python package's content and verify it, bit-compatible with git and openssl."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_sign._check import check
    from otumat_sign._digest import hash_pkg
    from otumat_sign._guard import guard
    from otumat_sign._signature import sign, verify
    from otumat_sign._verdict import Difference, Policy, Verdict
    from otumat_sign.exceptions import (
        ChangedFileError,
        EmptyPackageError,
        GuardError,
        HashError,
        InvalidSignature,
        KeyNotFoundError,
        KeyringError,
        MalformedSignature,
        ManifestError,
        NoRepositoryError,
        NotInstalledError,
        PackageNotFoundError,
        PassphraseError,
        RefusedPathError,
        SignatureMismatch,
        SignatureNotFoundError,
        SignError,
        UnreadableFileError,
        UnusableKeyError,
        WheelError,
    )

__all__ = [
    "ChangedFileError",
    "Difference",
    "EmptyPackageError",
    "GuardError",
    "HashError",
    "InvalidSignature",
    "KeyNotFoundError",
    "KeyringError",
    "MalformedSignature",
    "ManifestError",
    "NoRepositoryError",
    "NotInstalledError",
    "PackageNotFoundError",
    "PassphraseError",
    "Policy",
    "RefusedPathError",
    "SignError",
    "SignatureMismatch",
    "SignatureNotFoundError",
    "UnreadableFileError",
    "UnusableKeyError",
    "Verdict",
    "WheelError",
    "check",
    "guard",
    "hash_pkg",
    "sign",
    "verify",
]

if not TYPE_CHECKING:
    _PLACES = {
        "Difference": "_verdict",
        "Policy": "_verdict",
        "Verdict": "_verdict",
        "check": "_check",
        "guard": "_guard",
        "hash_pkg": "_digest",
        "sign": "_signature",
        "verify": "_signature",
    }

    def __getattr__(name: str) -> object:
        """Load a public name at its first use, so that importing the package costs nothing."""
        if name not in __all__:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        from importlib import import_module

        module = import_module(f"{__name__}.{_PLACES.get(name, 'exceptions')}")
        value = globals()[name] = getattr(module, name)
        return value


def __dir__() -> list[str]:
    return __all__
