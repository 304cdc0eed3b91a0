"""Measure the client of otumat-usage beside floors and peers: `python benchmarks/usage`.

Peers that are installed (posthog, sentry-sdk, segment-analytics-python, migas) get a row; the
others are left out. Ratios against the floor of the same run are what counts.
"""

# A script that prints tables.
# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202, ANN204, D102
import argparse
import http.server
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

AGENT = """
from otumat_usage import UsageAgent
agent = UsageAgent(author="a", data_directory="d", package_name="p", host="@host@")
agent.log(event_type="import")
"""
PEERS = {
    "posthog": "import posthog",
    "sentry-sdk": "import sentry_sdk",
    "segment-analytics-python": "import segment.analytics",
    "migas": "import migas",
}
PEER_EXITS = {
    "posthog": "from posthog import Posthog\n"
    "c = Posthog('k', host='@host@')\nc.capture('e', distinct_id='1')",
    "sentry-sdk": "import sentry_sdk\n"
    "sentry_sdk.init('http://k@@name@/1')\nsentry_sdk.capture_message('e')",
    "segment-analytics-python": "import segment.analytics as a\n"
    "a.write_key = 'k'; a.host = '@host@'\na.track('u', 'e')",
}
LOG = """
import json, os, sys, time
from otumat_usage import UsageAgent
import otumat_usage
clock = time.perf_counter_ns
def measure(call, number=20000):
    spent = []
    for _ in range(number):
        begun = clock(); call(); spent.append(clock() - begun)
    spent.sort()
    return [spent[number // 2] / 1e3, spent[number * 99 // 100] / 1e3, spent[-1] / 1e3]
def agent(name):
    return UsageAgent(author="a", data_directory="d", package_name=name, host="@host@")
yes, unasked, off = agent("p"), agent("q"), agent("off")
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
line = b"x" * 119 + b"\\n"
rounds = []
for _ in range(5):
    rounds.append({
        "write(2), 120 bytes": measure(lambda: os.write(fd, line)),
        "log()": measure(lambda: yes.log(event_type="import")),
        "log(), not asked": measure(lambda: unasked.log(event_type="import")),
    })
otumat_usage.disable("off")
for one in rounds:
    one["log(), disable()"] = measure(lambda: off.log(event_type="import"))
print(json.dumps(rounds))
"""
WRITER = """
import json, sys, threading, time
mode, name = sys.argv[1:3]
if mode == "spool":
    from otumat_usage import UsageAgent
    agent = UsageAgent(author="a", data_directory="d", package_name="p", host="@host@")
    log = lambda text: agent.log(event_type=text)
else:
    import sqlite3
    kept = threading.local()
    def log(text):
        if not hasattr(kept, "db"):
            kept.db = sqlite3.connect(sys.argv[3], timeout=60, isolation_level=None)
            kept.db.execute("PRAGMA journal_mode=WAL"); kept.db.execute("PRAGMA synchronous=NORMAL")
        kept.db.execute("INSERT INTO event VALUES (?, ?)", (time.time(), text))
worst = []
def work(thread):
    longest = 0
    for event in range(250):
        begun = time.perf_counter_ns(); log(f"{name}-{thread}-{event}")
        longest = max(longest, time.perf_counter_ns() - begun)
    worst.append(longest)
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(max(worst) / 1e6)
"""
UPLOAD = """
import resource, sys
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
from otumat_usage import _home, _upload
_upload.DEADLINE = 120
(outcome,) = _upload.run(_home.folder(), now=True)
print(outcome.events, outcome.requests, peak() - before)
"""


class Bench:
    """A home of its own, in which the user agreed to the package p."""

    def __init__(self, host):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="otumat-bench-"))
        keep = {k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "LANG")}
        self.env = {**keep, "HOME": str(self.folder)}
        self.host = host
        self.agree()

    def agree(self):
        self.run(
            f"from otumat_usage import UsageAgent, _answer, _home, _schema, _tokens\n{AGENT}\n"
            "agent.save_config(); home = _home.folder()\n"
            "_tokens.save(home, 'p', '@host@', _tokens.Tokens('a', 'r', 4e9, 's', 'i'))\n"
            "_answer.say_yes(home, 'p', '@host@', _schema.text_id(None), 'bench')\n"
        )

    def run(self, code, *args, **env):
        done = subprocess.run(
            [sys.executable, "-c", self.fill(code), *args],
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=True,
        )
        assert not done.stderr, done.stderr
        return done.stdout

    def fill(self, code):
        name = self.host.partition("//")[2]
        return code.replace("@host@", self.host).replace("@name@", name)

    def end(self):
        shutil.rmtree(self.folder)


