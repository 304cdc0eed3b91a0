"""Laws of restoring: the backup whole, under a serving host, and nothing that should not return."""

import contextlib
import sqlite3
import subprocess
import sys
import uuid

import pytest
from click.testing import CliRunner

from otumat_usage.host import (
    _api_tokens,
    _care,
    _device_grants,
    _grants,
    _keep,
    _kept_badges,
    _packages,
    _public,
    _restore,
    _rights,
    _statistics,
)
from otumat_usage.host._database import (
    SCHEMA_VERSION,
    Database,
    blocks,
    insert,
    metadata,
    select,
    serving_from,
)
from otumat_usage.host._errors import (
    StoreBusy,
    StoreInUse,
    StoreMissing,
    StoreUnavailable,
    UrlInvalid,
)
from otumat_usage.host._generation import generation
from otumat_usage.host._settings import remember
from otumat_usage.host.cli import host_group

PROGRAM = "import sys; from otumat_usage.host.cli import host_group; host_group(sys.argv[1:])"


@pytest.fixture
def folder(service):
    return service.host.database.path.parent


@pytest.fixture
def copy(folder, tmp_path):
    """Make a backup; return where it is."""

    def copy(name="copy"):
        _keep.backup(folder, tmp_path / name)
        return tmp_path / name

    return copy


def summary(service):
    with service.host.database.read() as connection:
        package = _packages.find(connection, "demo")
        return _statistics.summarise(connection, package, service.clock())


def used(service):
    return {feature.name: feature.events for feature in summary(service).features}


def sent_by(service, tokens):
    """Return, by upload, what is held: the Python it names and the names of its events."""
    install = uuid.UUID(tokens["install_id"]).bytes
    with service.host.database.read() as connection:
        held = [t for t in _rights.export(connection, install) if t["kind"] == "upload"]
    return sorted((t["context"]["python"], [row[1] for row in t["rows"]]) for t in held)


def fold(service):
    _care.roll_up(service.host.database.path.parent, anew=False)


def rows(database):
    """Return every row of the store, as text, by table."""
    with database.read() as connection:
        return {
            table.name: [repr(tuple(row)) for row in connection.execute(select(table))]
            for table in metadata.sorted_tables
        }


def send(service, tokens, *names, **changes):
    """Upload as a client does: told to come back, it does; return what it was told first."""
    body = service.batch(tokens, *names, **changes)
    first = service.upload(tokens, body)
    if first.status_code == 503:
        assert int(first.headers["retry-after"]) >= 1
        assert service.upload(tokens, body).status_code == 200
    return first.status_code


def test_nothing_that_a_process_remembers_outlives_the_restore(service, folder, copy):
    """Numbers of names and contexts, what tokens mean, and answers under the same revision."""
    tokens = service.enrol()
    assert send(service, tokens, "a", "b") == 200
    fold(service)
    backup = copy()
    assert send(service, tokens, "c", "d", context={"python": "3.9"}) == 200
    fold(service)
    assert used(service) == {"a": 1, "b": 1, "c": 1, "d": 1}

    done = _restore.restore(folder, backup)

    assert (done.loss.uploads, done.loss.installs, done.erased) == (1, 0, 0)
    assert used(service) == {"a": 1, "b": 1}
    assert send(service, tokens, "d", context={"python": "3.13"}) == 503
    assert send(service, tokens, "e", context={"python": "3.9"}) == 200
    fold(service)
    assert used(service) == {"a": 1, "b": 1, "d": 1, "e": 1}
    assert sent_by(service, tokens) == [("3.12", ["a", "b"]), ("3.13", ["d"]), ("3.9", ["e"])]
    counted = rows(service.host.database)["rollup"]
    _care.roll_up(folder, anew=True)
    assert sorted(rows(service.host.database)["rollup"]) == sorted(counted)


