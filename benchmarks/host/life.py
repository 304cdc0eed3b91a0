"""Measure the host's start, idle memory, refreshes per second, bytes per event and answers.

    nox -s bench -- host-life [--events 200000]

Start: from the command to the first answer of /healthz, median of 5. Refreshes: 64 at once,
durable, through the write thread and over HTTP. Uploads come on days at random over a year, the
worst case for counting (`answers.py` has a plausible year). Bytes are of the pages in use, less
those of a host without users; the statistics are left out, and told by table where SQLite has its
`dbstat`. Prints a table with the bars and fails where one is missed; `--json` for machines.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import sqlalchemy.exc
from ending import heed_sigterm
from shown import Figure, show

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def serving(folder: pathlib.Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run the host in *folder*; yield its process and address once it is ready."""
    heed_sigterm()
    with tempfile.TemporaryDirectory() as name:
        ready = pathlib.Path(name, "ready")
        command = [sys.executable, "-m", "otumat_usage.host", "serve", "-d", str(folder)]
        server = subprocess.Popen(
            [*command, "--daily-limit", "0", "--port", "0", "--ready-file", str(ready)],
            stdout=subprocess.DEVNULL,
        )
        try:
            while not ready.exists() or not ready.read_bytes():
                if server.poll() is not None:
                    raise SystemExit("the server did not start")
                time.sleep(0.002)
            yield server, json.loads(ready.read_text())["url"]
        finally:
            server.terminate()
            server.wait()


def start(folder: pathlib.Path) -> tuple[float, float, float]:
    """Return seconds to the first answer, of CPU until then, and resident MB when idle."""
    begin = time.perf_counter()
    with serving(folder) as (server, url):
        urllib.request.urlopen(f"{url}/healthz").read()
        took = time.perf_counter() - begin
        cpu = memory = 0.0
        with contextlib.suppress(OSError):
            cpu = cpu_of(server.pid)
            for line in pathlib.Path(f"/proc/{server.pid}/status").read_text().splitlines():
                if line.startswith("VmRSS"):
                    memory = int(line.split()[1]) / 1024
    return took, cpu, memory


def families(folder: pathlib.Path) -> tuple[Any, list[str]]:
    """Return a host with 64 installs, and the refresh token of each."""
    from otumat_usage.host import _grants, _packages
    from otumat_usage.host._host import open_host

    host = open_host(folder, issuer="http://127.0.0.1:1")
    now = host.now()
    held = []
    with host.database.write() as connection:
        package = _packages.add(connection, "demo", now)
        for _ in range(64):
            consent = _grants.Consent(package.id, "0" * 64, "1-0", now, "browser")
            install = _grants.enrol(connection, consent)
            family = _grants.Family(connection, install, uuid.uuid4().bytes, now)
            held.append(family.open("usage:write").refresh)
    return host, held


