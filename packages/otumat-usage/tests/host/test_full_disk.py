"""A disk that is really full: 503, nothing half-written, and no restart once there is room."""

import contextlib
import json
import pathlib
import subprocess
import sys
import time
import uuid

import httpx
import pytest

from otumat_usage.host import _grants, _packages, _statistics
from otumat_usage.host._database import Database

pytestmark = [
    pytest.mark.mounts,
    pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs in a namespace of Linux"),
]

#: Makes a host on a file system of four megabytes that only it sees.
START = """
mount -t tmpfs -o size=4m none "$1" && mkdir -m 700 "$1/host" &&
"$2" -m otumat_usage.host add-package demo -d "$1/host" >&2 &&
exec "$2" -m otumat_usage.host serve -d "$1/host" --port 0 --ready-file "$3"
"""


@pytest.fixture
def small(tmp_path):
    """Start the host; return its address and its folder as we can reach it."""
    disk, ready = tmp_path / "disk", tmp_path / "ready"
    disk.mkdir()
    process = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", START, "sh", disk, sys.executable, ready],
        stdout=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while not ready.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    yield json.loads(ready.read_text())["url"], pathlib.Path(f"/proc/{process.pid}/root{disk}")
    process.kill()
    process.wait()


def fill(path):
    """Write until there is no room left."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass


def test_a_full_disk_is_503_and_recovers(small):
    url, disk = small
    database = Database.open(disk / "host")
    now = time.time_ns() // 1_000_000
    with database.write() as connection:
        package = _packages.find(connection, "demo")
        consent = _grants.Consent(package.id, "0" * 64, "1-0", now, "browser")
        install = _grants.enrol(connection, consent)
        pair = _grants.Family(connection, install, uuid.uuid4().bytes, now).open("usage:write")
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def batch(number):
        rows = [[at, uuid.uuid4().hex[:2]] for _ in range(500)]
        return {
            "installId": str(uuid.UUID(bytes=install)), "batch": f"b{number}", "sent_at": at,
            "run": "run", "first": 500 * number, "last": 500 * number + 499,
            "headers": ["event_date", "event_type"], "rows": rows,
        }  # fmt: skip

    def send(body):
        headers = {"Authorization": f"Bearer {pair.access}"}
        return browser.post(f"{url}/api/usage-event", json=body, headers=headers)

    with httpx.Client(trust_env=False, timeout=60) as browser:
        taken = 0
        while taken < 3:
            assert send(batch(taken)).status_code == 200
            taken += 1
        fill(disk / "ballast")
        refused = None
        for _ in range(2000):
            refused = batch(taken)
            answer = send(refused)
            if answer.status_code != 200:
                break
            taken += 1
        assert answer.status_code == 503, taken
        assert int(answer.headers["retry-after"]) >= 5
        assert browser.get(f"{url}/healthz").status_code == 200
        assert send(refused).status_code == 503

        (disk / "ballast").unlink()

        assert send(refused).json()["accepted"] == 500
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        found = _statistics.summarise(connection, package, time.time_ns() // 1_000_000)
    database.close()
    assert (found.events, found.health["lost"]) == (500 * (taken + 1), 0)