def table(title, header, rows):
    print(f"\n{title}\n")
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        cells = [str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())


def imports(bench, rounds):
    # A package that embeds us has been imported when its agent is made, and has a version.
    timed = (
        "import sys, time, types\nfor name in ('p', 'q', 'no'):\n"
        "    sys.modules[name] = types.ModuleType(name); sys.modules[name].__version__ = '1'\n"
        "begun = time.perf_counter_ns()\n{code}\n"
        "print(time.perf_counter_ns() - begun)"
    )
    cases = {
        "import sqlite3": ("import sqlite3", {}),
        "agent, not asked": (AGENT.replace('"p"', '"q"'), {}),
        "agent, a recorded no": (AGENT.replace('"p"', '"no"'), {}),
        "agent, DO_NOT_TRACK=1": (AGENT, {"DO_NOT_TRACK": "1"}),
        "agent + first event, agreed": (AGENT, {}),
    }
    cases |= {name: (code, {}) for name, code in PEERS.items() if _has(code)}
    bench.run("from otumat_usage import _answer, _home\n_answer.say_no(_home.folder(), 'no', 'b')")
    spent = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, (code, env) in cases.items():
            taken = int(bench.run(timed.replace("{code}", code), **env)) / 1e6
            if number:  # the first round only warms the files
                spent[name].append(taken)
    floor = spent["import sqlite3"]
    rows = [
        (name, f"{min(s):.2f}", f"{statistics.median(s):.2f}", f"{min(s) / min(floor):.2f}",
         f"{statistics.median(s) / statistics.median(floor):.2f}")
        for name, s in spent.items()
    ]  # fmt: skip
    header = ("", "ms, best", "ms, median", "x import sqlite3, best", "median")
    table("Import, in a fresh interpreter", header, rows)


def _has(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    return done.returncode == 0


def log(bench):
    rounds = json.loads(bench.run(LOG, str(bench.folder / "floor")))
    middle = {
        name: [statistics.median(one[name][i] for one in rounds) for i in range(3)]
        for name in rounds[0]
    }
    floor = middle["write(2), 120 bytes"]
    rows = [
        (name, *(f"{v:.1f}" for v in values), f"{values[0] / floor[0]:.1f}",
         f"{values[1] / floor[1]:.1f}")
        for name, values in middle.items()
    ]  # fmt: skip
    header = ("", "p50 us", "p99 us", "max us", "p50 x", "p99 x")
    table("log(), the whole 'may we?' included", header, rows)


def contention(bench):
    rows = []
    for mode in ("spool", "sqlite"):
        path = str(bench.folder / "wal.db")
        if mode == "sqlite":
            bench.run("import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\n"
                      "db.execute('PRAGMA journal_mode=WAL')\n"
                      "db.execute('CREATE TABLE event (at, type)'); db.commit()", path)  # fmt: skip
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", bench.fill(WRITER), mode, str(n), path],
                env=bench.env, stdout=subprocess.PIPE, text=True,
            )
            for n in range(8)
        ]  # fmt: skip
        while mode == "spool" and any(writer.poll() is None for writer in writers):
            drain(bench)
        worst = [float(writer.communicate()[0]) for writer in writers]
        if mode == "spool":
            got, busy = drain(bench)
            rows.append(("spool, drainer alongside", f"{max(worst):.1f}", f"{got} of 8000"))
            assert not busy
        else:
            rows.append(("SQLite WAL, NORMAL", f"{max(worst):.1f}", "8000 of 8000"))
    table("8 processes x 4 threads x 250 events", ("", "longest log() ms", "kept"), rows)


