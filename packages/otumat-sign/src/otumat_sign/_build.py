"""What every build backend's adapter does: open the keys first, then sign the finished wheel.

The content that a wheel installs is signed, never the source tree: backends drop x bits, copy
links and generate files.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from otumat_sign.exceptions import SignError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from otumat_sign._signers import Signer

#: Set to "skip" to build without a signature although a key is configured.
SKIP_VARIABLE = "OTUMAT_SIGN"
#: Take the place of the configured keys, for machines that keep them elsewhere.
KEY_VARIABLE = "OTUMAT_SIGN_KEY"
PUB_VARIABLE = "OTUMAT_SIGN_PUB"
#: What a project may say about itself.
SETTINGS = ("key", "pub")
#: "env:", "cmd:" or a plugin's scheme; not the drive of a Windows path.
_URI = re.compile(r"[a-z][a-z0-9+.-]+:|~")


@dataclass(frozen=True, slots=True)
class Job:
    """The keys for one build, opened before anything was compiled."""

    signer: Signer | None
    public: bytes | None
    skipped: bool

    def sign(self, wheel: str) -> list[str]:
        """Sign the finished *wheel* and return what to tell the user, a line each.

        A wheel that cannot be signed is deleted: an unsigned one must not look finished.

        Raises:
            SignError: the wheel cannot be signed.
            OSError: it cannot be replaced.
        """
        from otumat_sign._wheel_sign import sign_wheel

        try:
            written = sign_wheel(wheel, key=self.signer, public=self.public)
        except (SignError, OSError):
            os.unlink(wheel)  # noqa: PTH108 -- strings in, strings out
            raise
        notes = [f"otumat-sign: {SKIP_VARIABLE}=skip: not signed"] if self.skipped else []
        return notes + [f"otumat-sign: wrote {name}" for name in written]


def settings(
    table: Mapping[str, object], where: str, also: Collection[str] = ()
) -> list[str | None]:
    """Return ``key`` and ``pub`` from a project's *table*, which may hold *also* other settings.

    Raises:
        ValueError: a setting is unknown (a typing error must not leave a wheel unsigned), or is
            no string.
    """
    for name, value in table.items():
        if name not in (*SETTINGS, *also):
            raise ValueError(f"{where}: unknown setting {name}: it has {' and '.join(SETTINGS)}")
        if name in SETTINGS and not (isinstance(value, str) and value):
            raise ValueError(f"{where}: {name} must be a path or key URI, not {value!r}")
    values = [table.get(name) for name in SETTINGS]
    return [value if isinstance(value, str) else None for value in values]


def prepare(*, key: str | None, pub: str | None, project: str) -> Job:
    """Open the keys; relative paths start at the folder *project*.

    Raises:
        SignError: a configured key cannot be used.
    """
    skip = key is not None and os.environ.get(SKIP_VARIABLE) == "skip"
    signer = None if key is None or skip else _private(_chosen(project, key, KEY_VARIABLE))
    public = None if pub is None else _public(_chosen(project, pub, PUB_VARIABLE))
    return Job(signer, public, skip)


def _private(uri: str) -> Signer:
    from otumat_sign import _signers

    try:
        return _signers.load(uri)
    except SignError as error:
        message = (
            f"{error}. Make a pair with `otumat-sign keygen`, name the private key in "
            f"{KEY_VARIABLE}, or set {SKIP_VARIABLE}=skip to build without a signature"
        )
        raise SignError(message) from error


def _public(uri: str) -> bytes:
    from otumat_sign import _keyring, _keyuri
    from otumat_sign._keys import PublicKey

    try:
        data = _keyuri.read(uri)
        PublicKey(data, name=uri)
        _keyring.parse(data, uri)
    except SignError as error:
        message = f"{error}. Put the public keys there, or name them in {PUB_VARIABLE}"
        raise SignError(message) from error
    return data


def _chosen(project: str, configured: str, variable: str) -> str:
    """Return the key URI to use, made absolute below *project* if it is a relative path."""
    uri = os.environ.get(variable) or configured
    return uri if _URI.match(uri) else os.path.join(project, uri)  # noqa: PTH118