def test_a_badge_that_was_kept_is_not_said_of_what_was_restored(service, folder, copy):
    database = service.host.database
    with database.write() as connection:
        _public.publish(connection, _packages.find(connection, "demo"), on=True)
    assert _kept_badges.keep(database, service.clock()) == 1
    backup = copy()
    for _ in range(10):
        tokens = service.enrol()
        send(service, tokens, "a")
    fold(service)
    service.clock.forward(seconds=60)
    assert _kept_badges.keep(database, service.clock()) == 1
    badge = "/badge/demo/users.json"
    assert service.browser.get(badge).json()["message"] == "10+"

    _restore.restore(folder, backup)

    assert not [row for row in rows(database)["setting"] if "badges:" in row]
    assert service.browser.get(badge).json()["message"] == "fewer than 10"


def test_a_package_that_was_closed_since_takes_uploads_at_once(service, folder, copy):
    """A refusal would tell its clients to stop for good."""
    tokens = service.enrol()
    backup = copy()
    with service.host.database.write() as connection:
        _packages.close(connection, "demo", closed=True)
    assert service.upload(tokens, service.batch(tokens, "a")).status_code == 403

    _restore.restore(folder, backup)

    assert send(service, tokens, "b") == 503
    assert used(service) == {"b": 1}


def test_what_was_judged_by_the_old_store_is_not_written_to_the_new_one(
    service, folder, copy, monkeypatch
):
    """A large upload is judged beside the event loop, where others notice the restore meanwhile."""
    tokens = service.enrol()
    backup = copy()
    with service.host.database.write() as connection:
        _packages.add(connection, "demo", service.clock(), events={"new": {}})
    asked = []

    def restored_at_the_second_look(clock):
        asked.append(clock)
        if len(asked) == 2:  # the upload is admitted and read: it is judged next
            _restore.restore(folder, backup)
            with pytest.raises(StoreBusy):
                service.host.writer.submit(lambda _: None).result()
        return clock.at

    monkeypatch.setattr(type(service.clock), "__call__", restored_at_the_second_look)
    body = service.batch(tokens, "old", "new", unknown="x" * 70_000)
    asked.clear()

    assert service.upload(tokens, body).status_code == 503
    assert service.upload(tokens, body).json()["accepted"] == 2
    assert used(service) == {"new": 1, "old": 1}


def test_what_was_decided_before_the_restore_is_not_written_after_it(service, folder, copy):
    """A page that is open stays good, and a write that waits may name what is no more."""
    backup = copy()
    service.add("later")
    page = service.authorization(package="later")
    assert service.browser.get(page).status_code == 200

    _restore.restore(folder, backup)
    gone = service.decide(package="demo")

    assert gone.status_code == 503
    assert service.browser.get(page).status_code == 400
    assert service.decide(package="demo").status_code == 303


def test_clients_go_on_with_the_tokens_that_they_hold(service, folder, copy):
    tokens = service.enrol()
    send(service, tokens, "a")
    backup = copy()
    later = service.refresh(tokens["refresh_token"]).json()
    later = service.refresh(later["refresh_token"]).json() | {"install_id": tokens["install_id"]}
    assert send(service, later, "b") == 200

    _restore.restore(folder, backup)

    assert send(service, later, "c") == 503
    again = service.refresh(later["refresh_token"])
    assert again.status_code == 200
    # Whoever presents a retired one still holds a copy.
    assert service.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert service.refresh(again.json()["refresh_token"]).status_code == 400


def test_what_was_revoked_since_stays_revoked(service, folder, copy):
    tokens = service.enrol()
    with service.host.database.write() as connection:
        personal = _api_tokens.add(connection, "ci", scope="read", now=service.clock())
    admin = service.admin()
    backup = copy()
    token = tokens["refresh_token"]
    form = {"token": token, "client_id": "otumat-usage"}
    assert service.browser.post("/auth/revoke", data=form).status_code == 200
    with service.host.database.write() as connection:
        _api_tokens.revoke(connection, "ci")

    _restore.restore(folder, backup)

    assert admin.status_code == 303
    assert service.refresh(token).status_code == 503
    assert service.refresh(token).json()["error"] == "invalid_grant"
    assert service.upload(tokens, service.batch(tokens, "a")).status_code == 401
    bearer = {"Authorization": f"Bearer {personal}"}
    assert service.browser.get("/api/stats", headers=bearer).status_code == 401
    assert service.browser.get("/").status_code == 200


