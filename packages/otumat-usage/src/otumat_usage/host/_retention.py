"""Let go of what is no longer needed: first of single uploads, later of who was active when.

The log holds what each install did; after some months only the roll-ups are needed.
They hold sets of installs; after some years their sizes are enough, and nothing about
a single install is left. What the log can no longer tell is kept by a rebuild: every
day before the package's horizon stays as it was counted.
"""

from __future__ import annotations

import dataclasses

from otumat_usage.host import _mixed, _packages
from otumat_usage.host._cells import HEALTH
from otumat_usage.host._database import (
    Connection,
    Locked,
    delete,
    inbox,
    lock,
    log,
    recent,
    rollups,
    select,
    update,
    weeks,
)
from otumat_usage.host._days import DAY, day_of
from otumat_usage.host._errors import PolicyInvalid
from otumat_usage.host._kept import bump
from otumat_usage.host._rollups import WAITS, horizon
from otumat_usage.host._settings import recall, remember

__all__ = ["Policy", "Released", "let_go", "policy_of", "set_policy"]

#: Days that an upload may be late (see `_wire`): its day must still be open for it.
_LATE = 401
#: Days for which a batch id that is used for another upload is noticed in any run.
_LATELY = 30


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """How many days single uploads are kept, and the days' sets of installs.

    Uploads of up to 400 days ago are accepted, so sets are kept longer than that.
    """

    log_days: int = 400
    set_days: int = 760


@dataclasses.dataclass(frozen=True, slots=True)
class Released:
    """What was let go: uploads, and cells that now hold only a number."""

    uploads: int
    sets: int


def policy_of(connection: Connection) -> Policy:
    """Return the policy of this host."""
    found = {}
    for field in dataclasses.fields(Policy):
        value = recall(connection, f"keep_{field.name}")
        if value is not None:
            found[field.name] = int(value)
    return Policy(**found)


def set_policy(connection: Connection, policy: Policy) -> None:
    """Make *policy* the one of this host.

    Raises:
        PolicyInvalid: sets would be let go before the uploads that a rebuild makes them from.
    """
    if policy.set_days < policy.log_days:
        raise PolicyInvalid(
            f"sets kept for {policy.set_days} days, uploads for {policy.log_days}: "
            "keep sets at least as long"
        )
    for name, value in dataclasses.asdict(policy).items():
        remember(connection, f"keep_{name}", str(value))


def let_go(connection: Connection, now: int) -> Released:
    """Delete what the policy no longer keeps as of *now* (milliseconds).

    An upload that is not counted yet stays, however old it is.
    """
    lock(connection, Locked.ROLLUPS)
    policy = policy_of(connection)
    connection.execute(delete(recent).where(recent.c.day < day_of(now) - _noticed(policy)))
    uploads = sets = 0
    for name in _packages.names(connection):
        package = _packages.find(connection, name).id
        first = day_of(now) - policy.log_days
        if first > horizon(connection, package):
            uploads += _drop_uploads(connection, package, first)
        sets += _drop_sets(connection, package, day_of(now) - max(policy.set_days, _LATE))
    return Released(uploads, sets)


def _noticed(policy: Policy) -> int:
    """Return for how many days a batch id that is used again is noticed."""
    return min(_LATELY, policy.log_days)


def _drop_uploads(connection: Connection, package: int, first: int) -> int:
    waits = select(inbox.c.batch).where(WAITS)
    old = (log.c.package == package) & (log.c.received < first * DAY) & ~waits.exists()
    gone = connection.execute(delete(log).where(old)).rowcount
    if gone:
        remember(connection, f"horizon:{package}", str(first))
    return gone


def _drop_sets(connection: Connection, package: int, first: int) -> int:
    # A week's set would tell those of its first days for a few days more.
    early = (weeks.c.package == package) & (weeks.c.day < first) & weeks.c.bits.is_not(None)
    connection.execute(update(weeks).where(early).values(bits=None))
    _mixed.drop_before(connection, package, first)
    old = (
        (rollups.c.package == package)
        & (rollups.c.day < first)
        & (rollups.c.dimension != HEALTH)
        & rollups.c.bits.is_not(None)
    )
    dropped = connection.execute(update(rollups).where(old).values(bits=None)).rowcount
    if dropped:
        bump(connection, package)
    return dropped
