"""Measure how long an upload waits to be counted while uploads come at half of the possible rate.

    nox -s bench -- host-lag [--seconds 20] [--engine sqlite postgresql]

A real host process, with its counting, on one core; this load generator and the reader on
another; batches of 100 rows. First as many as it takes, for a while, beside the same handler
without a store: the counting goes on all the time. Then half as many for longer, while a reader
asks four times a second how old the oldest upload is that is not counted. Prints a table with the
bars and fails where one is missed; `--json` for machines.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import pathlib
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

from answers import postgresql
from ingest import load, measure, prepare, requests
from life import serving
from shown import Figure, show

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 100
#: Seconds between two looks of the reader.
PAUSE = 0.25
#: More than a host takes, so that the made requests last.
PER_SECOND = 4000


class Reader(threading.Thread):
    """Ask the store, as anybody else may, how old the oldest upload is that is not counted."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(daemon=True)
        self.ages: list[float] = []
        self._folder = folder
        self._over = threading.Event()

    def run(self) -> None:
        """Ask until `stop`."""
        from otumat_usage.host._database import Database, func, inbox, log, select
        from otumat_usage.host._rollups import WAITS

        database = Database.open(self._folder)
        oldest = select(func.min(log.c.received)).select_from(inbox).join(log, WAITS)
        while not self._over.wait(PAUSE):
            with database.read() as connection:
                received = connection.scalar(oldest)
            self.ages.append(0.0 if received is None else time.time() - received / 1000)
        database.close()

    def stop(self) -> list[float]:
        """Return the ages that it saw, in order of size."""
        self._over.set()
        self.join()
        return sorted(self.ages)


async def paced(port: int, made: Iterator[bytes], rate: float, seconds: float) -> tuple[float, int]:
    """Send *rate* requests per second over 32 connections; return the rate kept, and failures."""
    start = time.perf_counter()
    turns = itertools.count()
    sent = failures = 0

    async def one() -> None:
        nonlocal sent, failures
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(writer):
            for request in made:
                due = start + next(turns) / rate
                if due > start + seconds:
                    return
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                sent += 1
                failures += b" 200 " not in head[:20]

    await asyncio.gather(*(one() for _ in range(32)))
    return sent / (time.perf_counter() - start), failures


@contextlib.contextmanager
def on_core(number: int) -> Iterator[None]:
    """Start what is started inside on one core, where the system can."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) == 1:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {number})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def measured(engine: str, without: float, seconds: float) -> list[Figure]:
    """Load a fresh host on *engine*; *without* is what the handler alone takes per second."""
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()), "host")
        url = stack.enter_context(postgresql()) if engine == "postgresql" else None
        prepare(folder, url)
        tokens = json.loads((folder / "tokens.json").read_text())
        with on_core(0):
            _, address = stack.enter_context(serving(folder))
        port = int(address.rpartition(":")[2])
        made = requests(tokens, ROWS, int(PER_SECOND * seconds / 4))
        rate, _, failures = asyncio.run(load(port, made, seconds / 2))
        made = requests(tokens, ROWS, int(rate / 2 * seconds) + 64)
        settle(folder)
        reader = Reader(folder)
        reader.start()
        kept, failed = asyncio.run(paced(port, iter(made), rate / 2, seconds))
        ages = reader.stop()
        settle(folder)
    return shown(engine, [without, rate, kept], failures + failed, ages)


def settle(folder: pathlib.Path) -> None:
    """Wait until everything is counted."""
    from otumat_usage.host._database import Database, func, inbox, select

    database = Database.open(folder)
    waiting: Any = 1
    while waiting:
        time.sleep(PAUSE)
        with database.read() as connection:
            waiting = connection.scalar(select(func.count()).select_from(inbox))
    database.close()


def shown(engine: str, rates: list[float], failures: int, ages: list[float]) -> list[Figure]:
    """Return what is told of one engine."""
    without, rate, kept = rates
    late = ages[int(len(ages) * 0.95)]
    return [
        Figure(
            f"{engine}: counting all the while, against no store",
            round(rate / without, 2),
            least=0.2,
        ),
        Figure(f"{engine}: batches/s while counting", round(rate)),
        Figure(f"{engine}: batches/s at half of that", round(kept)),
        Figure(f"{engine}: oldest not counted, median, s", round(ages[len(ages) // 2], 1)),
        Figure(f"{engine}: oldest not counted, 95 %, s", round(late, 1)),
        Figure(f"{engine}: oldest not counted, most, s", round(ages[-1], 1), most=5),
        Figure(f"{engine}: failures", failures, most=0),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    engines = ["sqlite", "postgresql"]
    parser.add_argument("--engine", choices=engines, nargs="+", default=engines)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    figures = [Figure("load of the machine", round(os.getloadavg()[0], 1))]
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {1})
    without = measure("no", ROWS, options.seconds / 4)["batches_per_s"]
    figures.append(Figure("batches/s without a store", without))
    for engine in options.engine:
        figures += measured(engine, without, options.seconds)
    raise SystemExit(0 if show(figures, as_json=options.json) else 1)


if __name__ == "__main__":
    main()