def test_who_was_erased_since_is_erased_again(service, folder, copy):
    """410, and in no table a row that knows the install."""
    stays, goes = service.enrol(), service.enrol()
    send(service, stays, "a")
    send(service, goes, "a", "b")
    fold(service)
    send(service, goes, "c")
    backup = copy()
    done = CliRunner().invoke(host_group, ["erase", "-d", str(folder), goes["install_id"]])
    assert done.exit_code == 0, done.output

    done = _restore.restore(folder, backup)

    assert done.erased == 1
    assert send(service, stays, "a") == 503
    assert service.upload(goes, service.batch(goes, "a")).status_code == 410
    known = bytes.fromhex(goes["install_id"].replace("-", ""))
    found = rows(service.host.database)
    assert [name for name, of in found.items() if any(repr(known) in row for row in of)] == []
    assert len(found["tombstone"]) == 1
    fold(service)
    assert used(service) == {"a": 2}
    again = _restore.restore(folder, backup)
    assert (again.erased, len(rows(service.host.database)["tombstone"])) == (1, 1)


def test_who_enrolled_since_must_do_so_again(service, folder, copy):
    before = service.enrol()
    backup = copy()
    later = service.enrol()
    send(service, before, "a")
    send(service, later, "b")

    done = _restore.restore(folder, backup)

    assert (done.loss.uploads, done.loss.installs) == (2, 1)
    assert send(service, before, "a") == 503
    assert service.upload(later, service.batch(later, "b")).status_code == 401
    assert used(service) == {"a": 1}


def test_a_code_that_was_agreed_to_since_must_be_asked_for_again(service, folder, copy):
    """Its installation is gone: tokens for it would only ever be refused. One that waits stays."""
    backup = copy()
    with service.host.database.write() as connection:
        demo = _packages.find(connection, "demo").id
        consent = _grants.Consent(demo, "0" * 64, "1-0", service.clock(), "device")
        codes = [
            _device_grants.start(connection, demo, "usage:write", service.clock()) for _ in "ab"
        ]
        agreed = _device_grants.find(connection, codes[0][1], service.clock())
        _device_grants.answer(connection, agreed, consent)

    _restore.restore(folder, backup)

    with service.host.database.write() as connection:
        told = [_device_grants.poll(connection, code, service.clock()).error for code, _ in codes]
    assert told == ["invalid_grant", "authorization_pending"]


def test_it_says_what_is_lost_before_it_is_and_takes_a_no(service, folder, copy):
    tokens = service.enrol()
    backup = copy()
    send(service, tokens, "a")
    service.add("later")
    before = rows(service.host.database)
    asked = []

    done = _restore.restore(folder, backup, lambda loss: asked.append(loss) or False)

    assert done is None
    assert asked == [_restore.Loss(1, 0, ("later",), 0)]
    assert rows(service.host.database) == before
    assert [
        path.name for path in folder.iterdir() if "." in path.name[5:] and "Z" in path.name
    ] == []


def test_what_was_there_is_kept_and_can_be_restored_in_turn(service, folder, copy):
    tokens = service.enrol()
    send(service, tokens, "a")
    backup = copy()
    send(service, tokens, "b")

    kept = _restore.restore(folder, backup).kept
    other = _restore.restore(folder, kept)

    assert used(service) == {"a": 1, "b": 1}
    assert other.loss == _restore.Loss()


