"""Look after the store in a folder: count anew, keep for how long, let go."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otumat_usage.host import _packages
from otumat_usage.host._database import Database
from otumat_usage.host._retention import Policy, Released, let_go, policy_of, set_policy
from otumat_usage.host._rollups import rebuild
from otumat_usage.host._worker import fold_all

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["release", "retention", "roll_up"]


def roll_up(folder: Path, *, anew: bool) -> int:
    """Count every upload that waits, or all of them *anew*; return how many there were."""
    database = Database.open(folder)
    try:
        counted = fold_all(database)
        if anew:
            with database.read() as connection:
                every = [_packages.find(connection, n).id for n in _packages.names(connection)]
            counted = sum(rebuild(database, package) for package in every)
    finally:
        database.close()
    return counted


def retention(folder: Path, *, log_days: int | None, set_days: int | None) -> Policy:
    """Return the retention policy, changed where something is given.

    Raises:
        PolicyInvalid: sets would be kept shorter than the uploads they are made from.
    """
    database = Database.open(folder)
    try:
        with database.write() as connection:
            old = policy_of(connection)
            new = Policy(log_days or old.log_days, set_days or old.set_days)
            if new != old:
                set_policy(connection, new)
            return new
    finally:
        database.close()


def release(folder: Path) -> Released:
    """Let go of what the policy no longer keeps."""
    database = Database.open(folder)
    try:
        fold_all(database)
        return let_go(database, time.time_ns() // 1_000_000)
    finally:
        database.close()
