"""Measure the uploader of otumat-usage: `python benchmarks/usage/uploader.py`, a minute.

Peak memory above a bare Python with 100,000 events queued, requests, compression, what a host that
hangs or drips costs, and what runs afterwards. Ceilings are those of the design.
"""

# Prints a table and runs programs.
# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202, ANN204, D102, PERF203, RUF012
import argparse
import gzip
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

PEAK = 'print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])'
RUN = f"from otumat_usage import _upload; _upload.main(); {PEAK}"
AGREE = """
from otumat_usage import UsageAgent, _answer, _home, _schema, _tokens
agent = UsageAgent(author="a", data_directory="d", package_name="p", host="@host@")
agent.save_config()
home = _home.folder()
tokens = _tokens.Tokens("at", "rt", 4e9, "usage:write", "00000000-0000-4000-8000-000000000000")
_tokens.save(home, "p", "@host@", tokens)
_answer.say_yes(home, "p", "@host@", _schema.text_id(None), "bench")
"""
FILL = """
import random
from otumat_usage import UsageAgent
agent = UsageAgent(author="a", data_directory="d", package_name="p", host="@host@")
names = ["import", "read", "write", "fit", "plot", "export", "cache.hit", "cache.miss"]
for number in range(@number@):
    agent.log(event_type=random.choice(names))
    if number % 10000 == 9999:
        agent.show_logs()  # takes them into the outbox: no upload can be made meanwhile
"""


class Host(http.server.BaseHTTPRequestHandler):
    """Takes every upload; or never answers; or answers a byte a second."""

    mode = "takes"
    sizes = []
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        packed = self.rfile.read(int(self.headers["Content-Length"]))
        if Host.mode == "hangs":
            time.sleep(60)
            return
        if Host.mode == "drips":
            self._drip()
            return
        body = gzip.decompress(packed)
        batch = json.loads(body)
        Host.sizes.append((len(packed), len(body), len(batch["rows"])))
        answer = {"batch": batch["batch"], "accepted": len(batch["rows"]), "receipt": "r"}
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _drip(self):
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                self.wfile.write(b"x")
                time.sleep(1)
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass


def start():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


class Home:
    """A home of its own, in which the user agreed to the package p."""

    def __init__(self, host):
        self._folder = tempfile.TemporaryDirectory(prefix="otumat-bench-")
        keep = {k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "LANG")}
        self.env = {**keep, "HOME": self._folder.name}
        self.host = host
        self.run(AGREE)

    def run(self, code, **values):
        for name, value in {"host": self.host, **values}.items():
            code = code.replace(f"@{name}@", str(value))
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.env, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not done.stderr, done.stderr
        return done.stdout, time.monotonic() - begun

    def processes(self):
        mark = f"HOME={self._folder.name}".encode()
        found = 0
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                found += mark in process.joinpath("environ").read_bytes().split(b"\0")
            except OSError:
                continue
        return found


def row(what, figure, ceiling):
    print(f"| {what} | {figure} | {ceiling} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    host = start()
    home = Home(host)
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("\n| what | figure | ceiling |\n|---|---|---|")
    bare = int(home.run(PEAK)[0])
    home.run(FILL, number=options.events)
    peak, seconds = home.run(RUN)
    packed, whole, rows = (sum(column) for column in zip(*Host.sizes, strict=True))
    row(f"events delivered of {options.events:,}", f"{rows:,} in {seconds:.1f} s", "all")
    row("peak memory above bare Python", f"{(int(peak) - bare) / 1024:.1f} MiB", "40 MiB")
    needed = max(-(-rows // 1000), -(-whole // (256 * 1024)))
    row("requests / one per 1,000 events or 256 KB", f"{len(Host.sizes)} / {needed}", "equal")
    row("off by gzip", f"{100 * (1 - packed / whole):.1f} %", "85 %, at least")
    row("processes afterwards", home.processes(), "0")
    for mode in ("hangs", "drips"):
        Host.mode = mode
        home = Home(host)
        home.run(FILL, number=10)
        _, seconds = home.run(RUN)
        row(f"run beside a host that {mode}", f"{seconds:.1f} s", "25 s and a start")
        row("processes afterwards", home.processes(), "0")


if __name__ == "__main__":
    main()
