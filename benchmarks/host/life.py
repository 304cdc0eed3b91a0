"""Measure the host's start, idle memory, refreshes per second, bytes per event and answers.

    nox -s bench -- host-life [--events 200000]

Start: from the command to the first answer of /healthz, median of 5. Refreshes: through the write
thread, 64 waiting at once, durable. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid


def start(folder: pathlib.Path) -> tuple[float, float]:
    """Return seconds to the first answer, and resident MB when idle."""
    with tempfile.TemporaryDirectory() as name:
        ready = pathlib.Path(name, "ready")
        begin = time.perf_counter()
        command = [sys.executable, "-m", "otumat_usage.host", "serve", "-d", str(folder)]
        server = subprocess.Popen(
            [*command, "--port", "0", "--ready-file", str(ready)], stdout=subprocess.DEVNULL
        )
        try:
            while not ready.exists():
                time.sleep(0.002)
            url = json.loads(ready.read_text())["url"]
            urllib.request.urlopen(f"{url}/healthz").read()
            took = time.perf_counter() - begin
            memory = 0.0
            with contextlib.suppress(OSError):
                for line in pathlib.Path(f"/proc/{server.pid}/status").read_text().splitlines():
                    if line.startswith("VmRSS"):
                        memory = int(line.split()[1]) / 1024
        finally:
            server.terminate()
            server.wait()
    return took, memory


def refreshes(folder: pathlib.Path, number: int = 2000) -> float:
    """Return durable rotations per second, each refresh with the token of the one before."""
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


def life(folder: pathlib.Path, events: int, rows: int) -> dict[str, float]:
    """Fill a store with *events* in batches of *rows*; return its size and the time of answers."""
    from otumat_usage.host import _grants, _log, _packages, _statistics, _wire
    from otumat_usage.host._database import Database
    from otumat_usage.host._worker import fold_all

    rng = random.Random(1)
    database = Database.create(folder)
    now = time.time_ns() // 1_000_000
    with database.write() as connection:
        package = _packages.add(connection, "demo", now)
        empty = database.path.stat().st_size
        installs = []
        for _ in range(max(1, events // 100)):
            consent = _grants.Consent(package.id, "0" * 64, "1-0", now, "browser")
            installs.append(_grants.enrol(connection, consent))
        for n in range(events // rows):
            install = installs[n % len(installs)]
            at = now - rng.randrange(0, 365 * 86_400_000)
            made = [
                _wire.Event(i, i, at + i * 1000, f"feature {rng.randrange(20)}", 1, None)
                for i in range(rows)
            ]
            batch = _wire.Batch(
                "",
                uuid.uuid4().hex,
                "2026-01-01T00:00:00Z",
                uuid.uuid4().hex,
                1,
                rows,
                [],
                [],
                _wire.Context("1.2.3", "3.12", "Linux"),
            )
            upload = _log.Upload(batch, made, [], uuid.uuid4().bytes * 2, at)
            _log.append(connection, install=install, package=package.id, upload=upload)
    begin = time.perf_counter()
    fold_all(database)
    folded = time.perf_counter() - begin
    with database.read() as connection:
        database.flush(connection)
        size = database.path.stat().st_size - empty
        begin = time.perf_counter()
        _statistics.summarise(connection, package, now)
        took = time.perf_counter() - begin
    database.close()
    return {
        "bytes_per_event": round(size / events, 1),
        "counted_per_second": round(events / folded),
        "summary_ms": round(took * 1000),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        starts = [start(folder / "start") for _ in range(5)]
        result = {
            "start_s": round(statistics.median(took for took, _ in starts), 2),
            "idle_mb": round(statistics.median(memory for _, memory in starts), 1),
            "refreshes_per_s": round(refreshes(folder / "refresh")),
            "100 rows a batch": life(folder / "large", options.events, 100),
            "5 rows a batch": life(folder / "small", options.events // 4, 5),
        }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
