"""A throw-away home in which programs are measured, and the hosts that they talk to."""

# Prints tables and runs programs.
# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202, ANN204, D102
import gzip
import http.server
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading

from contenders import AGENT

CONFIG = {
    "author": "a", "data_directory": "d", "package_name": "p", "host": "@host@",
    "install_route": "/i", "event_route": "/e", "refresh_route": "/t", "response_timeout": 60,
    "upload_frequency": "24h", "collect": True,
}  # fmt: skip


class Bench:
    """A home of its own, in which the user agreed to the package p (of 0.3 too), not to q."""

    def __init__(self, host):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="otumat-bench-"))
        keep = {k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "LANG")}
        self.env = {**keep, "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        self.host = host
        self.agree()

    def agree(self):
        self.run(
            f"from otumat_usage import UsageAgent, _answer, _home, _schema, _tokens\n{AGENT}\n"
            "agent.save_config(); home = _home.folder()\n"
            "_tokens.save(home, 'p', '@host@', _tokens.Tokens('a', 'r', 4e9, 's', 'i'))\n"
            "_answer.say_yes(home, 'p', '@host@', _schema.text_id(None), 'bench')\n"
        )
        for name, collect in (("d", True), ("no", False)):
            left = self.folder / ".local/share" / name / "usage"
            left.mkdir(parents=True)
            config = json.dumps({**CONFIG, "collect": collect})
            left.joinpath("config.json").write_text(self.fill(config))
            db = sqlite3.connect(left / "main.db")
            db.execute("CREATE TABLE event(event_date datetime(3), event_type varchar(100))")
            db.close()

    def start(self, code, *args, python=sys.executable, env=(), **options):
        path = f"{pathlib.Path(python).parent}{os.pathsep}{self.env['PATH']}"
        return subprocess.Popen(
            [python, "-W", "ignore", "-c", self.fill(code), *args],
            env={**self.env, "PATH": path, **dict(env)}, text=True, **options,
        )  # fmt: skip

    def run(self, code, *args, python=sys.executable, **env):
        program = self.start(
            code, *args, python=python, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, said = program.communicate(timeout=180)
        assert not program.returncode, said
        return out

    def fill(self, code):
        name = self.host.partition("//")[2]
        return code.replace("@host@", self.host).replace("@name@", name)

    def drain(self):
        """Take in our spools; return how many evt-... are kept, how many programs still write."""
        out = self.run(
            "from otumat_usage import _drain, _home, _outbox\n"
            "with _outbox.free(_home.folder()) as o:\n"
            "    busy = _drain.drain(o, _home.folder(), 'p')\n"
            "    rows = o._db.execute(\"SELECT count(*) FROM event WHERE type LIKE 'evt-%'\")\n"
            "    print(*rows.fetchone(), busy)"
        )
        return tuple(map(int, out.split()))

    def left_by_0_3(self):
        """Return how many events otumat 0.3 has kept."""
        with sqlite3.connect(self.folder / ".local/share/d/usage/main.db") as db:
            return db.execute(
                "SELECT count(*) FROM event WHERE event_type LIKE 'evt-%'"
            ).fetchone()[0]

    def end(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Counter:
    """A healthy host for everybody: it counts the names evt-... in whatever arrives."""

    def __init__(self):
        counter = self
        self.seen = set()
        self.requests = self.times = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                names = set(re.findall(rb"evt-[0-9]+-[0-9]+-[0-9]+", body))
                counter.requests += 1
                counter.times += len(names)
                counter.seen |= names
                answer = b'{"success": true, "status": 1, "data": {}}'
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-Backend-Server", "bench")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST  # noqa: N815 - http.server's name

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512

            def handle_error(self, *_):  # a killed client
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


def table(title, header, rows):
    print(f"\n{title}\n")
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        cells = [str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip(), flush=True)