def drain(bench):
    out = bench.run(
        "from otumat_usage import _drain, _home, _outbox\n"
        "with _outbox.free(_home.folder()) as o:\n"
        "    busy = _drain.drain(o, _home.folder(), 'p')\n"
        "    rows = o._db.execute(\"SELECT count(*) FROM event WHERE type LIKE '%-%-%'\")\n"
        "    print(*rows.fetchone(), busy)"
    )
    got, busy = map(int, out.split())
    return got, busy


def exits(bench, rounds):
    """A program's whole life beside a host that accepts and never answers, output captured."""
    cases = {"no telemetry": "pass", "otumat-usage, agreed": AGENT}
    cases |= {name: code for name, code in PEER_EXITS.items() if _has(PEERS[name])}
    rows = []
    spent = {name: [] for name in cases}
    for _ in range(rounds):
        for name, code in cases.items():
            leave = "\nimport time, sys; sys.stdout.write(str(time.time())); sys.stdout.flush()"
            done = subprocess.run(
                [sys.executable, "-c", bench.fill(code) + leave],
                env=bench.env, capture_output=True, text=True, check=False,
            )  # fmt: skip
            spent[name].append((time.time() - float(done.stdout.split()[-1]), done.stderr))
    floor = statistics.median(taken for taken, _ in spent["no telemetry"])
    for name, found in spent.items():
        late = (statistics.median(taken for taken, _ in found) - floor) * 1e3
        lines = max(text.count("\n") for _, text in found)
        rows.append((name, f"{late:.1f}", lines))
    header = ("", "ms later than without", "lines on stderr")
    table("Exit beside a host that hangs", header, rows)


def killed(bench, number):
    code = AGENT + "import os\nfor n in range(int(sys.argv[1]) - 1): agent.log(event_type='k')\n"
    subprocess.run(
        [sys.executable, "-c", "import sys" + bench.fill(code) + "os.kill(os.getpid(), 9)",
         str(number)], env=bench.env, check=False,
    )  # fmt: skip
    out = bench.run(
        "from otumat_usage import _drain, _home, _outbox\n"
        "with _outbox.free(_home.folder()) as o:\n"
        "    _drain.drain(o, _home.folder(), 'p')\n"
        "    rows = o._db.execute(\"SELECT count(*) FROM event WHERE type IN ('k')\")\n"
        "    print(*rows.fetchone())"
    )
    table("kill -9 after the last event", ("logged", "kept"), [(number, int(out) + 1)])


def upload(number):
    """One pass over many events, to a host that takes them; memory and requests."""
    taken = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append(len(body))
            batch = self.headers["Idempotency-Key"].strip('"')
            answer = json.dumps({"batch": batch, "accepted": 1, "receipt": "r"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bench = Bench(f"http://127.0.0.1:{server.server_port}")
    fill = (
        "from otumat_usage import _batch, _home, _outbox\nimport sys\n"
        "with _outbox.free(_home.folder()) as o:\n"
        "    rows = [_batch.Row(1763830862123 + 7919 * n, f'feature-{n * 7 % 23}', None)"
        " for n in range(int(sys.argv[1]))]\n"
        "    o.take('bench', ('p', '@host@', {'python': '3.12'}), rows, {})\n"
    )
    bench.run(fill, str(number))
    events, requests, memory = bench.run(UPLOAD).split()
    server.shutdown()
    raw = 45 * number
    rows = [(events, requests, f"{float(memory):.1f}", f"{100 - 100 * sum(taken) / raw:.0f} %")]
    header = ("events", "requests", "peak MiB above bare Python", "off by gzip (about)")
    table("One upload pass", header, rows)
    bench.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only-imports", action="store_true")
    parser.add_argument("--queued", type=int, default=100_000)
    options = parser.parse_args()
    tarpit = socket.create_server(("127.0.0.1", 0), backlog=1000)
    bench = Bench(f"http://127.0.0.1:{tarpit.getsockname()[1]}")
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    imports(bench, options.rounds)
    if options.only_imports:
        return
    log(bench)
    bench.end()
    bench = Bench(bench.host)
    contention(bench)
    killed(bench, 1000)
    exits(bench, 5)
    bench.end()
    upload(options.queued)
    tarpit.close()


if __name__ == "__main__":
    main()
