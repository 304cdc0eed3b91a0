"""Laws of backup, doctor, and of one host per folder."""

import errno
import json
import os
import sqlite3
import sys
import threading
import uuid

import pytest
from click.testing import CliRunner

from otumat_usage.host import _keep, _packages, _restore, _statistics
from otumat_usage.host._database import Database, serving_from
from otumat_usage.host._errors import StoreInUse, StoreMissing, StoreUnavailable
from otumat_usage.host._settings import recall
from otumat_usage.host._whole_file import beside
from otumat_usage.host.cli import host_group

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def run(service):
    """Run a host command in this process on the service's folder."""

    def run(*words):
        folder = service.host.database.path.parent
        return CliRunner().invoke(host_group, [words[0], "-d", str(folder), *map(str, words[1:])])

    return run


@pytest.fixture
def folder(service):
    return service.host.database.path.parent


def events(folder, now):
    database = Database.open(folder)
    with database.read() as connection:
        package = _packages.find(connection, "demo")
        found = _statistics.summarise(connection, package, now).events
    database.close()
    return found


def test_a_backup_made_under_load_is_whole_and_restores(service, folder, tmp_path):
    """The copy holds some prefix of what was acknowledged, and restoring it brings just that."""
    tokens = service.enrol()
    done = threading.Event()
    sizes = []

    def copy():
        while not done.is_set():
            target = tmp_path / f"copy-{len(sizes)}"
            sizes.append(_keep.backup(folder, target))

    thread = threading.Thread(target=copy)
    thread.start()
    for _ in range(15):
        assert service.upload(tokens, service.batch(tokens, "a", "b")).status_code == 200
    done.set()
    thread.join(20)
    _keep.backup(folder, tmp_path / "last")

    counts = []
    for name in [*[f"copy-{i}" for i in range(len(sizes))], "last"]:
        other = tmp_path / f"restored-{name}"
        _restore.restore(other, tmp_path / name)
        counts.append(events(other, service.clock()))

    assert counts == sorted(counts)
    assert counts[-1] == 30
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_restoring_keeps_what_was_there(service, folder, tmp_path):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "a"))
    _keep.backup(folder, tmp_path / "copy")
    service.upload(tokens, service.batch(tokens, "b", "c"))
    service.host.stop()

    old = _restore.restore(folder, tmp_path / "copy").kept

    assert events(folder, service.clock()) == 1
    old.rename(tmp_path / "host.sqlite3")
    assert events(tmp_path, service.clock()) == 3


def test_restoring_at_once_again_replaces_nothing_that_was_kept(service, folder, tmp_path):
    """Within one second, so the date alone would name them alike."""
    _keep.backup(folder, tmp_path / "copy")
    service.host.stop()

    kept = [_restore.restore(folder, tmp_path / "copy").kept for _ in range(4)]

    assert len(set(kept)) == 4
    assert all(path.is_file() for path in kept)


def test_two_hosts_never_serve_from_one_folder(folder):
    refused = pytest.raises(StoreInUse, match="another host serves")
    with serving_from(folder), refused, serving_from(folder):
        pass
    with serving_from(folder):
        pass


def test_only_a_whole_backup_is_restored(folder, tmp_path):
    good = tmp_path / "good"
    _keep.backup(folder, good)
    data = bytearray(good.read_bytes())
    text = tmp_path / "text"
    text.write_text("no database")
    damaged = tmp_path / "damaged"
    data[4096:8192] = os.urandom(4096)
    damaged.write_bytes(data)
    other = tmp_path / "other"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE setting (name, value)")
    connection.execute("INSERT INTO setting VALUES ('schema', '99')")
    connection.commit()
    connection.close()

    before = (folder / "host.sqlite3").read_bytes()
    for path in (text, damaged, other):
        with pytest.raises(StoreUnavailable):
            _restore.restore(folder, path)
    with pytest.raises(StoreMissing):
        _restore.restore(folder, tmp_path / "none")

    assert (folder / "host.sqlite3").read_bytes() == before


def test_nothing_is_left_of_a_copy_that_failed(folder):
    """Nor of what SQLite puts beside a file that it could not finish, on a full disk."""

    def fail():
        with beside(folder / "copy") as path:
            for more in ("-wal", "-shm", "-journal"):
                path.with_name(path.name + more).touch()
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        fail()

    assert list(folder.glob(".copy*")) == []


def test_the_doctor_says_what_to_do_about_another_version(run, folder):
    for version, hint in (("1", "host upgrade"), ("99", "install a newer otumat-usage")):
        connection = sqlite3.connect(folder / "host.sqlite3")
        with connection:
            connection.execute("UPDATE setting SET value = ? WHERE name = 'schema'", [version])
        connection.close()
        assert hint in run("doctor").stdout


