"""Judge what a 0.3 client asks on route 1: keep what the page needs, forget the rest at once.

The old client puts into the address, without asking, its user's hardware address, the
place that a third party made of the IP address, the time zone, and three addresses in
the local network. Only the names in `_KEPT` ever get a value here. Of the three
addresses one is needed, to bring the answer back; it may lead to a private network, to
one port and one path, which the browser opens and this host never does.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from urllib.parse import parse_qsl, urlencode

from otumat_usage.host._authorize import BadRequest

__all__ = ["LegacyRequest", "read", "speaks_legacy"]

_KEPT = ("packageName", "packageVersion", "platformVersion", "operatingSystem", "redirect")
_REDIRECT = re.compile(r"(http://([0-9.]{7,15}):([1-9][0-9]{0,4}))/install-completed")
_NETWORKS = tuple(
    ipaddress.IPv4Network(text)
    for text in ("127.0.0.1/32", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
_PORTS = 65_535
_FIELDS = 40
_SHOWN = {"packageVersion": "version", "platformVersion": "Python", "operatingSystem": "system"}


@dataclasses.dataclass(frozen=True, slots=True)
class LegacyRequest:
    """A request that may be answered by redirect.

    Attributes:
        context: What the page shows about the computer; it is stored nowhere.
        query: The request again, with nothing in it but what was kept.
    """

    package: str
    redirect: str
    context: tuple[tuple[str, str], ...]
    query: str

    @property
    def origin(self) -> str:
        """The address and port at which the client waits."""
        return self.redirect.rpartition("/")[0]

    def answer(self, **values: str) -> str:
        """Return the redirect that carries *values*."""
        return f"{self.redirect}?{urlencode(values)}"

    @property
    def cancelled(self) -> str:
        """Where a no goes; not the address that came for it, but the one beside the redirect."""
        return f"{self.origin}/install-cancelled"


def speaks_legacy(query: str) -> bool:
    """Say whether *query* is that of a 0.3 client."""
    found = _kept(query)
    return found is not None and "packageName" in found and "client_id=" not in query


def read(query: str) -> LegacyRequest | BadRequest:
    """Check everything about a request but whether its package takes such clients."""
    found = _kept(query)
    if found is None:
        return BadRequest("a parameter was given twice, or the query cannot be read")
    if not found.get("packageName"):
        return BadRequest("the name of the package is missing")
    match = _REDIRECT.fullmatch(found.get("redirect", ""))
    if match is None or not _is_near(match[2]) or int(match[3]) > _PORTS:
        return BadRequest(
            "redirect must be http, a loopback or private IPv4 address, a port, and the path "
            "/install-completed"
        )
    context = tuple((word, found[name]) for name, word in _SHOWN.items() if found.get(name))
    query = urlencode({name: found[name] for name in _KEPT if name in found})
    return LegacyRequest(found["packageName"], found["redirect"], context, query)


def _kept(query: str) -> dict[str, str] | None:
    """Return the parameters in *query* that are kept, None when it cannot be read."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except ValueError:
        return None
    found = {name: value for name, value in pairs if name in _KEPT}
    if len(found) != sum(name in _KEPT for name, _ in pairs):
        return None
    for name in _SHOWN:
        text = found.get(name, "")[:64]
        if name in found:
            found[name] = text if text.isprintable() else ""
    return found


def _is_near(text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return any(address in network for network in _NETWORKS)
