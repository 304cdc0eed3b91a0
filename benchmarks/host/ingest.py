"""Measure ingest over HTTP: the host against the same handler without a store, in turns.

    nox -s bench -- host-ingest [--seconds 3] [--rounds 3] [--rows 1 100 1000]

The server runs on one core, this load generator on another; 32 connections, once 1,000; every
batch is new, gzip, and answered after its commit (SQLite, WAL, synchronous=FULL). Each figure is
of the round whose ratio is the median. Prints a table with the bars and fails where one is missed;
`--json` for machines.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

from ending import heed_sigterm
from shown import Figure, show

CONNECTIONS = 32
CROWD = 1000
#: Of what the same handler does without a store, by rows of a batch.
BARS = {1: 0.40, 100: 0.30, 1000: 0.45}


def serve(folder: pathlib.Path, store: str, ready: pathlib.Path) -> None:
    """Serve the host in *folder*; with *store* "no" nothing is looked up or written."""
    from otumat_usage.host import _ingest, _packages
    from otumat_usage.host._app import make_app
    from otumat_usage.host._grants import Access
    from otumat_usage.host._host import open_host
    from otumat_usage.host._log import Receipt
    from otumat_usage.host._server import bind
    from otumat_usage.host._server import serve as run
    from otumat_usage.host._wire import to_json

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    host = open_host(folder, issuer=f"http://127.0.0.1:{port}", daily=0)
    if store == "no":
        known = json.loads((folder / "tokens.json").read_bytes())
        access = Access(uuid.UUID(known["install_id"]).bytes, 1, frozenset(("usage:write",)), 2**53)
        package = _packages.Package(1, "demo")

        async def look(*_args: object, **_how: object) -> tuple[Access, _packages.Package]:
            return access, package

        async def keep(_host: object, _token: object, parsed: object) -> Receipt:
            batch = parsed.batch.batch  # type: ignore[attr-defined]
            return Receipt(batch, "0" * 32, len(parsed.accepted), [], duplicate=False)  # type: ignore[attr-defined]

        _ingest.look, _ingest.keep = look, keep  # type: ignore[assignment]
    run(make_app(host), listener, lambda: ready.write_bytes(to_json({"port": port})))


def prepare(folder: pathlib.Path, url: str | None = None) -> None:
    """Make a host with one package and one enrolled install; *url* a PostgreSQL for it."""
    from otumat_usage.host import _grants, _packages
    from otumat_usage.host._database import Database

    database = Database.create(folder, url=url)
    now = time.time_ns() // 1_000_000
    with database.write() as connection:
        package = _packages.add(connection, "demo", now)
        consent = _grants.Consent(package.id, "0" * 64, "1-0", now, "browser")
        install = _grants.enrol(connection, consent)
        pair = _grants.Family(connection, install, uuid.uuid4().bytes, now).open("usage:write")
    database.close()
    tokens = {"install_id": str(uuid.UUID(bytes=install)), "access_token": pair.access}
    (folder / "tokens.json").write_text(json.dumps(tokens))


def requests(tokens: dict[str, str], rows: int, number: int) -> list[bytes]:
    """Return *number* complete HTTP requests, each with a new batch."""
    made = []
    for n in range(number):
        at = time.strftime("%Y-%m-%dT%H:%M:", time.gmtime(time.time() - 3600))
        batch = {
            "installId": tokens["install_id"],
            "batch": str(uuid.uuid4()),
            "sent_at": at + "00Z",
            "run": uuid.uuid4().hex,
            "first": 1,
            "last": rows,
            "context": {"package_version": "1.2.3", "python": "3.12", "os": "Linux"},
            "headers": ["seq", "event_date", "event_type"],
            "rows": [
                [i + 1, f"{at}{i % 60:02}.{(n + i) % 1000:03}Z", f"feature {i % 17}"]
                for i in range(rows)
            ],
        }
        body = gzip.compress(json.dumps(batch, separators=(",", ":")).encode(), 1)
        head = (
            "POST /api/usage-event HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {tokens['access_token']}\r\n"
            "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


async def load(
    port: int, made: list[bytes], seconds: float, connections: int = CONNECTIONS
) -> tuple[float, list[float], int]:
    """Send *made* over *connections*; return answers per second, latencies and failures."""
    waiting = iter(made)
    latencies: list[float] = []
    failures = 0
    opening = asyncio.Semaphore(CONNECTIONS)
    end = time.perf_counter() + seconds

    async def one() -> None:
        nonlocal failures
        async with opening:  # a listener's queue is short
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(writer):
            for request in waiting:
                start = time.perf_counter()
                if start > end:
                    return
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                latencies.append(time.perf_counter() - start)
                failures += b" 200 " not in head[:20]

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return len(latencies) / (time.perf_counter() - start), latencies, failures


def measure(
    store: str, rows: int, seconds: float, connections: int = CONNECTIONS
) -> dict[str, float]:
    """Start a fresh server, load it, stop it."""
    heed_sigterm()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        prepare(folder)
        tokens = json.loads((folder / "tokens.json").read_text())
        made = requests(tokens, rows, int(seconds * {1: 9000, 100: 6000}.get(rows, 1000)))
        ready = folder / "ready"
        server = subprocess.Popen([sys.executable, __file__, "--serve", store, name, str(ready)])
        try:
            while not ready.exists() or not ready.read_bytes():
                if server.poll() is not None:
                    raise SystemExit("the server did not start")
                time.sleep(0.02)
            port = json.loads(ready.read_bytes())["port"]
            rate, latencies, failures = asyncio.run(load(port, made, seconds, connections))
            resident = memory(server.pid)
        finally:
            server.terminate()
            server.wait()
        latencies.sort()
        return {
            "batches_per_s": round(rate),
            "p99_ms": round(1000 * latencies[int(len(latencies) * 0.99)], 1),
            "failures": failures,
            "rss_mb": resident,
        }


def memory(pid: int) -> float:
    """Return the resident memory of a process in MB, 0 where /proc does not tell."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        store, folder, ready = options.serve
        serve(pathlib.Path(folder), store, pathlib.Path(ready))
        return
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {1})
    figures = [Figure("load of the machine", round(os.getloadavg()[0], 1))]
    for rows in options.rows:
        rounds = [
            (measure("no", rows, options.seconds), measure("yes", rows, options.seconds))
            for _ in range(options.rounds)
        ]
        figures += shown(rows, rounds)
    figures += crowded(options.seconds)
    raise SystemExit(0 if show(figures, as_json=options.json) else 1)