def test_another_hosts_backup_comes_whole(service, copy, tmp_path, engine):
    """Its packages have the same numbers, and other names: nothing of ours may be taken for its."""
    tokens = service.enrol()
    send(service, tokens, "a")
    backup = copy()
    engine.place(tmp_path / "other")
    with contextlib.closing(Database.open(tmp_path / "other")) as other:
        with other.write() as connection:
            _packages.add(connection, "another", service.clock())
            theirs = _api_tokens.add(connection, "theirs", scope="read", now=service.clock())

        done = _restore.restore(tmp_path / "other", backup)

        ours, found = rows(service.host.database), rows(other)
        assert done.loss.packages == ("another",)
        assert theirs
        differ = {name for name in found if sorted(found[name]) != sorted(ours[name])}
        assert differ == {"setting"}


def test_every_restore_begins_another_generation(service, folder, copy):
    backup = copy()
    seen = set()
    for _ in range(3):
        _restore.restore(folder, backup)
        with service.host.database.read() as connection:
            seen.add(generation(connection))

    assert len(seen) == 3


def test_a_backup_that_is_damaged_changes_nothing(service, folder, copy, tmp_path):
    tokens = service.enrol()
    send(service, tokens, "a")
    good = copy().read_bytes()
    (tmp_path / "short").write_bytes(good[: len(good) * 2 // 3])
    (tmp_path / "text").write_text("no backup")
    before = rows(service.host.database)

    for name in ("short", "text"):
        with pytest.raises(StoreUnavailable):
            _restore.restore(folder, tmp_path / name)
    with pytest.raises(StoreMissing):
        _restore.restore(folder, tmp_path / "none")

    assert rows(service.host.database) == before
    assert [path for path in folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.postgresql
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE setting ADD CONSTRAINT asked CHECK (lo_asked(value) IS NOT NULL)",
        "ALTER TABLE setting ADD asked oid GENERATED ALWAYS AS (lo_asked(value)) STORED",
        "CREATE INDEX asked ON setting (lo_asked(value))",
        "CREATE INDEX asked ON setting (name) WHERE lo_asked(value) IS NOT NULL",
        "CREATE MATERIALIZED VIEW asked AS SELECT lo_asked(value) FROM setting",
        "CREATE TABLE asked AS SELECT 1 AS one",
    ],
)
def test_nothing_that_a_backup_says_is_run(service, folder, engine, tmp_path, change):
    """It is a file from outside: one that asks for large objects gets none."""
    count = "SELECT count(*) FROM pg_largeobject_metadata"
    asked = "AS 'SELECT pg_catalog.lo_create(0)' LANGUAGE sql IMMUTABLE"
    engine.place(tmp_path / "other")
    with contextlib.closing(Database.open(tmp_path / "other")) as theirs:
        with theirs.write() as connection:
            connection.exec_driver_sql(f"CREATE FUNCTION lo_asked(text) RETURNS oid {asked}")
            connection.exec_driver_sql(change)
        _keep.backup(tmp_path / "other", tmp_path / "copy")
    with contextlib.suppress(StoreUnavailable):  # of a table that is not plain it has no rows
        _restore.restore(folder, tmp_path / "copy")

    with service.host.database.read() as connection:
        assert connection.exec_driver_sql(count).scalar() == 0


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE setting SET value = 'eight' WHERE name = 'schema'",
        "UPDATE setting SET value = '0' WHERE name = 'schema'",
        "DELETE FROM setting WHERE name = 'schema'",
        "INSERT INTO setting VALUES ('rollups:1', 'many')",
        "DROP TABLE log",
        "DROP INDEX install_by_package; DROP TABLE install",
        "ALTER TABLE event_type DROP COLUMN name",
        "DROP TABLE tombstone; CREATE TABLE tombstone (hash); INSERT INTO tombstone VALUES (NULL)",
        "ALTER TABLE log RENAME TO mine; CREATE VIEW log AS SELECT * FROM mine",
        "ALTER TABLE setting RENAME TO mine; CREATE VIEW setting AS SELECT * FROM mine",
        "ALTER TABLE tombstone ADD COLUMN made AS (hex(hash))",
        "CREATE VIRTUAL TABLE mine USING fts5(body)",
    ],
)
@pytest.mark.parametrize("new", [False, True])
def test_a_file_that_no_host_wrote_is_refused_in_one_line(
    service, folder, copy, tmp_path, change, new
):
    backup = copy()
    with contextlib.closing(sqlite3.connect(backup)) as connection:
        connection.executescript(change)
    before, place = rows(service.host.database), tmp_path / "new" if new else folder

    done = CliRunner().invoke(host_group, ["restore", "--yes", "-d", str(place), str(backup)])

    assert (done.exit_code, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert rows(service.host.database) == before
    assert not list(place.glob("*sqlite3?*" if new else "[.]*"))


_MAKES = """
import contextlib, pathlib, sys
from otumat_usage.host._database import Database
from otumat_usage.host._engine import LOCK_NAME
from otumat_usage.host._restore import restore

folder, seen = pathlib.Path(sys.argv[1]), []
def look(event, arguments):
    if event == "open" and str(arguments[0]).endswith(LOCK_NAME) and not seen:
        seen.append(event)
        Database.create(folder).close()  # between the look into the folder and its lock
sys.addaudithook(look)
told = []
print(restore(folder, pathlib.Path(sys.argv[2]), lambda loss: told.append(loss)), told)
"""


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_host_that_is_made_after_the_look_for_one_is_not_replaced_unasked(copy, tmp_path):
    command = [sys.executable, "-c", _MAKES, str(tmp_path / "new"), str(copy())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("None [Loss(")


def test_what_is_held_ahead_is_put_together_anew_and_not_taken_from_a_backup(service, folder, copy):
    """It holds packed sets, and tells nothing that days and weeks do not."""
    with service.host.database.write() as connection:
        block = {"package": 1, "kind": "feature", "weeks": 4, "day": 0, "sets": b"none"}
        connection.execute(insert(blocks).values(block))

    _restore.restore(folder, copy())

    assert rows(service.host.database)["rollup_block"] == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_only_the_rows_of_a_file_are_taken(copy, tmp_path):
    """It is one from outside: a trigger in it could keep what a user has erased."""
    backup = copy()
    with contextlib.closing(sqlite3.connect(backup)) as connection:
        connection.executescript(
            "CREATE TABLE mine (body); DROP INDEX install_by_package;"
            "CREATE TRIGGER keep BEFORE DELETE ON log"
            " BEGIN INSERT INTO mine VALUES (old.body); END;"
            'CREATE VIEW "an ""other""" AS SELECT 1;'
        )
    _restore.restore(tmp_path / "new", backup)
    Database.create(tmp_path / "made").close()

    told = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
    found = []
    for name in ("new", "made"):
        with contextlib.closing(sqlite3.connect(tmp_path / name / "host.sqlite3")) as connection:
            found.append(connection.execute(told).fetchall())
    assert found[0] == found[1]


def test_a_folder_that_names_no_database_is_not_the_backup_s_fault(tmp_path):
    (tmp_path / "copy").touch()
    (tmp_path / "database.url").write_text("mysql://elsewhere")

    with pytest.raises(UrlInvalid, match="must be postgresql"):
        _restore.restore(tmp_path, tmp_path / "copy")


def test_a_backup_of_a_newer_version_is_refused(service, folder, copy):
    with service.host.database.write() as connection:
        connection.exec_driver_sql("UPDATE setting SET value = '99' WHERE name = 'schema'")
    newer = copy()
    with service.host.database.write() as connection:
        remember(connection, "schema", str(SCHEMA_VERSION))

    with pytest.raises(StoreUnavailable, match=r"schema 99.*install a newer"):
        _restore.restore(folder, newer)


def test_a_store_of_another_version_is_replaced_whole_once_nobody_serves(service, folder, copy):
    """A newer version was tried; who was erased meanwhile stays so."""
    stays, goes = service.enrol(), service.enrol()
    send(service, stays, "a")
    send(service, goes, "b")
    backup = copy()
    service.browser("DELETE", "/api/usage-self", headers={
        "Authorization": f"Bearer {goes['access_token']}"
    })  # fmt: skip
    with service.host.database.write() as connection:
        connection.exec_driver_sql("UPDATE setting SET value = '99' WHERE name = 'schema'")
    serving = service.host.database.serving()
    with serving, pytest.raises(StoreInUse):
        _restore.restore(folder, backup)
    service.host.stop()

    done = _restore.restore(folder, backup)

    assert (done.loss, done.erased) == (None, 1)
    assert done.kept.exists()
    with contextlib.closing(Database.open(folder)) as database:
        found = rows(database)
    assert (len(found["install"]), len(found["log"]), len(found["tombstone"])) == (1, 1, 1)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_damaged_file_is_replaced_whole_once_nobody_serves(service, folder, copy):
    tokens = service.enrol()
    send(service, tokens, "a")
    backup = copy()
    service.host.stop()
    place = folder / "host.sqlite3"
    place.write_bytes(place.read_bytes()[:4096] + bytes(40960))
    (folder / "host.sqlite3-wal").write_bytes(b"what belongs to it")

    with serving_from(folder), pytest.raises(StoreInUse):
        _restore.restore(folder, backup)
    done = _restore.restore(folder, backup)

    assert (done.loss, done.erased) == (None, None)
    assert done.kept.read_bytes()[4096:] == bytes(40960)
    with contextlib.closing(Database.open(folder)) as database:
        assert len(rows(database)["log"]) == 1


def test_where_a_revocation_cannot_be_kept_the_command_says_so(service, folder, copy):
    tokens = service.enrol()
    backup = copy()
    service.browser.post("/auth/revoke", data={"token": tokens["refresh_token"]})
    with service.host.database.write() as connection:
        connection.exec_driver_sql("UPDATE setting SET value = '99' WHERE name = 'schema'")
    service.host.stop()

    done = CliRunner().invoke(host_group, ["restore", "--yes", "-d", str(folder), str(backup)])

    assert done.exit_code == 0, done.output
    assert "what was revoked since is valid again" in done.output
    with contextlib.closing(Database.open(folder)) as database:
        assert "'active'" in rows(database)["token_family"][0]


def test_the_command_asks_and_without_a_terminal_wants_a_yes(service, folder, copy):
    tokens = service.enrol()
    backup = copy()
    send(service, tokens, "a")

    def run(*words):
        return CliRunner().invoke(host_group, ["restore", "-d", str(folder), str(backup), *words])

    asked = run()
    done = run("--yes")
    again = run()

    assert asked.exit_code == 2
    assert (
        f"not in {backup}, and gone once it is in place: 1 upload, 0 installations" in asked.output
    )
    assert "say --yes" in asked.output
    assert (done.exit_code, f"restored {backup} to {folder}" in done.output) == (0, True)
    assert "kept what was there as" in done.output
    assert (again.exit_code, "gone" in again.output) == (0, False)  # nothing to lose: no question


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.service
def test_at_a_terminal_enter_is_a_no(service, folder, copy, terminal):
    tokens = service.enrol()
    backup = copy()
    send(service, tokens, "a")
    words = (PROGRAM, "restore", "-d", str(folder), str(backup))

    no = terminal(*words).expect("Put it in place? [y/N]: ").send("\n")
    assert (no.wait(), used(service)) == (1, {"a": 1})
    yes = terminal(*words).expect("Put it in place? [y/N]: ").send("y\n")
    assert (yes.wait(), used(service)) == (0, {})

    assert "left as it was" in no.text
    assert "1 upload, 0 installations" in yes.text
