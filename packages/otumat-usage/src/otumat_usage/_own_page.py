"""Show a user, on a page of the host, what it holds about them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from otumat_usage import _browser, _erasure, _export
from otumat_usage.exceptions import ConfigurationError, HostError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUTE = f"{_erasure.ROUTE}/link"
_CREATED, _ERASED = 201, 410
_MISSING = (404, 405)
#: No address of a page is longer.
_LONGEST = 2000


def shown(home: str, package: str, *, end: float) -> Iterator[tuple[str, str, int]]:
    """Yield what `links` does, and open each page in the user's browser where there is one."""
    for origin, url, seconds in links(home, package, end=end):
        # Told first: a browser may take its time, or never come.
        yield origin, url, seconds
        if _browser.is_here(os.environ):
            with _browser.showing(url):
                pass


def links(home: str, package: str, *, end: float) -> Iterator[tuple[str, str, int]]:
    """Yield each host of *package*, the address of its page, and for how many seconds it opens.

    Hosts are asked one after the other, until *end* (monotonic seconds), as they are taken.

    Raises:
        ConfigurationError: there is no installation of *package* at any host.
        HostError: a host gives no link.
        RefusedError: nothing may be asked.
    """
    found = _export.installations(home, package)
    if not found:
        raise ConfigurationError(f"nothing here tells of an installation of {package} at a host")
    for origin, tokens in found.items():
        reply = _export.ask(
            home,
            package,
            origin,
            tokens,
            end,
            lambda client, headers: client.post(ROUTE, b"", headers),
        )
        if reply.status == _ERASED:
            raise HostError(f"{origin} holds nothing any more: it was erased there")
        if reply.status in _MISSING:
            raise HostError(f"{origin} has no such page; `otumat-usage export {package}` asks it")
        if reply.status != _CREATED:
            raise HostError(f"{origin} answered {reply.status}")
        said = reply.parsed()
        yield origin, _checked(origin, said.get("url")), _seconds(said.get("expires_in"))


def _checked(origin: str, url: object) -> str:
    """Return *url* if it is a page of *origin*: a browser must not be sent anywhere else."""
    plain = isinstance(url, str) and len(url) <= _LONGEST and url.isascii() and url.isprintable()
    if not isinstance(url, str) or not plain or not url.startswith(f"{origin}/") or " " in url:
        raise HostError(f"{origin} gave no address of its own")
    return url


def _seconds(value: object) -> int:
    return value if type(value) is int and 0 < value < 1 << 31 else 0
