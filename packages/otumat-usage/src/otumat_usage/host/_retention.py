"""Let go of what is no longer needed: first of single uploads, later of who was active when.

The log holds what each install did; after some months only the roll-ups are needed.
They hold sets of installs; after some years their sizes are enough, and nothing about
a single install is left. What the log can no longer tell is kept by a rebuild: every
day before the package's horizon stays as it was counted.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

from otumat_usage.host import _blocks, _mixed
from otumat_usage.host._cells import HEALTH
from otumat_usage.host._database import (
    Connection,
    Locked,
    delete,
    inbox,
    lock,
    log,
    packages,
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otumat_usage.host._database import Database
    from otumat_usage.host._sql import Table

__all__ = ["Policy", "Released", "let_go", "policy_of", "set_policy"]

#: Days that an upload may be late (see `_wire`): its day must still be open for it.
_LATE = 401
#: Rows that one transaction looks at: it holds SQLite's only write lock.
_STEP = 5_000
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


def let_go(
    database: Database,
    now: int,
    stopping: Callable[[], bool] = lambda: False,
    *,
    step: int = _STEP,
) -> Released:
    """Delete what the policy no longer keeps as of *now* (milliseconds), a little at a time.

    Each part is a transaction that leaves every answer as it was, so that a run which is cut
    short has done some of it, and the next one does the rest: so it is where the policy changes
    meanwhile, by a restore too. An upload that is not counted yet stays, however old it is.

    Args:
        database: The store.
        now: The present.
        stopping: Asked between two parts whether to leave the rest for another time.
        step: Rows that a part looks at.
    """
    with database.read() as connection:
        policy = policy_of(connection)
        run = _Run(database, policy, stopping, step)
        ours = connection.scalars(select(packages.c.id).order_by(packages.c.id)).all()
    today = day_of(now)
    first = today - policy.log_days
    late = recent.c.day < today - _noticed(policy)

    def forget(connection: Connection, part: Any) -> int:
        return connection.execute(delete(recent).where(part & late)).rowcount

    def drop(connection: Connection, part: Any) -> int:
        return _drop_uploads(connection, part, first)

    _walk(run, recent, forget)
    uploads = _walk(run, log, drop)
    first = today - max(policy.set_days, _LATE)
    sets = 0
    for package in ours:
        # A week's set would tell those of its first days for a few days more: they go first.
        _drop_sets(run, weeks, package, first)
        sets += _drop_sets(run, rollups, package, first)
    return Released(uploads, sets)


def _noticed(policy: Policy) -> int:
    """Return for how many days a batch id that is used again is noticed."""
    return min(_LATELY, policy.log_days)


@dataclasses.dataclass(frozen=True, slots=True)
class _Run:
    """What `let_go` was asked, and the policy as it began."""

    database: Database
    policy: Policy
    stopping: Callable[[], bool]
    step: int

    @contextlib.contextmanager
    def part(self) -> Iterator[Connection | None]:
        """Give a transaction for one part, None where what is kept was decided anew."""
        with self.database.beside() as connection:
            lock(connection, Locked.ROLLUPS)
            yield connection if policy_of(connection) == self.policy else None


def _walk(run: _Run, table: Table, drop: Callable[[Connection, Any], int]) -> int:
    """Let *drop* go over *table*, some installs at a time; return how many rows it deleted."""
    dropped = 0
    after: bytes | None = b""
    while after is not None and not run.stopping():
        with run.part() as connection:
            if connection is None:
                break
            part = table.c.install > after
            ahead = select(table.c.install).where(part).order_by(table.c.install)
            after = connection.scalar(ahead.offset(run.step).limit(1))
            if after is not None:
                part &= table.c.install <= after
            dropped += drop(connection, part)
    return dropped


def _drop_uploads(connection: Connection, part: Any, first: int) -> int:
    waits = select(inbox.c.batch).where(WAITS)
    old = part & (log.c.received < first * DAY) & ~waits.exists()
    for package in connection.scalars(select(log.c.package).where(old).distinct()).all():
        if first > horizon(connection, package):
            remember(connection, f"horizon:{package}", str(first))
    return connection.execute(delete(log).where(old)).rowcount


def _drop_sets(run: _Run, table: Table, package: int, first: int) -> int:
    """Keep of the sets before day *first* only their sizes, whole days at a time."""
    old = (
        (table.c.package == package)
        & (table.c.day < first)
        & (table.c.dimension != HEALTH)
        & table.c.bits.is_not(None)
    )
    dropped = 0
    until: int | None = -1
    while until is not None and not run.stopping():
        with run.part() as connection:
            if connection is None:
                break
            days = select(table.c.day).where(old).order_by(table.c.day)
            until = connection.scalar(days.offset(run.step).limit(1))
            part = old if until is None else old & (table.c.day <= until)
            gone = connection.execute(update(table).where(part).values(bits=None)).rowcount
            if table is weeks:
                before = first if until is None else until + 1
                for kept in (_blocks, _mixed):
                    kept.drop_before(connection, package, before)
            if gone:
                bump(connection, package)
            dropped += gone
    return dropped
