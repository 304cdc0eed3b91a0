"""Remember which maintainer gets which mails about a package."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from otumat_usage.host import _providers
from otumat_usage.host._errors import PackageInvalid
from otumat_usage.host._mail import domain_of
from otumat_usage.host._settings import recall, remember

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otumat_usage.host._database import Connection

__all__ = ["KINDS", "Subscription", "replace", "subscribe", "subscriptions", "unsubscribe"]

#: A report of each week, of each month, and alerts.
KINDS = ("week", "month", "alerts")
_MOST = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Subscription:
    """One address gets one kind of mail, since an instant in milliseconds."""

    address: str
    kind: str
    since: int


def subscriptions(connection: Connection, package: int) -> list[Subscription]:
    """Return who gets what about the package of that number."""
    kept = json.loads(recall(connection, f"mails:{package}") or "[]")
    return [Subscription(*each) for each in kept]


def subscribe(connection: Connection, package: int, address: str, kind: str, now: int) -> None:
    """Send *kind* to *address* from now on; whoever gets it already is left as they are.

    Raises:
        PackageInvalid: this is no mail address, there are too many, or no mail server.
    """
    known = subscriptions(connection, package)
    if any(_same(each, address, kind) for each in known):
        return
    if domain_of(address) is None:
        raise PackageInvalid(f"{address[:60]!r} is no mail address such as me@example.org")
    if len(known) >= _MOST:
        raise PackageInvalid(f"a package mails to at most {_MOST} addresses")
    if _providers.mail_server(connection) is None:
        raise PackageInvalid("no mail server yet; name one: otumat-usage host sign-in email")
    _keep(connection, package, [*known, Subscription(address, kind, now)])


def unsubscribe(connection: Connection, package: int, address: str, kinds: Iterable[str]) -> bool:
    """Send none of *kinds* to *address* any more; return whether anything was sent there."""
    known = subscriptions(connection, package)
    left = [each for each in known if not any(_same(each, address, kind) for kind in kinds)]
    _keep(connection, package, left)
    return left != known


def replace(
    connection: Connection, package: int, kind: str, addresses: Iterable[str], now: int
) -> None:
    """Send *kind* to *addresses* and to nobody else.

    Raises:
        PackageInvalid: as `subscribe`.
    """
    wanted = list(addresses)
    for each in subscriptions(connection, package):
        if each.kind == kind and not any(_same(each, address, kind) for address in wanted):
            unsubscribe(connection, package, each.address, [kind])
    for address in wanted:
        subscribe(connection, package, address, kind, now)


def _same(each: Subscription, address: str, kind: str) -> bool:
    return each.kind == kind and each.address.lower() == address.lower()


def _keep(connection: Connection, package: int, found: list[Subscription]) -> None:
    rows = [[each.address, each.kind, each.since] for each in found]
    remember(connection, f"mails:{package}", json.dumps(rows))
