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
#: Runs what follows where one folder is a file system of 24 megabytes that only it sees.
BESIDE = 'mount -t tmpfs -o size=24m none "$1" && chown nobody "$1" && shift && exec "$@"'
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


def outlive(small, use_up):
    """Let *use_up* fill the disk under a host that takes uploads; return how many it took."""
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
        use_up()
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
        end = time.monotonic() + 20
        while (unready := browser.get(f"{small.url}/readyz")).status_code == 200:
            assert time.monotonic() < end  # what was proven two seconds ago counts no longer
            time.sleep(0.05)
        assert (unready.status_code, unready.json()["title"]) == (503, "Try again later")
        assert int(unready.headers["retry-after"]) >= 5

        for name in ("ballast", "more"):
            (small.disk / name).unlink(missing_ok=True)

        assert browser.get(f"{small.url}/readyz").json()["status"] == "ok"
        assert send(refused).json()["accepted"] == 500
    return taken + 1


def test_a_full_disk_is_503_and_recovers(small):
    def use_up():
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

    taken = outlive(small, use_up)

    found = json.loads(small.ask("report", "demo", "--json"))
    assert (found["events"], found["health"]["lost"]) == (500 * taken, 0)
    doctor = small.ask("host", "doctor", code=1)  # which finds the disk too small
    assert "ok   integrity: ok" in doctor
    assert "BAD  free space" in doctor


@pytest.fixture
def cramped(engine, tmp_path, tmp_path_factory):
    """A host in a PostgreSQL whose tables lie on a small disk, with room for its log elsewhere."""
    with contextlib.closing(type(engine)(tmp_path_factory.mktemp("template"))) as server:
        space = server.folder / "space"
        space.mkdir()
        server.stop()
        plain = server._as
        server._as = ["unshare", "--mount", "sh", "-c", BESIDE, "sh", space, *plain]
        server.start()
        server._as = plain
        server.sql(f"CREATE TABLESPACE small LOCATION '{space}'")
        server.sql("CREATE DATABASE cramped TEMPLATE postgres TABLESPACE small")
        folder, ready = tmp_path / "host", tmp_path / "ready"
        folder.mkdir()
        (folder / "database.url").write_text(server.url("cramped"))
        enrolled = subprocess.run(
            [sys.executable, "-c", ENROL, folder], check=True, capture_output=True, text=True
        )
        command = [sys.executable, "-m", "otumat_usage.host", "serve", "-d", folder]
        process = subprocess.Popen(
            [*command, "--port", "0", "--ready-file", ready], stdout=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while not ready.exists() or not ready.read_bytes():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        disk = pathlib.Path(f"/proc/{server.server.pid}/root{space}")
        url = json.loads(ready.read_text())["url"]
        yield server, Small(process, url, *enrolled.stdout.split(), disk, folder)
        process.kill()
        process.wait()


@pytest.mark.postgresql
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_full_disk_of_postgresql_is_503_and_recovers(cramped):
    """Even where the settings have room, which is none for anything else."""
    server, small = cramped

    def use_up():
        for name, size in (("gone", 400_000), ("stays", 1000)):  # what lies last would be cut off
            text = f"string_agg(md5(random()::text), '') FROM generate_series(1, {size})"
            server.sql(f"INSERT INTO setting SELECT '{name}', {text}", "cramped")
        server.sql("DELETE FROM setting WHERE name = 'gone'", "cramped")
        server.sql("VACUUM setting", "cramped")
        fill(small.disk / "ballast")

    taken = outlive(small, use_up)

    done = subprocess.run(
        [sys.executable, "-c", "from otumat_usage.cli import main; main()", "report", "demo",
         "--json", "-d", small.inside],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert (found["events"], found["health"]["lost"]) == (500 * taken, 0)
