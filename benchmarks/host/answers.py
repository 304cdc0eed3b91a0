"""Measure counting and every answer over a made-up year, on SQLite and on PostgreSQL.

    nox -s bench -- host-answers [--events 10M] [--installs 100000] [--engine sqlite]

Fills a store through the host's own log (see `year.py`), rebuilds all statistics, counts the last
days as they come in, works ahead as the worker does in its pauses, and times each answer, each
page (made by the host, without the network), the badge, a filtered cross query, and the erasure of
the heaviest user; then rebuilds again and compares. First, median, maximum and CPU time are of
answers worked out anew, "again" is of one that the host remembers because nothing has changed. The
bars are for the median of the former.

Nobody works a badge out who asks for it: the worker keeps the numbers ready, once a minute at most.
No worker runs here, so they are kept once, by what it calls. What that costs is "keep all badges"
("again": a look, each two seconds, that finds nothing to do), and a badge "not kept" is one asked
for before the worker has come to it, a moment after midnight or a restore; these have no bar.

`--check` compares the answers with plain SQL over the decoded log, on 200 000 events. PostgreSQL
is started for it in a folder of its own (its programs are looked for as its own `pg_config` says).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import hashlib
import itertools
import math
import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from ending import heed_sigterm
from year import DAY, DAYS, Year

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ASKED = '(feature = "feature 03" or feature = "feature 07") and not os = Windows'
REPEATS = 7
#: Of a badge: on a new connection PostgreSQL plans a statement anew until it has come ten times.
BADGES = 100
#: Of what is printed to be known, and may take what it takes.
NO_BAR = math.inf


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server of our own; yield the address of its database."""
    found = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False)
    debian = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    place = pathlib.Path(found.stdout.strip()) if found.returncode == 0 else None
    if place is None or not (place / "initdb").exists():
        place = debian[-1]
    heed_sigterm()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="otumat-pg-"))
    try:
        yield from _served(place, folder)
    finally:
        shutil.rmtree(folder)


