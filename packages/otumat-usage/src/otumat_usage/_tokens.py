"""The tokens of one package, per origin: in a file only its owner can read, renewed under a lock.

Tokens never go into an argument, an environment variable or a log.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from otumat_usage import _home, _lock
from otumat_usage.exceptions import StoreError, TokenError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A token that expires within this many seconds is renewed first.
_MARGIN = 60


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave us (RFC 6749 section 5.1); *expires_at* is in epoch seconds."""

    access_token: str
    refresh_token: str
    expires_at: float
    scope: str
    install_id: str

    def is_fresh(self) -> bool:
        """Say whether the access token is good for some time yet."""
        return self.expires_at - time.time() > _MARGIN


def parse(reply: object, *, was: Tokens | None = None) -> Tokens:
    """Return the tokens in a parsed answer; *was* supplies what a renewal may leave out.

    Raises:
        TokenError: the answer is none (RFC 6749 section 5.1).
    """
    found = reply if isinstance(reply, dict) else {}

    def text(key: str, default: str | None) -> str:
        value = found.get(key, default)
        if isinstance(value, str) and value.isascii() and value.isprintable() and len(value) < 4096:  # noqa: PLR2004
            return value
        raise TokenError(f"the host's token answer has no usable {key}")

    if str(found.get("token_type", "Bearer")).lower() != "bearer":
        raise TokenError("the host's tokens are not bearer tokens (RFC 6750)")
    lifetime = found.get("expires_in", 3600)
    if not isinstance(lifetime, int | float) or isinstance(lifetime, bool):
        raise TokenError("the host's token answer has no usable expires_in")
    return Tokens(
        access_token=text("access_token", None),
        refresh_token=text("refresh_token", was.refresh_token if was else None),
        expires_at=time.time() + lifetime,
        scope=text("scope", was.scope if was else ""),
        install_id=text("install_id", was.install_id if was else None),
    )


def _path(home: str, package: str) -> str:
    return f"{_home.package_folder(home, package)}/tokens.json"


@contextlib.contextmanager
def lock(home: str, package: str, *, wait: float = 10.0) -> Iterator[None]:
    """Hold the lock under which tokens are renewed, waiting up to *wait* seconds.

    Raises:
        StoreError: another process holds it for longer, or it cannot be made.
    """
    with contextlib.ExitStack() as stack:
        try:
            path = f"{_home.package_folder(home, package)}/tokens.lock"
            ours = stack.enter_context(_lock.held(path, wait=wait))
        except OSError as error:
            raise StoreError(f"the tokens of {package} cannot be locked: {error}") from error
        if not ours:
            raise StoreError(f"another process has been renewing the tokens of {package}")
        yield


def load(home: str, package: str, origin: str) -> Tokens | None:
    """Return the tokens for *origin*, or None when there are none that can be read."""
    found = everything(home, package).get(origin)
    try:
        return Tokens(**found) if isinstance(found, dict) else None
    except TypeError:
        return None


def everything(home: str, package: str) -> dict[str, object]:
    """Return the tokens of all origins as they are kept; {} when there are none."""
    try:
        found = json.loads(_home.read(_path(home, package)))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def save(home: str, package: str, origin: str, tokens: Tokens | None) -> None:
    """Keep *tokens* for *origin*, or forget them (None). Hold `lock`, unless nobody else can.

    Raises:
        StoreError: the file cannot be written; the old tokens are then still there.
    """
    kept = everything(home, package)
    if tokens is None:
        kept.pop(origin, None)
    else:
        kept[origin] = asdict(tokens)
    try:
        _home.make(_home.package_folder(home, package))
        _home.write(_path(home, package), json.dumps(kept).encode())
    except OSError as error:
        raise StoreError(f"the tokens of {package} cannot be kept: {error}") from error