def refreshes(folder: pathlib.Path, number: int = 2000) -> float:
    """Return durable rotations per second, each refresh with the token of the one before."""
    from otumat_usage.host import _grants

    host, held = families(folder)
    now = host.now()
    host.start()
    begin = time.perf_counter()
    for _ in range(number // len(held)):
        waiting = [
            host.writer.submit(lambda c, token=token: _grants.refresh(c, token, None, now))
            for token in held
        ]
        held = [future.result().refresh for future in waiting]
    took = time.perf_counter() - begin
    host.stop()
    return (number // len(held)) * len(held) / took


def refreshes_over_http(folder: pathlib.Path, rounds: int = 60) -> tuple[float, float]:
    """Return the same over HTTP, per second and per second of the server's CPU: 64 clients."""
    host, held = families(folder)
    host.database.close()

    async def one(port: int, token: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(writer):
            for _ in range(rounds):
                body = f"grant_type=refresh_token&client_id=otumat-usage&refresh_token={token}"
                writer.write(
                    b"POST /auth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/"
                    b"x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n"
                    % len(body)
                    + body.encode()
                )
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                answer = json.loads(await reader.readexactly(length))
                token = answer["refresh_token"]

    async def all_of_them(port: int) -> float:
        begin = time.perf_counter()
        await asyncio.gather(*(one(port, token) for token in held))
        return time.perf_counter() - begin

    with serving(folder) as (server, url):
        before = cpu_of(server.pid)
        took = asyncio.run(all_of_them(int(url.rpartition(":")[2])))
        cpu = cpu_of(server.pid) - before
    return rounds * len(held) / took, rounds * len(held) / cpu


def used(connection: Any) -> int:
    """Return the bytes of the file that hold something."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names)
    return int((pages - free) * size)


def by_table(connection: Any) -> dict[str, int]:
    """Return the bytes of each table with its indexes, the largest first."""
    query = (
        "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name) "
        "GROUP BY tbl_name ORDER BY sum(pgsize) DESC"
    )
    try:
        return dict(connection.exec_driver_sql(query).all())
    except sqlalchemy.exc.OperationalError:  # compiled without it
        return {}


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill(connection: Any, package: Any, events: int, rows: int, now: int) -> None:
    """Append *events* of a year in batches of *rows*, of one install for every hundred."""
    from otumat_usage.host import _grants, _log, _wire

    rng = random.Random(1)
    installs = []
    for _ in range(max(1, events // 100)):
        consent = _grants.Consent(package.id, "0" * 64, "1-0", now, "browser")
        installs.append(_grants.enrol(connection, consent))
    for n in range(events // rows):
        at = now - rng.randrange(0, 365 * 86_400_000)
        made = [
            _wire.Event(i, i, at + i * 1000, f"feature {rng.randrange(20)}", 1, None)
            for i in range(rows)
        ]
        batch = _wire.Batch(
            "", uuid.uuid4().hex, "2026-01-01T00:00:00Z", uuid.uuid4().hex, 1, rows, [], [],
            _wire.Context("1.2.3", "3.12", "Linux"),
        )  # fmt: skip
        upload = _log.Upload(batch, made, [], uuid.uuid4().bytes * 2, at)
        _log.append(
            connection, install=installs[n % len(installs)], package=package.id, upload=upload
        )


def life(folder: pathlib.Path, events: int, rows: int, most: float) -> list[Figure]:
    """Fill a store with *events* in batches of *rows*; return its size and the time of answers."""
    from otumat_usage.host import _packages, _retention, _statistics
    from otumat_usage.host._database import Database
    from otumat_usage.host._worker import fold_all

    database = Database.create(folder)
    now = time.time_ns() // 1_000_000
    with database.write() as connection:
        package = _packages.add(connection, "demo", now)
        empty, before = used(connection), by_table(connection)
        fill(connection, package, events, rows, now)
    begin = time.perf_counter()
    fold_all(database)
    folded = time.perf_counter() - begin
    with database.read() as connection:
        begin = time.perf_counter()
        _statistics.summarise(connection, package, now)
        took = time.perf_counter() - begin
    _retention.let_go(database, now)  # as it does every day: ids are kept for 30 days
    with database.write() as connection:
        tables = by_table(connection)
        for table in ("rollup", "rollup_week", "rollup_mixed", "rollup_block"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        bare = used(connection) - empty
    database.close()
    return [
        Figure(f"{rows} rows: bytes an event", round(bare / events, 1), most=most),
        *(
            Figure(f"{rows} rows: of it {name}", round((size - before[name]) / events, 2))
            for name, size in tables.items()
            if not name.startswith("rollup") and size > before[name]
        ),
        Figure(f"{rows} rows: counted, events/s, days at random", round(events / folded)),
        Figure(f"{rows} rows: the summary of the year, ms", round(took * 1000)),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    load = round(os.getloadavg()[0], 1)
    median = statistics.median
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        starts = [start(folder / "start") for _ in range(5)]
        over_http, per_cpu = refreshes_over_http(folder / "http")
        figures = [
            Figure("load of the machine", load),
            Figure("start to the first answer, s", round(median(s for s, _, _ in starts), 2), 0.6),
            Figure("start, s of CPU", round(median(cpu for _, cpu, _ in starts), 2)),
            Figure("idle memory, MB", round(median(memory for *_, memory in starts), 1), 70),
            Figure("refreshes over HTTP, durable, per s", round(over_http), least=1000),
            Figure("refreshes over HTTP, per s of CPU", round(per_cpu)),
            Figure("refreshes by the write thread, per s", round(refreshes(folder / "refresh"))),
            *life(folder / "large", options.events, 100, most=8),
            *life(folder / "small", options.events, 5, most=20),
        ]
    raise SystemExit(0 if show(figures, as_json=options.json) else 1)


if __name__ == "__main__":
    main()
