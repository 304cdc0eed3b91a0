"""Measure the host's log, without HTTP, against the bare engine that stores rows of events.

    nox -s bench -- host-engine [--seconds 3] [--rows 1 100 1000] [--engine sqlite postgresql]

Ours: uploads through the host's writer, which puts what waits into one transaction and answers
after the commit, 64 at a time; an upload is one row, however many events it brings, looked up
before and noted as not counted. Bare: the driver alone puts one row for each event into a table
with a key, as many to a transaction as an upload brings and at least a hundred: by executemany on
SQLite (WAL, synchronous=FULL), by COPY on PostgreSQL. In turns; events per second; the bar is for
1,000. Prints a table and fails where the bar is missed; `--json` for machines.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import pathlib
import sqlite3
import statistics
import tempfile
import time
import uuid
from typing import TYPE_CHECKING, Any

from answers import postgresql
from shown import Figure, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 3
#: Uploads that wait for their commit at once.
WAITING = 64
#: Events that are made at once.
MADE = 20_000
#: Rows of the smallest transaction of the bare engine.
LEAST = 100
BARS = {1000: 0.5}
_TABLE = "CREATE TABLE bare (id BIGINT PRIMARY KEY, install INT, at BIGINT, kind INT, count INT)"


class Ours:
    """Append uploads through the writer of a fresh host."""

    def __init__(self, folder: pathlib.Path, url: str | None) -> None:
        from otumat_usage.host import _grants, _packages
        from otumat_usage.host._database import Database
        from otumat_usage.host._host import open_host

        Database.create(folder, url=url).close()
        self._host = open_host(folder, issuer="http://127.0.0.1:1")
        self._now = self._host.now()
        with self._host.database.write() as connection:
            self._package = _packages.add(connection, "demo", self._now)
            consent = _grants.Consent(self._package.id, "0" * 64, "1-0", self._now, "browser")
            self._installs = [_grants.enrol(connection, consent) for _ in range(WAITING)]
        self._host.writer.start()

    def rate(self, rows: int, seconds: float) -> float:
        """Return events per second of uploads of *rows*, made beforehand."""
        made = [self._upload(rows) for _ in range(max(4 * WAITING, MADE // rows))]
        count = 0
        begin = time.perf_counter()
        while (took := time.perf_counter() - begin) < seconds:
            part = made[count % len(made) :][:WAITING]
            for future in [self._append(n, upload) for n, upload in enumerate(part)]:
                future.result()
            count += len(part)
            if count % len(made) == 0:
                begin += self._renewed(made, rows)  # making them is not what is measured
        return count * rows / took

    def close(self) -> None:
        """Let the host go."""
        self._host.writer.stop()
        self._host.database.close()

    def _renewed(self, made: list[Any], rows: int) -> float:
        begin = time.perf_counter()
        made[:] = [self._upload(rows) for _ in made]
        return time.perf_counter() - begin

    def _append(self, number: int, upload: Any) -> Any:
        from otumat_usage.host import _log

        install = self._installs[number]
        return self._host.writer.submit(
            lambda c: _log.append(c, install=install, package=self._package.id, upload=upload)
        )

    def _upload(self, rows: int) -> Any:
        from otumat_usage.host import _log, _wire

        at = self._now - 1000 * rows
        events = [
            _wire.Event(i, i, at + 1000 * i, f"feature {i % 17}", 1, None) for i in range(rows)
        ]
        context = _wire.Context("1.2.3", "3.12", "Linux")
        names = uuid.uuid4().hex, uuid.uuid4().hex
        batch = _wire.Batch(
            "", names[0], "2026-01-01T00:00:00Z", names[1], 1, rows, [], [], context
        )
        return _log.Upload(batch, events, [], uuid.uuid4().bytes * 2, self._now)


class Bare:
    """Put rows of events into a table with the driver alone."""

    def __init__(self, folder: pathlib.Path, url: str | None) -> None:
        self._ids = itertools.count(1)
        self._put: Callable[[list[tuple[int, ...]]], None]
        if url is None:
            self._file = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA synchronous=FULL")
            self._file.execute(_TABLE)
            self._put = self._executed
        else:
            import psycopg

            self._server = psycopg.connect(url)
            self._server.execute(_TABLE)
            self._server.commit()
            self._put = self._copied

    def rate(self, rows: int, seconds: float) -> float:
        """Return rows per second in transactions of *rows*, or of `LEAST`."""
        many, count = max(rows, LEAST), 0
        begin = time.perf_counter()
        while (took := time.perf_counter() - begin) < seconds:
            self._put([(next(self._ids), 7, 1_780_000_000_000 + i, i % 17, 1) for i in range(many)])
            count += many
        return count / took

    def close(self) -> None:
        """Close the driver's connection."""
        (self._file if hasattr(self, "_file") else self._server).close()

    def _executed(self, rows: list[tuple[int, ...]]) -> None:
        self._file.execute("BEGIN")
        self._file.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?)", rows)
        self._file.execute("COMMIT")

    def _copied(self, rows: list[tuple[int, ...]]) -> None:
        with self._server.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        self._server.commit()


def measured(engine: str, every: list[int], seconds: float) -> Iterator[Figure]:
    """Yield what is told of one engine."""
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(postgresql()) if engine == "postgresql" else None
        ours = stack.enter_context(contextlib.closing(Ours(folder / "host", url)))
        bare = stack.enter_context(contextlib.closing(Bare(folder, url)))
        for rows in every:
            pairs = [(ours.rate(rows, seconds), bare.rate(rows, seconds)) for _ in range(ROUNDS)]
            ratios = [one / other for one, other in pairs]
            one, other = pairs[ratios.index(statistics.median(ratios))]
            name = f"{engine}, {rows} a batch"
            ratio = round(statistics.median(ratios), 2)
            yield Figure(f"{name}: against the bare engine", ratio, least=BARS.get(rows))
            yield Figure(f"{name}: events/s, our log", round(one))
            yield Figure(f"{name}: rows/s, bare", round(other))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 100, 1000])
    engines = ["sqlite", "postgresql"]
    parser.add_argument("--engine", choices=engines, nargs="+", default=engines)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    figures = [Figure("load of the machine", round(os.getloadavg()[0], 1))]
    for engine in options.engine:
        figures += measured(engine, options.rows, options.seconds)
    raise SystemExit(0 if show(figures, as_json=options.json) else 1)


if __name__ == "__main__":
    main()
