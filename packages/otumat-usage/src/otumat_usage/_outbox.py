"""The outbox: one SQLite file that holds what waits to be sent, and what was sent.

Only one process opens it at a time, under the upload lock (`opened`), so the plain rollback journal
is enough and works on network homes. Events of one package, origin and context form a stream with
a random run id and consecutive numbers of its own, so that one upload carries many short processes.
It must not know of spools or HTTP.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from otumat_usage import _batch, _lock, _tables
from otumat_usage._batch import Batch, Row
from otumat_usage.exceptions import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What may wait for one package: compressed bytes, and days. The oldest goes first.
KEEP_BYTES = 2 * 1024 * 1024
KEEP_DAYS = 180


@contextmanager
def opened(home: str, *, wait: float = 0.0) -> Iterator[Outbox | None]:
    """Open the outbox under the upload lock; None when another process keeps it busy.

    Raises:
        StoreError: it cannot be made, read or written.
    """
    try:
        with _lock.held(f"{home}/upload.lock", wait=wait) as ours:
            if not ours:
                yield None
                return
            outbox = Outbox(f"{home}/outbox.db")
            try:
                yield outbox
            finally:
                outbox.close()
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"the outbox in {home} cannot be used: {error}") from error


@contextmanager
def free(home: str) -> Iterator[Outbox]:
    """Open the outbox, waiting for a running upload to end.

    Raises:
        StoreError: it cannot be used, or the upload goes on for too long.
    """
    with opened(home, wait=30) as outbox:
        if outbox is None:
            raise StoreError("an upload is running; try again in a moment")
        yield outbox


def is_damage(error: StoreError) -> bool:
    """Say whether *error* means that what the file holds is not what we wrote."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.DatabaseError) and not isinstance(
        cause, sqlite3.OperationalError
    )


def exists(home: str) -> bool:
    """Say whether there is an outbox at all."""
    return Path(home, "outbox.db").exists()