def _served(place: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    other: list[str] = []
    if os.getuid() == 0:  # which the server refuses to run as
        shutil.chown(folder, "nobody")
        other = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    subprocess.run(
        [*other, place / "initdb", "-D", folder / "data", "-U", "otumat", "--auth=trust",
         "--encoding=UTF8", "--locale=C"],
        check=True, stdout=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    server = subprocess.Popen(
        [*other, place / "postgres", "-D", folder / "data", "-k", folder, "-clisten_addresses=",
         "-cshared_buffers=512MB", "-cmax_wal_size=4GB"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    try:
        ready = [place / "pg_isready", "-q", "-h", folder, "-d", "postgres"]
        while subprocess.run(ready, check=False).returncode:
            if server.poll() is not None:
                raise SystemExit("PostgreSQL did not start")
            time.sleep(0.05)
        yield f"postgresql://otumat@/postgres?host={folder}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


class Timed:
    """Milliseconds of a call: worked out anew each time, and remembered."""

    def __init__(
        self, call: Callable[[], Any], forget: Callable[[], None], repeats: int = REPEATS
    ) -> None:
        self.walls: list[float] = []
        self.cpus: list[float] = []
        for _ in range(repeats):
            forget()
            self._time(call)
        self.again = min(self._time(call) for _ in range(repeats))
        del self.walls[repeats:], self.cpus[repeats:]

    def _time(self, call: Callable[[], Any]) -> float:
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        self.walls.append(1000 * (time.perf_counter() - wall))
        self.cpus.append(1000 * (time.process_time() - cpu))
        return self.walls[-1]

    def row(self) -> tuple[float, float, float, float, float]:
        """Return first, median and maximum, the median of CPU time, and once remembered."""
        median = statistics.median
        return self.walls[0], median(self.walls), max(self.walls), median(self.cpus), self.again


class Browser:
    """Ask the host's application in this process, as its admin."""

    def __init__(self, host: Any) -> None:
        from otumat_usage.host._admin import new_link
        from otumat_usage.host._app import make_app

        self._app = make_app(host)
        self._loop = asyncio.new_event_loop()
        self._asked: asyncio.Queue[tuple[str, asyncio.Future[Any]]] = asyncio.Queue()
        self._serving = self._loop.create_task(self._serve())
        with host.database.write() as connection:
            link = new_link(connection, host.issuer, host.now())
        _, headers, _ = self.get(link.removeprefix(host.issuer))
        cookies = [v.split(b";")[0] for k, v in headers if k == b"set-cookie"]
        self._cookie = b"; ".join(cookies)

    _cookie = b""

    def get(self, address: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Return status, headers and body."""
        answered = self._loop.create_future()
        self._asked.put_nowait((address, answered))
        return self._loop.run_until_complete(answered)

    def close(self) -> None:
        """End the threads that read, else the process would wait for them for ever."""
        self._serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serving)
        self._loop.close()

    async def _serve(self) -> None:
        # All in one task, as a server does: the threads that read for it end with it.
        while True:
            address, answered = await self._asked.get()
            try:
                answered.set_result(await self._get(address))
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets it
                answered.set_exception(error)

    async def _get(self, address: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        path, _, query = address.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "",
            "query_string": query.encode(), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1),
            "headers": [(b"host", b"127.0.0.1:1"), (b"cookie", self._cookie)],
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], sent[0]["headers"], body


def table(rows: list[tuple[str, Timed, float]]) -> bool:
    """Print them with their bars; say whether all keep to these by their median."""
    print(f"{'':34}{'first':>9}{'median':>9}{'max':>9}{'CPU':>9}{'again':>9}{'bar':>7}  ms")
    good = True
    for name, timed, bar in rows:
        first, median, most, cpu, again = timed.row()
        over = "" if median <= bar else "  OVER"
        good &= not over
        told = "" if bar == NO_BAR else f"{bar:7g}{over}"
        print(f"{name:34}{first:9.1f}{median:9.1f}{most:9.1f}{cpu:9.1f}{again:9.1f}{told}")
    return good


def rollups_of(database: Any) -> str:
    """Return a hash of every statistic: of days, weeks and blocks; of who changed version."""
    from otumat_usage.host._database import blocks, mixed, rollups, select, weeks

    digest = hashlib.sha256()
    with database.read() as connection:
        for table in (rollups, weeks, mixed, blocks):
            every = select(table).order_by(*table.primary_key).execution_options(yield_per=500)
            for row in connection.execute(every):
                digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def ask_all(host: Any, year: Year, bar: float) -> bool:
    """Time every answer, page and badge; print them."""
    from otumat_usage.host._answers import Answers
    from otumat_usage.host._catalogue import EXHIBITS, PAGES, exhibit
    from otumat_usage.host._public import publish
    from otumat_usage.host._question import ask
    from otumat_usage.host._remembered import forget

    def answered(name: str, given: dict[str, str]) -> None:
        with host.database.read() as connection:
            answers = Answers(connection, year.package, host.now())
            exhibit(name, answers, ask(answers, given))

    def crossed() -> None:
        with host.database.read() as connection:
            answers = Answers(connection, year.package, host.now())
            asked = ask(answers, {"where": ASKED})
            answers.series(asked.last - DAYS + 1, asked.last, where=asked.where)

    def anew() -> None:
        with host.database.read() as connection:
            forget(connection)

    rows = []
    for days, name in itertools.product((90, DAYS), EXHIBITS):
        given = {"days": str(days)}
        rows.append(
            (f"{name}, {days} days", Timed(lambda n=name, g=given: answered(n, g), anew), bar)
        )
    rows.append(("filtered, each of 365 days", Timed(crossed, anew), bar))
    with host.database.write() as connection:
        publish(connection, year.package, on=True)
    host.writer.start()
    with contextlib.closing(Browser(host)) as browser:
        for days, kind in itertools.product((90, DAYS), PAGES):
            address = f"/p/demo/{kind}?days={days}".replace("/?", "?")
            if browser.get(address)[0] != 200:
                raise SystemExit(f"{address} was not answered")
            rows.append((f"page {address}", Timed(lambda a=address: browser.get(a), anew), 100))
        rows.append(("page /public/demo", Timed(lambda: browser.get("/public/demo"), anew), 100))
        rows += badges(host, browser, anew)
    host.writer.stop()
    return table(rows)


def badges(host: Any, browser: Browser, anew: Callable[[], None]) -> list[tuple[str, Timed, float]]:
    """Time badges whose numbers are kept, those whose are not, and keeping them."""
    from otumat_usage.host._kept_badges import forget, keep

    def drop() -> None:
        anew()
        with host.database.write() as connection:
            forget(connection)

    asked = {
        f"badge {metric}": functools.partial(browser.get, f"/badge/demo/{metric}.svg")
        for metric in ("users", "yearly-users")
    }
    rows = [(f"{name}, not kept", Timed(call, drop), NO_BAR) for name, call in asked.items()]
    kept = Timed(lambda: keep(host.database, host.now()), drop)
    rows.append(("keep all badges", kept, NO_BAR))
    return rows + [(name, Timed(call, anew, BADGES), 1) for name, call in asked.items()]


def check(folder: pathlib.Path, url: str | None, now: int) -> None:
    """Compare the answers of a smaller year with plain SQL over its decoded log."""
    from otumat_usage.host._answers import Answers
    from otumat_usage.host._database import Database
    from otumat_usage.host._expression import read
    from otumat_usage.host._log import context_values, entries, type_names
    from otumat_usage.host._rollups import rebuild

    database = Database.create(folder, url=url)
    year = Year(database, 200_000, 4000, now)
    year.write()
    rebuild(database, year.package.id)
    sql = sqlite3.connect(":memory:")
    sql.execute("CREATE TABLE e (who, day, feature, version, python, os)")
    with database.read() as connection:
        names, contexts = (f(connection, year.package.id) for f in (type_names, context_values))
        for entry in entries(connection, year.package.id):
            told = tuple(contexts[entry.context].values())
            sql.executemany(
                "INSERT INTO e VALUES (?,?,?,?,?,?)",
                [
                    (entry.install, at // DAY, names[kind], *told)
                    for at, kind in zip(entry.times, entry.kinds, strict=True)
                ],
            )
        sql.execute("CREATE INDEX i ON e (who, day)")
        answers = Answers(connection, year.package, now)
        first, last = answers.today - DAYS, answers.today
        compared = 0

        def same(found: dict[Any, Any], query: str) -> None:
            nonlocal compared
            told = {row[0]: row[1:] if len(row) > 2 else row[1] for row in sql.execute(query)}
            assert found == told, query
            compared += len(told)

        points = {p.start: (p.users, p.events) for p in answers.series(first, last) if p.events}
        same(points, "SELECT day, count(DISTINCT who), count(*) FROM e GROUP BY 1")
        for dimension in ("feature", "package_version", "python", "os"):
            told = {s.value: (s.users, s.events) for s in answers.breakdown(dimension, first, last)}
            column = dimension.removeprefix("package_")
            same(told, f"SELECT {column}, count(DISTINCT who), count(*) FROM e GROUP BY 1")
        for start in (first, last - 90):
            crossed = answers.matrix("feature", "package_version", start, last).pairs
            same(
                {" in ".join(pair): users for pair, users in crossed.items()},
                "SELECT f.feature || ' in ' || v.version, count(DISTINCT f.who) FROM "
                f"(SELECT DISTINCT who, day, feature FROM e WHERE day >= {start}) f JOIN "
                "(SELECT DISTINCT who, day, version FROM e) v USING (who, day) GROUP BY 1",
            )
        rolled = answers.rolling(first + 28, last, window=28)
        days = f"WITH RECURSIVE d(n) AS (SELECT {first + 28} UNION ALL SELECT n + 1 FROM d "
        days += f"WHERE n < {last})"
        users = "(SELECT count(DISTINCT who) FROM e WHERE day BETWEEN n - 27 AND n)"
        same({p.end: p.users for p in rolled}, f"{days} SELECT n, {users} FROM d")
        where = read(ASKED, answers.values)
        chosen = (
            "SELECT DISTINCT who, day FROM e d WHERE EXISTS (SELECT 1 FROM e WHERE e.who = d.who "
            "AND e.day = d.day AND feature IN ('feature 03', 'feature 07')) AND NOT EXISTS (SELECT "
            "1 FROM e WHERE e.who = d.who AND e.day = d.day AND os = 'Windows')"
        )
        filtered = {p.start: p.users for p in answers.series(first, last, where=where) if p.users}
        same(filtered, f"SELECT day, count(DISTINCT who) FROM ({chosen}) GROUP BY 1")
        counts = answers.frequency(last - 27, last)
        same(
            {n: count for n, count in enumerate(counts, 1) if count},
            f"SELECT k, count(*) FROM (SELECT count(DISTINCT day) k FROM e WHERE day > {last - 28} "
            "GROUP BY who) GROUP BY 1",
        )
    sql.close()
    database.close()
    print(f"{compared} numbers of {year.events} events equal plain SQL over the log")


def measure(folder: pathlib.Path, url: str | None, options: argparse.Namespace) -> bool:
    """Fill, count, ask, erase, rebuild; print what each took."""
    from otumat_usage.host._ahead import work_ahead
    from otumat_usage.host._database import Database
    from otumat_usage.host._host import open_host
    from otumat_usage.host._rights import erase
    from otumat_usage.host._rollups import rebuild
    from otumat_usage.host._worker import fold_all

    now = time.time_ns() // DAY // 1_000_000 * DAY + DAY // 2
    Database.create(folder, url=url).close()
    host = open_host(folder, issuer="http://127.0.0.1:1", now=lambda: now)
    database = host.database
    year = took("fill", lambda: Year(database, options.events, options.installs, now, options.ci))
    took("write", year.write)
    print(f"{year.events} events, {year.uploads} uploads, {options.installs} installs")
    with database.read() as connection:
        database.flush(connection)
        if not database.embedded:
            connection.exec_driver_sql("ANALYZE")
    bare = size(database)
    counted: dict[str, float] = {}
    took("rebuild", lambda: rebuild(database, year.package.id), counted)
    with database.read() as connection:
        database.flush(connection)
    print(f"bytes per event: log and installs {bare / year.events:.1f}, "
          f"statistics {(size(database) - bare) / year.events:.1f}")  # fmt: skip
    print(f"rebuild: {year.events / counted['rebuild']:.0f} events/s")
    waiting = year.waiting
    took("fold", lambda: fold_all(database), counted)
    print(f"fold: {waiting} events, {waiting / counted['fold']:.0f} events/s")
    if not database.embedded:  # what was counted away at once; the server comes to it by itself
        with database.read(single=True) as connection:
            took("vacuum of the inbox", lambda: connection.exec_driver_sql("VACUUM inbox"))
    bare = size(database)
    made = took("work ahead", lambda: work_ahead(database, now))
    with database.read() as connection:
        database.flush(connection)
    print(f"{made} blocks of weeks, {(size(database) - bare) / year.events:.1f} bytes per event")
    good = ask_all(host, year, options.bar)
    heaviest = year.heaviest()
    with database.write() as connection:
        print("erased:", took("erase", lambda: erase(connection, heaviest)))
    work_ahead(database, now)
    before = rollups_of(database)
    took("rebuild", lambda: rebuild(database, year.package.id))
    work_ahead(database, now)
    same = rollups_of(database) == before
    print("a rebuild after the erasure gives", "the same" if same else "OTHER", "statistics")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    database.close()
    return good and same


def took(what: str, call: Callable[[], Any], into: dict[str, float] | None = None) -> Any:
    """Call it, and print how long that took."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what}: {wall:.2f} s, CPU {cpu:.2f} s", flush=True)
    if into is not None:
        into[what] = wall
    return found


def size(database: Any) -> int:
    """Return the bytes of the store."""
    if database.embedded:
        return int(database.path.stat().st_size)
    with database.read() as connection:
        query = "SELECT pg_database_size(current_database())"
        return int(connection.exec_driver_sql(query).scalar())


def number(text: str) -> int:
    """Read 10M as ten million."""
    return int(float(text.rstrip("Mm")) * 1_000_000) if text[-1] in "Mm" else int(text)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=number, default=10_000_000)
    parser.add_argument("--installs", type=int, default=100_000)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], nargs="+", default=["sqlite"])
    parser.add_argument("--ci", type=float, default=0, help="share of installs that run on CI")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    options.bar = 50 if options.events <= 10_000_000 else 100
    good = True
    for engine in options.engine:
        with contextlib.ExitStack() as stack:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = stack.enter_context(postgresql()) if engine == "postgresql" else None
            load = os.getloadavg()[0]
            print(f"--- {engine}, Python {sys.version.split()[0]}, load {load:.1f}", flush=True)
            if options.check:
                check(folder / "host", url, time.time_ns() // 1_000_000)
            else:
                good &= measure(folder / "host", url, options)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
