"""What becomes of events: killed, forked, from many processes, and when nobody takes them."""

# Prints tables and runs programs.
# ruff: noqa: ANN001, ANN002, ANN201, ANN202, ANN204, D102
import subprocess
import time

from contenders import OURS, filled
from home import Bench, Counter, table

KILLED = """
import os
{setup}
for number in range(1000):
    name = f"evt-0-0-{number}"
    {call}
os.kill(os.getpid(), 9)
"""
FORKED = """
import os, time
{setup}
name = "evt-0-0-0"
{call}
children = []
for child in range(1, 5):
    pid = os.fork()
    if pid == 0:
        for number in range(25):
            name = f"evt-{child}-0-{number}"
            {call}
        time.sleep(0.2)
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
"""
WRITER = """
import os, sys, threading, time
{setup}
worst, failed = [], []
def work(thread):
    longest = 0
    for number in range(250):
        name = f"evt-{sys.argv[1]}-{thread}-{number}"
        begun = time.perf_counter_ns()
        try:
            {call}
        except Exception as error:
            failed.append(error)
        longest = max(longest, time.perf_counter_ns() - begun)
    worst.append(longest)
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
os.write(1, f"{max(worst) / 1e6} {len(failed)}\\n".encode())
"""
WAL = """
import sqlite3, threading
kept = threading.local()
def log(text):
    if not hasattr(kept, "db"):
        kept.db = sqlite3.connect(sys.argv[2], timeout=60, isolation_level=None)
        kept.db.execute("PRAGMA journal_mode=WAL"); kept.db.execute("PRAGMA synchronous=NORMAL")
    kept.db.execute("INSERT INTO event VALUES (?, ?)", (time.time(), text))
"""
STORE = """
{setup}
for number in range({calls}):
    name = f"evt-0-0-{number}"
    {call}
"""


class Run:
    """One contender beside a healthy host that counts, or for ours and 0.3 on its disk."""

    def __init__(self, one):
        self.one = one
        self.counter = Counter()
        self.bench = Bench(self.counter.origin)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.counter.end()
        self.bench.end()

    def start(self, code, *args):
        quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        return self.bench.start(filled(code, self.one), *args, python=self.one.python, **quiet)

    def finish(self, program, seconds=100):
        """Wait for a program; say whether it ended by itself."""
        try:
            return program.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            program.kill()
            program.communicate()
            return None

    def arrived(self, expected):
        if self.one is OURS:
            kept, busy = self.bench.drain()
            assert not busy
            return kept
        if "0.3" in self.one.name:
            return self.bench.left_by_0_3()
        end, seen = time.monotonic() + 1, -1
        while len(self.counter.seen) < expected and (
            time.monotonic() < end or seen < len(self.counter.seen)
        ):
            seen = len(self.counter.seen)
            time.sleep(0.2)
        return len(self.counter.seen)


def run(contenders):
    rows = []
    for one in contenders:
        with Run(one) as run:
            run.finish(run.start(KILLED))
            killed = run.arrived(1000)
        with Run(one) as run:
            ended = run.finish(run.start(FORKED))
            forked = f"{run.arrived(101)}{'' if ended is not None else ', hung'}"
        rows.append((one.name, killed, forked))
    header = ("", "kill -9 after 1000, kept or arrived", "fork, of 101")
    table("Delivery beside a healthy host", header, rows)


def contention(contenders):
    """8 processes x 4 threads x 250; ours with a drainer alongside, which the others lack."""
    rows = []
    for one in contenders:
        with Run(one) as run:
            begun = time.monotonic()
            writers = [run.start(WRITER, str(n)) for n in range(8)]
            while one is OURS and any(writer.poll() is None for writer in writers):
                run.bench.drain()
            said = [run.finish(writer) for writer in writers]
            took = time.monotonic() - begun
            rows.append((one.name, *_worst(said), f"{took:.1f}", run.arrived(8000)))
    rows.insert(1, _sqlite())
    header = ("", "longest call, ms", "raised", "s in all", "of 8000")
    table("8 processes x 4 threads x 250 events, a healthy host", header, rows)


def _worst(said):
    found = [text.split() for text in said if text]
    if len(found) < len(said):
        return "hung", "-"
    return f"{max(float(ms) for ms, _ in found):.1f}", sum(int(failed) for _, failed in found)


def _sqlite():
    """What our spool is measured against: all in one SQLite file, in its fastest safe mode."""
    bench = Bench("http://127.0.0.1:9")
    path = str(bench.folder / "wal.db")
    bench.run("import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\n"
              "db.execute('PRAGMA journal_mode=WAL')\n"
              "db.execute('CREATE TABLE event (at, type)'); db.commit()", path)  # fmt: skip
    code = WRITER.replace("{setup}", WAL).replace("{call}", "log(name)")
    begun = time.monotonic()
    writers = [bench.start(code, str(n), path, stdout=subprocess.PIPE) for n in range(8)]
    said = [writer.communicate()[0] for writer in writers]
    bench.end()
    return ("(SQLite WAL, NORMAL)", *_worst(said), f"{time.monotonic() - begun:.1f}", 8000)


def store(contenders):
    """What lies on the disk when nobody ever takes it."""
    rows = []
    for one, number in (
        (contenders[0], 1_000_000),
        *((o, 2000) for o in contenders if "0.3" in o.name),
    ):
        bench = Bench("http://127.0.0.1:9")
        before = _bytes(bench)
        code = filled(STORE, one, calls=number)
        bench.run(code, python=one.python)
        rows.append((one.name, number, f"{(_bytes(bench) - before) / 2**20:.2f}"))
        bench.end()
    table("Nobody takes them", ("", "events", "MiB on disk"), rows)


def _bytes(bench):
    return sum(path.stat().st_size for path in bench.folder.rglob("*") if path.is_file())
