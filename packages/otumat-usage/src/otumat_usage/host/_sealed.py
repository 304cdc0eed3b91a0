"""Seal a small statement so that only this host, and only for this browser, believes it again.

Nothing is stored: the statement travels with the browser (a cookie, a link, an OAuth
state) and is bound to the secret session cookie that the browser holds beside it. A
copy of it is worth nothing without that cookie, so it needs no list of used ones.
"""

from __future__ import annotations

import base64
import binascii
import json

from otumat_usage.host._secrets import same, sign_form

__all__ = ["seal", "unseal"]


def seal(key: str, purpose: str, session: str, until: int, **values: str) -> str:
    """Return *values* sealed for *purpose* and *session* until the instant *until* (ms)."""
    data = json.dumps(values | {"until": until}, sort_keys=True).encode()
    text = base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
    return f"{text}.{sign_form(key, 'sealed', purpose, session, text)}"


def unseal(key: str, purpose: str, session: str, sealed: str, now: int) -> dict[str, str] | None:
    """Return what was sealed, None unless everything about it is right and it is not over."""
    text, _, mark = sealed.partition(".")
    if not session or not same(mark, sign_form(key, "sealed", purpose, session, text)):
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):  # pragma: no cover - we sealed it ourselves
        return None
    return None if values.pop("until") <= now else dict(values)
