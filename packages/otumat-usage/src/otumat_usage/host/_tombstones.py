"""Remember which installs were erased, by a hash of their random ids only."""

from __future__ import annotations

import hashlib

from otumat_usage.host._database import Connection, insert, select, tombstones

__all__ = ["is_erased", "mark_erased"]


def mark_erased(connection: Connection, install: bytes) -> None:
    """Note that *install* is gone for good."""
    connection.execute(insert(tombstones).values(hash=_hash(install)))


def is_erased(connection: Connection, install: bytes) -> bool:
    """Say whether *install* was erased here."""
    known = select(tombstones.c.hash).where(tombstones.c.hash == _hash(install))
    return connection.scalar(known) is not None


def _hash(install: bytes) -> bytes:
    # The id is 122 random bits, so its hash cannot be searched for.
    return hashlib.sha256(b"otumat erased\0" + install).digest()
