"""Remember what is wrong with a package, so that each alarm is told once, and once its end."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from otumat_usage.host import _outgoing, _signs
from otumat_usage.host._days import day_of
from otumat_usage.host._outgoing import Outgoing
from otumat_usage.host._settings import recall, remember
from otumat_usage.host._subscriptions import subscriptions

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection
    from otumat_usage.host._packages import Package
    from otumat_usage.host._signs import Sign

__all__ = ["ALERT", "OVER", "Look", "look", "note", "seen"]

#: What an occasion begins with: something is wrong, and it is over.
ALERT, OVER = "alert", "over"
#: Milliseconds between two looks at one package.
_EVERY = 600_000


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """How a package looked at one moment.

    Attributes:
        at: That moment, in milliseconds.
        losses: The lost events as of then.
        wrong: Since when each kind of sign is wrong, as of the look before.
        signs: What was judged.
    """

    at: int
    losses: _signs.Losses
    wrong: dict[str, int]
    signs: tuple[Sign, ...] = ()


def seen(connection: Connection, package: Package, now: int) -> Look:
    """Return how *package* looks now; nothing is written."""
    numbers = _signs.read(connection, package, now)
    today, before = day_of(now), _recalled(connection, package)
    losses = before.losses if before else _signs.Losses(today, numbers.lost)
    losses = losses.at(today, numbers.lost)
    signs = _signs.judge(numbers, losses)
    return Look(now, losses, before.wrong if before else {}, tuple(signs))


def look(connection: Connection, package: Package, now: int) -> Look | None:
    """Return how *package* looks; None within ten minutes of the last look, or for nobody.

    Where nobody gets alerts any more, nothing is judged and nothing is wrong: whoever asks
    later begins anew.
    """
    before = _recalled(connection, package)
    if before is not None and 0 <= now - before.at < _EVERY:
        return None
    if _asking(connection, package):
        return seen(connection, package, now)
    return Look(now, before.losses, {}) if before is not None and before.wrong else None


def note(connection: Connection, package: Package, found: Look) -> None:
    """Keep *found*, and put in a mail for each alarm that begins or ends with it."""
    before = _recalled(connection, package)
    if before is not None and before.at >= found.at:
        return  # another process looked in the meantime
    wrong = dict(before.wrong) if before and found.signs else {}
    for sign in found.signs:
        since = wrong.get(sign.kind)
        if sign.wrong and since is None:
            wrong[sign.kind] = found.at
            for address in _asking(connection, package):
                mail = Outgoing(package.id, address, _named(ALERT, sign, found.at), sign.text)
                _outgoing.put(connection, mail, found.at)
        elif since is not None and not sign.wrong:
            del wrong[sign.kind]
            _end(connection, package, sign, since, found.at)
    kept = {"at": found.at, "losses": dataclasses.asdict(found.losses), "wrong": wrong}
    remember(connection, f"alarms:{package.id}", json.dumps(kept))


def _asking(connection: Connection, package: Package) -> list[str]:
    found = subscriptions(connection, package.id)
    return [each.address for each in found if each.kind == "alerts"]


def _end(connection: Connection, package: Package, sign: Sign, since: int, now: int) -> None:
    """Tell those who were told of the alarm; whoever was not is told nothing at all."""
    began = _named(ALERT, sign, since)
    _outgoing.drop(connection, package.id, began)
    asking = _asking(connection, package)
    for address in _outgoing.receivers(connection, package.id, began):
        if address in asking:
            mail = Outgoing(package.id, address, _named(OVER, sign, since), sign.text)
            _outgoing.put(connection, mail, now)


def _named(what: str, sign: Sign, since: int) -> str:
    return f"{what} {sign.kind} {since}"


def _recalled(connection: Connection, package: Package) -> Look | None:
    text = recall(connection, f"alarms:{package.id}")
    if text is None:
        return None
    kept = json.loads(text)
    return Look(kept["at"], _signs.Losses(**kept["losses"]), kept["wrong"])
