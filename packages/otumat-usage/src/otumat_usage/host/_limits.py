"""Count what each asker takes, in bounded memory, without keeping an address or an id."""

from __future__ import annotations

import ipaddress
import secrets
from collections import OrderedDict

__all__ = ["DAILY", "Limit", "network_of"]

#: Askers that are remembered; of those who upload more, as a large host has more at a time.
_REMEMBERED, _UPLOADING = 10_000, 50_000
#: MiB that one install may upload in a day, unpacked, where the maintainer says nothing else: our
#: own client keeps no more than two, packed, for a host that was away.
DAILY = 64
#: What one household is given of IPv6, in which it may take another address for each request.
_PREFIX = 56


def network_of(address: str) -> str:
    """Return what counts as one asker: an address of IPv4, a network of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a name that a proxy tells, or nothing
        return address
    if found.version == 4:  # noqa: PLR2004 - IPv4
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 128 - _PREFIX << 128 - _PREFIX, _PREFIX)))


class Limit:
    """Allow *attempts* per *window* milliseconds and address, or whatever else names an asker.

    Only a keyed hash of the address is held, under a key that dies with the process.
    """

    def __init__(self, attempts: int, window: int, *, remembered: int = _REMEMBERED) -> None:
        self._attempts = attempts
        self._window = window
        self._remembered = remembered
        self._seed = secrets.token_bytes(16)
        self._counts: OrderedDict[int, tuple[int, int]] = OrderedDict()

    @classmethod
    def of_uploads(cls, daily: int = DAILY) -> Limit:
        """Allow *daily* MiB of each install; 0 stands for no limit."""
        return cls((daily << 20) or 2**63, 86_400_000, remembered=_UPLOADING)

    def spent(self, address: str, now: int) -> bool:
        """Say whether *address* has no attempt left in this window."""
        start, count = self._counts.get(self._key(address), (now, 0))
        return now - start < self._window and count >= self._attempts

    def wait(self, address: str, now: int) -> int:
        """Return in how many seconds *address* has attempts again."""
        start, _ = self._counts.get(self._key(address), (now - self._window, 0))
        return max(0, -(-(start + self._window - now) // 1000))

    def count(self, address: str, now: int, by: int = 1) -> None:
        """Note one attempt, or *by* of them; of 0 only that somebody asked."""
        key = self._key(address)
        start, count = self._counts.pop(key, (now, 0))
        if now - start >= self._window:
            start, count = now, 0
        self._counts[key] = (start, count + by)
        if len(self._counts) > self._remembered:
            self._counts.popitem(last=False)

    def take(self, address: str, now: int) -> bool:
        """Use one attempt; false when *address* has none left."""
        if self.spent(address, now):
            return False
        self.count(address, now)
        return True

    def give_back(self, address: str, now: int) -> None:
        """Undo one `take` of this window, of what turns out to be none of those that count."""
        start, count = self._counts.get(self._key(address), (now, 0))
        if count and now - start < self._window:
            self._counts[self._key(address)] = (start, count - 1)

    def _key(self, address: str) -> int:
        return hash((self._seed, address))