def crowded(seconds: float) -> list[Figure]:
    """Return what is told of single rows over very many connections."""
    with contextlib.suppress(ImportError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the server's too
    found = measure("yes", 1, seconds, CROWD)
    return [
        Figure(f"1 row, {CROWD} connections: batches/s, durable", found["batches_per_s"]),
        Figure(f"1 row, {CROWD} connections: p99 of these, ms", found["p99_ms"], most=1000),
        Figure(f"1 row, {CROWD} connections: failures", found["failures"], most=0),
    ]


def shown(rows: int, rounds: list[tuple[dict[str, float], dict[str, float]]]) -> list[Figure]:
    """Return what is told of batches of *rows*; a round is without a store, and with one."""
    ratios = [with_["batches_per_s"] / without["batches_per_s"] for without, with_ in rounds]
    middle = sorted(range(len(rounds)), key=ratios.__getitem__)[len(rounds) // 2]
    without, durable = rounds[middle]
    failures = sum(each["failures"] for pair in rounds for each in pair)
    ratio = round(statistics.median(ratios), 2)
    return [
        Figure(f"{rows} rows: against no store", ratio, least=BARS.get(rows)),
        Figure(f"{rows} rows: batches/s without a store", without["batches_per_s"]),
        Figure(f"{rows} rows: batches/s, durable", durable["batches_per_s"]),
        Figure(f"{rows} rows: p99 of these, ms", durable["p99_ms"], most=60 if rows == 1 else None),
        Figure(f"{rows} rows: failures", failures, most=0),
        Figure(f"{rows} rows: resident MB", durable["rss_mb"]),
    ]


if __name__ == "__main__":
    main()
