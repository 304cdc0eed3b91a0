"""Keep the mails that are to go out: each is put in once, claimed by one process, and settled.

A claim moves the next try ahead in the transaction that takes it, so no other process
takes the same mail, and a process that dies while it sends leaves it to a later try.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from otumat_usage.host._database import Connection, delete, insert, mails, select, update
from otumat_usage.host._days import DAY

if TYPE_CHECKING:
    from otumat_usage.host._sql import ColumnElement

__all__ = ["Outgoing", "claim", "drop", "is_known", "put", "receivers", "settle", "waits"]

#: How long a mail is worth sending: what comes later is a backlog.
LIFE = 2 * DAY
#: Milliseconds to the second try, doubled each time, and at most.
_FIRST, _LONGEST = 60_000, 6 * 3_600_000
#: How long it is known what was sent.
_KEPT = 400 * DAY


@dataclasses.dataclass(frozen=True, slots=True)
class Outgoing:
    """One mail: what it is about, to whom, and what it says where that is known already."""

    package: int
    address: str
    occasion: str
    body: str | None


def put(connection: Connection, mail: Outgoing, now: int) -> bool:
    """Put *mail* in, unless it ever was; return whether it is new."""
    if is_known(connection, mail):
        return False
    values = dataclasses.asdict(mail)
    row = insert(mails).values(created=now, due=now, tries=0, state="waiting", **values)
    connection.execute(row)
    return True


def is_known(connection: Connection, mail: Outgoing) -> bool:
    """Say whether *mail* was ever put in."""
    return connection.scalar(select(mails.c.state).where(_is(mail))) is not None


def waits(connection: Connection, now: int) -> bool:
    """Say whether any mail is due."""
    due = (mails.c.state == "waiting") & (mails.c.due <= now)
    return connection.scalar(select(mails.c.tries).where(due).limit(1)) is not None


def claim(connection: Connection, now: int) -> Outgoing | None:
    """Take the next mail that is due; it is due again later unless it is settled.

    Mails that nobody could send in time are dropped.
    """
    waiting = mails.c.state == "waiting"
    late = update(mails).where(waiting & (mails.c.created < now - LIFE)).values(state="dropped")
    connection.execute(late)
    connection.execute(delete(mails).where(mails.c.created < now - _KEPT))
    due = select(mails).where(waiting & (mails.c.due <= now)).order_by(mails.c.due).limit(1)
    row = connection.execute(due).one_or_none()
    if row is None:
        return None
    mail = Outgoing(row.package, row.address, row.occasion, row.body)
    later = now + min(_LONGEST, _FIRST * 2**row.tries)
    claimed = update(mails).where(_is(mail)).values(due=later, tries=row.tries + 1)
    connection.execute(claimed)
    return mail


def settle(connection: Connection, mail: Outgoing, state: str) -> None:
    """Note that *mail* was sent or dropped."""
    connection.execute(update(mails).where(_is(mail)).values(state=state))


def drop(connection: Connection, package: int, occasion: str) -> None:
    """Send no mail of that *occasion* that is still waiting."""
    waiting = _about(package, occasion) & (mails.c.state == "waiting")
    connection.execute(update(mails).where(waiting).values(state="dropped"))


def receivers(connection: Connection, package: int, occasion: str) -> list[str]:
    """Return to which addresses the mail of that *occasion* was sent."""
    sent = _about(package, occasion) & (mails.c.state == "sent")
    return list(connection.scalars(select(mails.c.address).where(sent)))


def _about(package: int, occasion: str) -> ColumnElement[bool]:
    return (mails.c.package == package) & (mails.c.occasion == occasion)


def _is(mail: Outgoing) -> ColumnElement[bool]:
    return _about(mail.package, mail.occasion) & (mails.c.address == mail.address)
