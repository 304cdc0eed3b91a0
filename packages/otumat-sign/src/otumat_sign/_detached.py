"""Sign wheels with a key that never meets them: write out what to sign, take signatures in.

For each module of a wheel two files are written, ``{wheel}.{module}.digest`` and
``{wheel}.{module}.manifest``. Whoever has the key signs both and puts ``.sig`` files (base64, as
``openssl enc -base64`` writes it) beside them.
"""

from __future__ import annotations

import os

from otumat_sign import _files, _manifest
from otumat_sign._keyring import identify
from otumat_sign._metadata import MANIFEST, SIGNATURE
from otumat_sign._signature import decode, encode
from otumat_sign._wheel_sign import (
    compat_digest,
    draft,
    keyrings,
    open_wheel,
    present_manifest,
    put,
)
from otumat_sign.exceptions import SignatureNotFoundError, SignError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_sign._keys import PublicKey

_DIGEST = ".digest"
_MAXIMUM_BYTES = 1 << 28


def write_out(wheel: str, folder: str, public: bytes | None) -> list[str]:
    """Write what must be signed for *wheel* into *folder*, made if missing; return the files.

    Raises:
        WheelError: the wheel cannot be read without ambiguity.
        OSError: the folder cannot be written to.
    """
    opened = open_wheel(wheel)
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103 -- strings in, strings out
    written = []
    for module in opened.modules:
        new = draft(opened, module, public)
        manifest = present_manifest(opened, module, new) or new
        for ending, text in ((_DIGEST, compat_digest(opened, module)), (MANIFEST, manifest.text())):
            path = _path(wheel, folder, module, ending)
            _files.replace(path, [text.encode()])
            written.append(path)
    return written


def take_in(wheel: str, folder: str, key: PublicKey, public: bytes | None) -> list[str]:
    """Put the signatures that *key* made in *folder* into *wheel*; return what was written.

    Raises:
        SignatureNotFoundError: a file is missing.
        InvalidSignature: a signature is not by *key* over this.
        SignError: the wheel is not the one that the files were written for.
    """
    opened = open_wheel(wheel)
    identity = identify(key.pem())
    wanted = keyrings(opened, public)
    for module in opened.modules:
        paths = {ending: _path(wheel, folder, module, ending) for ending in (_DIGEST, MANIFEST)}
        compat = compat_digest(opened, module)
        new = draft(opened, module, public)
        signed = _manifest.parse(_read(paths[MANIFEST]), paths[MANIFEST])
        if _read(paths[_DIGEST]).decode(errors="replace") != compat or not signed.says_the_same_as(
            new
        ):
            raise SignError(
                f"{wheel} is not what {paths[MANIFEST]} was written for: write it again"
            )
        signatures = {}
        for ending, text in ((_DIGEST, compat), (MANIFEST, signed.text())):
            raw = decode(_read(paths[ending] + SIGNATURE).decode("ascii", errors="replace"))
            key.verify(raw, text.encode())
            signatures[ending] = encode(raw)
        present = present_manifest(opened, module, signed)
        same = present is not None and present.text() == signed.text()
        base = present if present is not None and same else signed
        wanted[module + SIGNATURE] = signatures[_DIGEST].encode()
        wanted[module + MANIFEST] = base.with_block(identity, signatures[MANIFEST]).encode()
    return put(opened, wanted)


def _path(wheel: str, folder: str, module: str, ending: str) -> str:
    stem = os.path.basename(wheel).removesuffix(".whl")  # noqa: PTH119
    return os.path.join(folder, f"{stem}.{module}{ending}")  # noqa: PTH118


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 -- strings in, strings out
            return file.read(_MAXIMUM_BYTES)
    except FileNotFoundError as error:
        raise SignatureNotFoundError(f"no {path}: sign what --digest-out wrote") from error