def test_a_backup_never_overwrites(folder, tmp_path):
    (tmp_path / "mine").write_text("mine")

    with pytest.raises(StoreUnavailable, match="exists"):
        _keep.backup(folder, tmp_path / "mine")
    with pytest.raises(StoreUnavailable, match="cannot write in"):
        _keep.backup(folder, tmp_path / "none" / "x")
    with pytest.raises(StoreMissing):
        _keep.backup(tmp_path, tmp_path / "x")

    assert (tmp_path / "mine").read_text() == "mine"


def test_the_doctor_finds_nothing_wrong_with_a_healthy_host(service, run):
    service.clock.at = 1_000  # any past instant
    result = run("doctor", "--json")

    findings = {item["what"]: item for item in json.loads(result.stdout)}
    assert result.exit_code == 0, result.stdout
    assert findings["integrity"]["text"] == "ok"
    assert findings["packages"]["text"] == "1"
    assert findings["serving"]["text"] == "no"


def test_the_doctor_names_the_copies_that_still_hold_people_s_data(run, folder, tmp_path):
    assert "copies" not in run("doctor").stdout
    _keep.backup(folder, tmp_path / "copy")

    kept = _restore.restore(folder, tmp_path / "copy").kept
    (folder / ".host.sqlite3-left").touch()

    copies = f"copies beside the store: .host.sqlite3-left, {kept.name}: they hold"
    assert copies in run("doctor").stdout


@pytest.mark.skipif(os.name != "posix", reason="Windows has no mode bits")
def test_the_doctor_names_an_open_folder(run, folder):
    folder.chmod(0o755)

    result = run("doctor")

    assert result.exit_code == 1
    assert f"BAD  {folder}: others can read it" in result.stdout


def test_the_doctor_names_a_damaged_file(run, folder, service):
    service.host.stop()
    path = folder / "host.sqlite3"
    data = bytearray(path.read_bytes())
    data[8192:12288] = bytes(4096)
    path.write_bytes(data)

    result = run("doctor")

    assert result.exit_code == 1
    assert "BAD " in result.stdout


def test_the_doctor_warns_of_plain_http_in_public(run):
    assert run("init", "--url", "http://usage.example.org").exit_code == 0
    found = run("doctor").stdout
    assert "BAD  address: http://usage.example.org: clients send to https only" in found
    assert run("init", "--url", "https://usage.example.org").exit_code == 0
    assert "ok   address: https://usage.example.org" in run("doctor").stdout


def test_the_maintainer_exports_and_erases_one_install(service, run):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "a", "b"))
    install = tokens["install_id"]

    shown = run("export", install)
    erased = run("erase", install)
    again = run("erase", install)

    assert [json.loads(line)["kind"] for line in shown.stdout.splitlines()] == [
        "install",
        "grant",
        "upload",
    ]
    assert erased.stdout == f"erased {install}: 1 uploads, 2 events\n"
    gone = f"Error: everything about install {install} was erased\n"
    assert (again.exit_code, again.output) == (2, gone)
    assert run("export", install).output == gone
    other = str(uuid.uuid4())
    assert run("erase", other).output == f"Error: no install {other} at this host\n"
    assert run("export", "nonsense").exit_code == 2
    assert service.upload(tokens, service.batch(tokens, "a")).status_code == 410


def test_health_is_told_to_supervisors(service):
    assert service.browser.get("/healthz").json() == {"status": "ok"}
    assert service.browser.get("/readyz").json() == {"status": "ok", "waiting": 0}

    service.clock.forward(seconds=2)
    other = Database.open(service.host.database.path.parent)
    engine = service.host.database._engine
    engine.dispose()
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    with other.write():
        assert service.browser.get("/readyz").status_code == 503
        assert service.browser.get("/healthz").status_code == 200
    other.close()

    assert service.browser.get("/readyz").status_code == 200


def proofs(service):
    with service.host.database.read() as connection:
        return recall(connection, "probe")


def test_a_flood_of_askers_writes_one_proof(service):
    """What is written to the disk does not depend on how often anybody asks."""
    asked = [("GET", "/readyz", {})] * 50

    answers = service.browser.together(*asked)
    first = proofs(service)
    answers += service.browser.together(*asked)
    same = proofs(service)
    service.clock.forward(seconds=2)
    answers += service.browser.together(*asked)

    assert {answer.status_code for answer in answers} == {200}
    assert same == first
    assert proofs(service) != first


@pytest.mark.skipif(sys.platform == "win32", reason="no folder can be forced to the disk there")
def test_a_copy_and_what_is_made_of_it_are_there_after_a_loss_of_power(service, tmp_path, forced):
    (tmp_path / "copies").mkdir()
    copy = tmp_path / "copies" / "copy"

    _keep.backup(service.host.database.path.parent, copy)
    assert forced(copy.parent)[-1] == {"copy"}
    if service.host.database.embedded:
        _restore.restore(tmp_path / "new", copy)
        assert "host.sqlite3" in forced(tmp_path / "new")[-1]
