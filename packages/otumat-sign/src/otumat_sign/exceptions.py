"""Everything this package raises on purpose.

    SignError
    ├── HashError                       the package's content cannot be hashed
    │   ├── PackageNotFoundError        (FileNotFoundError)
    │   ├── EmptyPackageError           (ValueError) nothing to hash
    │   ├── RefusedPathError            (ValueError) a link, FIFO, device, or a name git refuses
    │   ├── UnreadableFileError         (OSError)
    │   └── ChangedFileError            (OSError) a file changed while it was read
    ├── KeyNotFoundError                (FileNotFoundError)
    ├── UnusableKeyError                (ValueError) no PEM, an unsupported kind, too weak
    ├── PassphraseError                 (ValueError) missing or wrong
    ├── SignatureNotFoundError          (FileNotFoundError)
    ├── InvalidSignature                (cryptography.exceptions.InvalidSignature)
    │   ├── SignatureMismatch           well formed, but not made by this key over this data
    │   └── MalformedSignature          (ValueError) none, or not base64
    ├── WheelError                      (ValueError) not a wheel that can be rewritten safely
    ├── ManifestError                   (ValueError) a .manifest that has more than one meaning
    ├── KeyringError                    (ValueError) a .pub that is not understood
    ├── NoRepositoryError               (LookupError) no git, or no repository to compare with
    ├── NotInstalledError               (LookupError) no such module or distribution
    └── GuardError                      (ImportError) not what was signed: it was not executed

The three signature classes are made when they are first asked for: importing this module
does not import ``cryptography``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_sign._invalid import InvalidSignature, MalformedSignature, SignatureMismatch

__all__ = [
    "ChangedFileError",
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
    "RefusedPathError",
    "SignError",
    "SignatureMismatch",
    "SignatureNotFoundError",
    "UnreadableFileError",
    "UnusableKeyError",
    "WheelError",
]


class SignError(Exception):
    """The base of everything this package raises on purpose."""


class HashError(SignError):
    """A package's content cannot be hashed."""


class PackageNotFoundError(HashError, FileNotFoundError):
    """There is no package at this path."""


class EmptyPackageError(HashError, ValueError):
    """A package without files: its hash would be the same for every empty folder."""


class RefusedPathError(HashError, ValueError):
    """A path that git could not hold as it is, or that must not be followed or opened."""


class UnreadableFileError(HashError, OSError):
    """The operating system refused to list or read a part of the package."""


class ChangedFileError(HashError, OSError):
    """A file changed while it was read, so no hash describes it."""


class KeyNotFoundError(SignError, FileNotFoundError):
    """The key that was named does not exist."""


class UnusableKeyError(SignError, ValueError):
    """The key is no PEM, or of a kind or strength that is not accepted."""


class PassphraseError(SignError, ValueError):
    """The passphrase of a private key is missing or wrong."""


class SignatureNotFoundError(SignError, FileNotFoundError):
    """There is no signature to check."""


class WheelError(SignError, ValueError):
    """A file that is no wheel, or a wheel that cannot be read without ambiguity."""


class ManifestError(SignError, ValueError):
    """A manifest that is not exactly as this package writes it."""


class KeyringError(SignError, ValueError):
    """A keyring with a line that is not understood, or without a usable key."""


class NoRepositoryError(SignError, LookupError):
    """There is no git, or no repository around the package."""


class NotInstalledError(SignError, LookupError):
    """No installed module or distribution has this name."""


class GuardError(SignError, ImportError):
    """A guarded module, or a part of it, is not what was signed; none of it was executed."""


if not TYPE_CHECKING:
    _DERIVED = frozenset({"InvalidSignature", "MalformedSignature", "SignatureMismatch"})

    def __getattr__(name: str) -> object:
        """Make the classes that have a parent in ``cryptography`` when they are needed."""
        if name not in _DERIVED:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        from otumat_sign import _invalid

        for derived in _DERIVED:
            globals()[derived] = getattr(_invalid, derived)
        return globals()[name]


def __dir__() -> list[str]:
    return __all__
