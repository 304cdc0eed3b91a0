"""A disk that is really full: 503, nothing half-written, and no restart once there is room."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time
import uuid

import httpx
import pytest

pytestmark = [
    pytest.mark.mounts,
    pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs in a namespace of Linux"),
]

#: Makes a host on a file system of four megabytes that only it sees.
START = """
mount -t tmpfs -o size=4m none "$1" && "$2" -c "$4" "$1/host" > "$3.client" &&
exec "$2" -m otumat_usage.host serve -d "$1/host" --port 0 --ready-file "$3"
"""
#: Enrols one install of a package; prints its id and access token.
ENROL = """
import pathlib, sys, time, uuid
from otumat_usage.host import _grants, _packages
from otumat_usage.host._database import Database
now = time.time_ns() // 1_000_000
database = Database.create(pathlib.Path(sys.argv[1]))
with database.write() as connection:
    package = _packages.add(connection, "demo", now)
    consent = _grants.Consent(package.id, "0" * 64, "1-0", now, "browser")
    install = _grants.enrol(connection, consent)
    pair = _grants.Family(connection, install, uuid.uuid4().bytes, now).open("usage:write")
database.close()
print(uuid.UUID(bytes=install), pair.access)
"""


@dataclasses.dataclass
class Small:
    """A host whose disk is small; *disk* is where it lies for us, *inside* for itself."""

    process: subprocess.Popen
    url: str
    install: str
    token: str
    disk: pathlib.Path
    inside: pathlib.Path

    def ask(self, *words, code=0):
        """Run a command beside the host, on its disk."""
        done = subprocess.run(
            ["nsenter", "--mount", "-t", str(self.process.pid), sys.executable, "-c",
             "from otumat_usage.cli import main; main()", *words, "-d", self.inside / "host"],
            check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def small(tmp_path):
    """Start the host."""
    disk, ready = tmp_path / "disk", tmp_path / "ready"
    disk.mkdir()
    process = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", START, "sh", disk, sys.executable, ready, ENROL],
        stdout=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while not ready.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    url = json.loads(ready.read_text())["url"]
    install, token = (tmp_path / "ready.client").read_text().split()
    reached = pathlib.Path(f"/proc/{process.pid}/root{disk}")
    yield Small(process, url, install, token, reached, disk)
    process.kill()
    process.wait()


def fill(path):
    """Write until there is no room left."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass


def test_a_full_disk_is_503_and_recovers(small):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def batch(number):
        rows = [[at, uuid.uuid4().hex[:2]] for _ in range(500)]
        return {
            "installId": small.install, "batch": f"b{number}", "sent_at": at,
            "run": "run", "first": 500 * number, "last": 500 * number + 499,
            "headers": ["event_date", "event_type"], "rows": rows,
        }  # fmt: skip

    def send(body):
        headers = {"Authorization": f"Bearer {small.token}"}
        return browser.post(f"{small.url}/api/usage-event", json=body, headers=headers)

    with httpx.Client(trust_env=False, timeout=60) as browser:
        taken = 0
        while taken < 3:
            assert send(batch(taken)).status_code == 200
            taken += 1
        assert browser.get(f"{small.url}/readyz").status_code == 200
        small.ask("host", "backup", small.inside / "copy")
        fill(small.disk / "ballast")
        # Room for the copies that are made first, and none for what is written in place.
        room = sum((small.disk / name).stat().st_size for name in ("copy", "host/host.sqlite3"))
        os.truncate(small.disk / "ballast", (small.disk / "ballast").stat().st_size - room - 8192)
        refusal = small.ask("host", "restore", small.inside / "copy", "--yes", code=2)
        assert "disk is full" in refusal
        for left in (small.disk / "host").glob("host.sqlite3.*"):
            left.unlink()
        fill(small.disk / "more")
        refused = None
        for _ in range(2000):
            refused = batch(taken)
            answer = send(refused)
            if answer.status_code != 200:
                break
            taken += 1
        assert answer.status_code == 503, taken
        assert int(answer.headers["retry-after"]) >= 5
        assert browser.get(f"{small.url}/healthz").status_code == 200
        assert send(refused).status_code == 503
        unready = browser.get(f"{small.url}/readyz")
        assert (unready.status_code, unready.json()["title"]) == (503, "Try again later")
        assert int(unready.headers["retry-after"]) >= 5

        (small.disk / "ballast").unlink()
        (small.disk / "more").unlink()

        assert browser.get(f"{small.url}/readyz").json()["status"] == "ok"
        assert send(refused).json()["accepted"] == 500
    found = json.loads(small.ask("report", "demo", "--json"))
    assert (found["events"], found["health"]["lost"]) == (500 * (taken + 1), 0)
    doctor = small.ask("host", "doctor", code=1)  # which finds the disk too small
    assert "ok   integrity: ok" in doctor
    assert "BAD  free space" in doctor
