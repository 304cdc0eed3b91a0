"""The real host, as a process."""

import json
import subprocess
import sys
import time


class Host:
    """The real host on a port of its own, which it keeps over a stop and a start.

    It knows the package tracked, added with the options *more*.
    """

    def __init__(self, folder, *more):
        self.folder = folder / "host-data"
        self.ready = folder / "ready.json"
        self.log = folder / "host.log"
        self.port = "0"
        self.origin = ""
        self.server = None
        self._run("add-package", "tracked", *more)

    def _argv(self, *words):
        return [sys.executable, "-m", "otumat_usage.host", *words, "-d", str(self.folder)]

    def _run(self, *words):
        subprocess.run(self._argv(*words), check=True, capture_output=True, timeout=60)

    def start(self, *more):
        """Serve, with the options *more*."""
        self.ready.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.server = subprocess.Popen(
                self._argv("serve", "--port", self.port, "--ready-file", str(self.ready), *more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 60
        while not self.ready.exists():
            assert self.server.poll() is None, self.log.read_text()
            assert time.monotonic() < end, "the host did not start"
            time.sleep(0.02)
        found = json.loads(self.ready.read_text())
        self.origin = next(v for v in found.values() if str(v).startswith("http://")).rstrip("/")
        self.port = self.origin.rpartition(":")[2]
        return self

    def stop(self):
        self.server.terminate()
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait(10)

    def report(self, package="tracked"):
        """Return what ``otumat-usage report --json`` prints."""
        main = "from otumat_usage.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", main, "report", package, "--json", "-d", str(self.folder)],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
