"""Remember which installs were erased, by a hash of their random ids only."""

from __future__ import annotations

import hashlib

from otumat_usage.host._database import Connection, insert, select, tombstones

__all__ = ["is_erased", "mark_erased", "mark_of"]


def mark_erased(connection: Connection, install: bytes) -> None:
    """Note that *install* is gone for good."""
    if not is_erased(connection, install):  # as after a restore
        connection.execute(insert(tombstones).values(hash=mark_of(install)))


def is_erased(connection: Connection, install: bytes) -> bool:
    """Say whether *install* was erased here."""
    known = select(tombstones.c.hash).where(tombstones.c.hash == mark_of(install))
    return connection.scalar(known) is not None


def mark_of(install: bytes) -> bytes:
    """Return what is remembered of an erased *install*."""
    # The id is 122 random bits, so its hash cannot be searched for.
    return hashlib.sha256(b"otumat erased\0" + install).digest()
