"""Check the addresses that an operator gives: our own, other names of ours, proxies."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from otumat_usage.host._errors import UrlInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["checked_address", "checked_names", "checked_proxies", "heard_at"]

_NAME = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")


def checked_address(url: str) -> str:
    """Return *url* as the origin that browsers and clients name; else none would know it again.

    That is in ASCII, and without the port that goes without saying.

    Raises:
        UrlInvalid: it is none.
    """
    wrong = UrlInvalid(f"{url!r} is no address: expected https://usage.example.org")
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise wrong from None
    place = parts.netloc.lower()
    if parts.scheme not in ("http", "https") or not place or port == 0:
        raise wrong
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in place:
        raise UrlInvalid(f"{url!r}: only scheme, name and port; a host needs an origin of its own")
    name = re.sub(":[0-9]+$", "", place)
    spelled = _spelled(name)
    if not _NAME.fullmatch(spelled):
        raise wrong
    usual = port is None or (parts.scheme, port) in (("http", 80), ("https", 443))
    return f"{parts.scheme}://{spelled}" + ("" if usual else f":{port}")


def heard_at(bind: str, port: int) -> tuple[str, str]:
    """Return where a host that is bound to *bind* listens, and where this machine reaches it."""
    names = [bind, {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)]  # noqa: S104 - compared
    listens, reached = (f"http://[{n}]:{port}" if ":" in n else f"http://{n}:{port}" for n in names)
    return listens, reached


def checked_names(names: Iterable[str]) -> frozenset[str]:
    """Return other names to answer to, as they are compared with a `Host` header.

    Raises:
        UrlInvalid: one is no name, such as an address with scheme or port.
    """
    found = frozenset(_spelled(name.lower()).rstrip(".") for name in names)
    for name in found:
        if not _NAME.fullmatch(name):
            raise UrlInvalid(f"--allowed-host {name!r} is no name: expected usage.example.org")
    return found


def _spelled(name: str) -> str:
    """Return *name* as browsers send it: in ASCII, whatever it is written in."""
    if name.isascii():
        return name
    from otumat_usage._http import in_ascii  # slow to load, for those few who need it

    found = in_ascii(name)
    if found is None:
        raise UrlInvalid(
            f"{name!r} is no name that can be looked up: write it as it was registered, "
            "such as xn--mnchen-3ya.example"
        )
    return found


def checked_proxies(proxies: Iterable[str]) -> tuple[str, ...]:
    """Return the proxies that are believed.

    Raises:
        UrlInvalid: one is neither an address nor a network, so that it would match nobody.
    """
    return tuple(_proxy(each) for each in proxies)


def _proxy(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise UrlInvalid(
            f"--trust-proxy {text!r}: expected an address or network, such as 127.0.0.1"
        ) from None
    return text