class Outbox:
    """The store itself; make it with `opened`."""

    def __init__(self, path: str) -> None:
        # Made by us first, so that SQLite never creates it readable for others.
        fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            # Our own lock is enough where SQLite's cannot be had (NFS without its daemon).
            query = "" if _lock.known(fd) else "?nolock=1"
        finally:
            os.close(fd)
        uri = Path(path).absolute().as_uri() + query
        self._db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5)
        try:
            self._prepare(path)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, path: str) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _tables.VERSION:
            raise StoreError(f"{path} was written by a newer otumat-usage; upgrade this one")
        if version == 0:
            # What was sent gives its room back at once.
            self._db.execute("PRAGMA auto_vacuum = FULL")
        if version < _tables.VERSION:
            self._db.executescript(f"BEGIN; {_tables.SCHEMA} COMMIT;")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do everything inside, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def begin(self, package: str, origin: str, agreement: str) -> None:
        """Take in under *agreement* from now on; what waits from an earlier one is never sent."""
        whose = [package, origin]
        name = "SELECT name FROM agreement WHERE package = ? AND origin = ?"
        was = self._db.execute(name, whose).fetchone()
        if was == (agreement,):
            return
        with self.transaction():
            if was:
                for table in ("stream", "batch"):
                    gone = f"DELETE FROM {table} WHERE package = ? AND origin = ?"  # noqa: S608
                    self._db.execute(gone, whose)
            row = "INSERT OR REPLACE INTO agreement VALUES (?, ?, ?)"
            self._db.execute(row, [*whose, agreement])

    def knows(self, spool: str) -> bool:
        """Say whether the spool of that name was taken in before."""
        return bool(self._db.execute("SELECT 1 FROM spooled WHERE name = ?", [spool]).fetchone())

    def take(
        self,
        spool: str,
        key: tuple[str, str, dict[str, str]],
        rows: Iterable[Row],
        dropped: dict[str, int],
    ) -> None:
        """Take in a spool as a whole, once: *key* is package, origin and context."""
        package, origin, context = key
        with self.transaction():
            if self.knows(spool):
                return
            self._db.execute("INSERT INTO spooled VALUES (?, ?)", [spool, int(time.time())])
            stream, seq = self._stream(package, origin, json.dumps(context, sort_keys=True))
            for row in rows:
                values = [stream, seq, row.at, row.type, row.properties]
                self._db.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", values)
                seq += 1
            self._db.execute("UPDATE stream SET next = ? WHERE id = ?", [seq, stream])
            for reason, count in dropped.items():
                self._db.execute(
                    "INSERT INTO dropped VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                    " SET count = count + excluded.count",
                    [stream, reason, count],
                )

    def _stream(self, package: str, origin: str, context: str) -> tuple[int, int]:
        key = [package, origin, context]
        self._db.execute(
            "INSERT OR IGNORE INTO stream (package, origin, context, run) VALUES (?, ?, ?, ?)",
            [*key, secrets.token_hex(12)],
        )
        found = self._db.execute(
            "SELECT id, next FROM stream WHERE package = ? AND origin = ? AND context = ?", key
        ).fetchone()
        return int(found[0]), int(found[1])

    def removed(self, spools: list[str]) -> None:
        """Forget the names of spools whose files are gone for good."""
        with self.transaction():
            names = [[spool] for spool in spools]
            self._db.executemany("DELETE FROM spooled WHERE name = ?", names)

    def bind(self, package: str, origin: str, install: str, *, full: bool = False) -> None:
        """Turn what waits for *package* and *origin* into batches, or only into *full* ones."""
        streams = self._db.execute(
            "SELECT id, run, context FROM stream WHERE package = ? AND origin = ?",
            [package, origin],
        ).fetchall()
        for stream, run, context in streams:
            whose = (package, origin, install)
            while not (full and self._loose(stream) < _batch.MAX_ROWS):
                if not self._bind_next(stream, run, json.loads(context), whose):
                    break

    def _loose(self, stream: int) -> int:
        count = "SELECT count(*) FROM event WHERE stream = ?"
        return int(self._db.execute(count, [stream]).fetchone()[0])

    def _bind_next(
        self, stream: int, run: str, context: dict[str, str], whose: tuple[str, str, str]
    ) -> bool:
        with self.transaction():
            found = self._db.execute(
                "SELECT seq, at, type, properties FROM event WHERE stream = ? ORDER BY seq LIMIT ?",
                [stream, _batch.MAX_ROWS],
            ).fetchall()
            rows = _batch.fitting(found)
            if not rows:
                return False
            reasons = "SELECT reason, count FROM dropped WHERE stream = ?"
            dropped = dict(self._db.execute(reasons, [stream]).fetchall())
            self._insert(whose, len(rows), _batch.body(run, context, whose[2], rows, dropped))
            last = rows[-1][0]
            self._db.execute("DELETE FROM event WHERE stream = ? AND seq <= ?", [stream, last])
            self._db.execute("DELETE FROM dropped WHERE stream = ?", [stream])
        return True

    def _insert(self, whose: tuple[str, str, str], rows: int, body: dict[str, object]) -> None:
        packed = _batch.pack(body)
        self._db.execute(
            "INSERT INTO batch (id, package, origin, install, rows, gzip, made)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [body["batch"], *whose, rows, packed, int(time.time())],
        )

    def batches(self, package: str, origin: str) -> Iterator[Batch]:
        """Yield what is to be sent, oldest first."""
        found = self._db.execute(
            "SELECT id, package, origin, install, rows, gzip, attempts FROM batch"
            " WHERE package = ? AND origin = ? ORDER BY number",
            [package, origin],
        )
        return (Batch(*row) for row in found)

    def next(self, package: str, origin: str) -> Batch | None:
        """Return the oldest batch that is to be sent."""
        return next(self.batches(package, origin), None)

    def trim(self, package: str, origin: str) -> None:
        """Drop the oldest batches of which too much waits, or for too long, and count them."""
        with self.transaction():
            found = self._db.execute(
                "SELECT id, rows, length(gzip), made FROM batch"
                " WHERE package = ? AND origin = ? ORDER BY number DESC",
                [package, origin],
            ).fetchall()
            total, oldest = 0, time.time() - KEEP_DAYS * 86400
            for batch, rows, size, made in found:
                total += size
                if total > KEEP_BYTES or made < oldest:
                    self._db.execute("DELETE FROM batch WHERE id = ?", [batch])
                    reason = "overflow" if total > KEEP_BYTES else "age"
                    self._count(package, origin, reason, rows)

    def _count(self, package: str, origin: str, reason: str, count: int) -> None:
        """Have the next upload tell of events that were dropped here."""
        self._db.execute(
            "INSERT INTO dropped SELECT max(id), ?, ? FROM stream"
            " WHERE package = ? AND origin = ? HAVING max(id) IS NOT NULL"
            " ON CONFLICT DO UPDATE SET count = count + excluded.count",
            [reason, count, package, origin],
        )

    def attempt(self, batch: Batch) -> None:
        """Note, before it happens, that *batch* is being sent."""
        self._db.execute("UPDATE batch SET attempts = attempts + 1 WHERE id = ?", [batch.id])

    def settle(self, batch: Batch, outcome: str, accepted: int, receipt: str) -> None:
        """Remove *batch* and enter it in the ledger: ``acknowledged`` or ``refused``."""
        with self.transaction():
            self._db.execute("DELETE FROM batch WHERE id = ?", [batch.id])
            self._db.execute(
                "INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    batch.id, batch.package, batch.origin, int(time.time()), batch.rows, accepted,
                    len(batch.gzip), outcome, receipt,
                ],
            )  # fmt: skip

    def halve(self, batch: Batch) -> bool:
        """Replace *batch* by two halves under new ids; False if it is a single row."""
        halves = _batch.halves(batch)
        if not halves:
            return False
        whose = (batch.package, batch.origin, batch.install)
        with self.transaction():
            self._db.execute("DELETE FROM batch WHERE id = ?", [batch.id])
            for rows, half in halves:
                self._insert(whose, rows, half)
        return True

    def pace(self, package: str, origin: str) -> tuple[float, int]:
        """Return before when (epoch seconds) not to send, and how often sending failed in a row."""
        found = self._db.execute(
            "SELECT not_before, failures FROM pace WHERE package = ? AND origin = ?",
            [package, origin],
        ).fetchone()
        return (float(found[0]), int(found[1])) if found else (0.0, 0)

    def set_pace(self, package: str, origin: str, not_before: float, failures: int) -> None:
        """Keep what `pace` returns."""
        self._db.execute(
            "INSERT OR REPLACE INTO pace VALUES (?, ?, ?, ?)",
            [package, origin, not_before, failures],
        )

    def waiting(self, package: str) -> int:
        """Return how many events of *package* wait here."""
        (loose,) = self._db.execute(
            "SELECT count(*) FROM event JOIN stream ON stream.id = stream WHERE package = ?",
            [package],
        ).fetchone()
        (bound,) = self._db.execute(
            "SELECT coalesce(sum(rows), 0) FROM batch WHERE package = ?", [package]
        ).fetchone()
        return int(loose) + int(bound)

    def ledger(self, package: str) -> list[dict[str, object]]:
        """Return what was sent for *package*, oldest first."""
        found = self._db.execute(
            "SELECT at, batch, origin, rows, accepted, bytes, outcome, receipt FROM sent"
            " WHERE package = ? ORDER BY at, batch",
            [package],
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found]

    def damage(self) -> str:
        """Return what SQLite finds wrong with the file, or ""."""
        (found,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        return "" if found == "ok" else str(found)

    def is_empty(self) -> bool:
        """Say whether nothing waits here and nothing is told of what was sent."""
        tables = "SELECT 1 FROM event UNION SELECT 1 FROM batch UNION SELECT 1 FROM sent LIMIT 1"
        return self._db.execute(tables).fetchone() is None

    def forget(self, package: str) -> None:
        """Delete everything that waits for *package*, and what was written about it."""
        with self.transaction():
            for table in ("stream", "batch", "sent", "pace", "agreement"):
                self._db.execute(f"DELETE FROM {table} WHERE package = ?", [package])  # noqa: S608
