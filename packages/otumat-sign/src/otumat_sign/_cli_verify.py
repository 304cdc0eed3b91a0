"""The decisions behind ``verify``: what is checked, with which key, and how a no is worded."""

from __future__ import annotations

import os

from otumat_sign import _keyuri
from otumat_sign._digest import hash_pkg
from otumat_sign._keys import PublicKey
from otumat_sign._signature import decode
from otumat_sign.exceptions import InvalidSignature, SignatureNotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def public_key(pub: str | None, base: str | None) -> PublicKey:
    """Return the key at the URI *pub*, or the one that the installed *base* ships."""
    if base is None:
        return PublicKey(_keyuri.read(pub or ""), name=pub or "")
    from otumat_sign._installed import Installed

    trusting = Installed(base)
    return PublicKey(trusting.trusted_key(), name=f"that {trusting.name} trusts")


def refusals(target: str, key: PublicKey, signature: str | None) -> Iterator[tuple[str, str]]:
    """Yield each module of *target* with why it is refused; an empty reason means verified.

    *target* is a folder or file if *signature* is given, else a wheel's path or the name of an
    installed module or distribution.
    """
    if signature is not None:
        name = os.path.basename(os.path.abspath(target))  # noqa: PTH100, PTH119
        yield name, _check(key, hash_pkg(pkgpath=target), signature)
    elif target.endswith(".whl"):
        yield from _wheel(target, key)
    else:
        yield from _installed(target, key)


def _wheel(path: str, key: PublicKey) -> Iterator[tuple[str, str]]:
    from otumat_sign._wheel import Wheel

    wheel = Wheel(path)
    if not wheel.modules:
        wheel.refuse("it installs no module")
    for module in wheel.modules:
        try:
            signature = wheel.signature(module)
        except SignatureNotFoundError as error:  # noqa: PERF203 -- must not hide the next module
            yield module, str(error)
        else:
            yield module, _check(key, wheel.digest(module), signature)


def _installed(name: str, key: PublicKey) -> Iterator[tuple[str, str]]:
    from otumat_sign._installed import Installed

    installed = Installed(name)
    for module in installed.modules:
        try:
            signature = installed.signature(module)
        except SignatureNotFoundError as error:
            yield module, str(error)
            continue
        reason = _check(key, hash_pkg(pkgpath=installed.path(module)), signature)
        if reason and (different := list(installed.differences(module))):
            more = f" and {len(different) - 1} more" if len(different) > 1 else ""
            reason = f"{different[0]}{more}"
        yield module, reason


def _check(key: PublicKey, digest: str, signature: str) -> str:
    try:
        key.verify(decode(signature), digest.encode())
    except InvalidSignature as error:
        return str(error)
    return ""
