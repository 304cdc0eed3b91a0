"""Several web processes, one worker, a replica, a database that goes away: on a real PostgreSQL."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid

import httpx
import pytest
from click.testing import CliRunner

from otumat_usage.host import _care, _grants, _keep, _packages, _restore, _statistics
from otumat_usage.host._database import Database, func, inbox, select
from otumat_usage.host._errors import StoreInUse, StoreUnavailable
from otumat_usage.host._examine import examine
from otumat_usage.host.cli import host_group, report_command

pytestmark = [
    pytest.mark.service,
    pytest.mark.postgresql,
    pytest.mark.parametrize("engine", ["postgresql"], indirect=True),
]


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


@pytest.fixture
def folder(tmp_path, engine):
    """A host with the package demo in a database of its own."""
    engine.place(tmp_path / "host")
    with opened(tmp_path / "host") as database, database.write() as connection:
        _packages.add(connection, "demo", time.time_ns() // 1_000_000)
    return tmp_path / "host"


@contextlib.contextmanager
def opened(folder):
    database = Database.open(folder)
    try:
        yield database
    finally:
        database.close()


def grant(folder):
    """Enrol an installation; return its id and its pair of tokens."""
    now = time.time_ns() // 1_000_000
    with opened(folder) as database, database.write() as connection:
        package = _packages.find(connection, "demo")
        consent = _grants.Consent(package.id, "0" * 64, "1-0", now, "browser")
        install = _grants.enrol(connection, consent)
        pair = _grants.Family(connection, install, uuid.uuid4().bytes, now).open("usage:write")
    return str(uuid.UUID(bytes=install)), pair


def enrol(folder):
    install, pair = grant(folder)
    return install, pair.access


def summary(folder):
    with opened(folder) as database, database.read() as connection:
        package = _packages.find(connection, "demo")
        return _statistics.summarise(connection, package, time.time_ns() // 1_000_000)


def serves(folder):
    found = {each.what: each.text for each in examine(folder)}
    return found["serving"].startswith("yes")


def waiting(folder):
    with opened(folder) as database, database.read() as connection:
        return connection.scalar(select(func.count()).select_from(inbox))


@pytest.fixture
def serve(folder, tmp_path):
    """Start a web process; return it and its address."""
    started = []

    def serve():
        ready = tmp_path / f"ready-{len(started)}"
        command = [sys.executable, "-m", "otumat_usage.host", "serve", "-d", folder]
        with (tmp_path / "log").open("a") as log:
            process = subprocess.Popen(
                [*command, "--port", "0", "--ready-file", ready],
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        started.append(process)
        until(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None
        return process, "http://127.0.0.1:" + json.loads(ready.read_text())["url"].split(":")[-1]

    yield serve
    for process in started:
        process.kill()
        process.wait()


def batch(client, seq, rows=3):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "installId": client[0],
        "batch": uuid.uuid4().hex,
        "sent_at": at,
        "run": "one-run",
        "first": seq,
        "last": seq + rows - 1,
        "headers": ["event_date", "event_type"],
        "rows": [[at, f"feature {(seq + n) % 7}"] for n in range(rows)],
    }


def send(url, client, body):
    headers = {"Authorization": f"Bearer {client[1]}"}
    # The first process's address is what the second one believes to be its own, too.
    return httpx.post(
        f"{url}/api/usage-event", json=body, headers=headers, trust_env=False, timeout=30
    )


def test_two_processes_take_the_same_uploads_and_count_each_once(folder, serve):
    """Every batch goes to both, at the same time and in turns; the leader is killed half-way."""
    processes = [serve(), serve()]
    clients = [enrol(folder) for _ in range(4)]
    work = [(client, batch(client, 1 + 3 * n)) for client in clients for n in range(15)]

    with httpx.Client(trust_env=False, timeout=30) as browser:
        for place, (client, body) in enumerate(work):
            headers = {"Authorization": f"Bearer {client[1]}"}
            order = processes if place % 2 else processes[::-1]
            for _, url in order:
                answer = browser.post(f"{url}/api/usage-event", json=body, headers=headers)
                assert answer.status_code == 200, answer.text
                assert answer.json()["accepted"] == 3

    found = summary(folder)
    assert (found.events, found.health["uploads"]) == (len(work) * 3, len(work))
    assert (found.health["lost"], found.health["replayed"]) == (0, 0)


def test_64_refreshes_that_race_over_two_processes_end_in_one_successor(folder, serve):
    urls = [serve()[1], serve()[1]]
    install, pair = grant(folder)

    async def refresh(browser, url, token):
        form = {"grant_type": "refresh_token", "client_id": "otumat-usage", "refresh_token": token}
        return await browser.post(f"{url}/auth/token", data=form)

    async def race():
        async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
            return await asyncio.gather(
                *(refresh(browser, urls[n % 2], pair.refresh) for n in range(64))
            )

    answers = asyncio.run(race())
    successors = {answer.json().get("refresh_token") for answer in answers}
    used = [
        send(
            url, (install, answer.json()["access_token"]), batch((install,), 1 + 3 * n)
        ).status_code
        for n, (url, answer) in enumerate(zip(urls, answers[-2:], strict=True))
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert len(successors) == 1
    assert None not in successors
    assert used == [200, 200]


def test_the_worker_of_the_surviving_process_takes_over(folder, serve):
    """kill -9 of the process that counts; what it had begun is neither lost nor counted twice."""
    first, url = serve()
    second, other = serve()
    client = enrol(folder)
    assert send(url, client, batch(client, 1)).status_code == 200
    until(lambda: waiting(folder) == 0)

    first.send_signal(signal.SIGKILL)
    first.wait()
    for n in range(1, 6):
        assert send(other, client, batch(client, 1 + 3 * n)).status_code == 200
    until(lambda: waiting(folder) == 0)

    assert summary(folder).events == 18
    assert second.poll() is None
    _care.roll_up(folder, anew=True)
    assert summary(folder).events == 18


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stop", "crash"])
def test_a_database_that_goes_away_costs_nothing_that_was_acknowledged(
    folder, serve, engine, how, tmp_path
):
    """503 and one line of the log while it is gone, and no restart of the host when it is back.

    From then on it is known again that a host serves: nobody changes its tables under it.
    """
    _, url = serve()
    client = enrol(folder)
    assert send(url, client, batch(client, 1)).status_code == 200

    engine.stop(how)
    try:
        body = batch(client, 4)
        gone = send(url, client, body)
        health = httpx.get(f"{url}/readyz", trust_env=False)
    finally:
        engine.start()
    again = [send(url, client, body).status_code for _ in range(2)]

    assert (gone.status_code, health.status_code) == (503, 503)
    assert int(gone.headers["retry-after"]) >= 5
    assert again == [200, 200]
    assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    until(lambda: waiting(folder) == 0)
    assert summary(folder).events == 6
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["store"]
    until(lambda: serves(folder))
    with pytest.raises(StoreInUse), opened(folder) as database, database.serving(alone=True):
        pass


def test_a_backup_restores_under_two_processes_which_forget_what_they_knew(folder, serve, tmp_path):
    """Each is told by its first write, and answers it with 503; nothing later is lost."""
    urls = [serve()[1], serve()[1]]
    client = enrol(folder)
    assert send(urls[0], client, batch(client, 1)).status_code == 200
    until(lambda: waiting(folder) == 0)
    size = _keep.backup(folder, tmp_path / "copy.dump")
    later = [batch(client, 4 + 3 * n) for n in range(4)]
    names = [f"another {n}" for n in range(3)]
    for n, body in enumerate(later):
        body["rows"] = [[row[0], name] for row, name in zip(body["rows"], names, strict=True)]
        assert send(urls[n % 2], client, body).status_code == 200
    until(lambda: waiting(folder) == 0)

    command = [sys.executable, "-m", "otumat_usage.host", "restore", "-d", folder]
    done = subprocess.run(
        [*command, "--yes", tmp_path / "copy.dump"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "gone once it is in place: 4 uploads, 0 installations" in done.stdout
    assert size == (tmp_path / "copy.dump").stat().st_size > 0
    assert (tmp_path / "copy.dump").stat().st_mode & 0o77 == 0
    assert summary(folder).events == 3
    first = [send(url, client, body).status_code for url, body in zip(urls, later, strict=False)]
    then = [send(url, client, body).status_code for url, body in zip(urls * 2, later, strict=True)]
    assert (first, then) == ([503, 503], [200] * 4)
    until(lambda: waiting(folder) == 0)
    assert summary(folder).events == 15
    assert {f.name: f.events for f in summary(folder).features if f.name in names} == (
        dict.fromkeys(names, 4)
    )


def test_the_next_package_after_a_restore_has_a_number_of_its_own(folder, tmp_path):
    _keep.backup(folder, tmp_path / "copy.dump")
    with opened(folder) as database:
        for name in ("one", "two"):
            with database.write() as connection:
                before = _packages.add(connection, name, 0).id
        _restore.restore(folder, tmp_path / "copy.dump")
        with database.write() as connection:
            after = _packages.add(connection, "three", 0).id

    assert after > before


def test_the_doctor_looks_at_the_server(folder):
    """Our test server runs without fsync: just what the doctor must find."""
    done = CliRunner().invoke(host_group, ["doctor", "-d", str(folder)])

    assert done.exit_code == 1
    assert "BAD  fsync: off" in done.stdout
    assert ", postgresql://otumat@" in done.stdout
    assert "ok   schema" in done.stdout


def test_init_makes_a_host_in_a_database_and_refuses_what_is_none(tmp_path, engine):
    engine.sql("CREATE DATABASE fresh")
    url = engine.url("fresh")

    def run(folder, url):
        words = ["init", "-d", str(tmp_path / folder), "--database", url]
        return CliRunner().invoke(host_group, words)

    made, again = run("a", url), run("a", url)
    wrong = run("b", "mysql://user:secret@host/name")
    other = run("a", engine.url("another"))
    away = run("c", "postgresql://user:secret@127.0.0.1:1/usage")

    assert (made.exit_code, made.stdout.split(":")[0]) == (0, "made")
    assert again.stdout.startswith("already there")
    assert (tmp_path / "a" / "database.url").stat().st_mode & 0o77 == 0
    assert (wrong.exit_code, other.exit_code) == (2, 2)
    assert "secret" not in wrong.output + away.output
    assert away.output.startswith("Error: cannot read postgresql://user:***@127.0.0.1:1/usage: ")
    assert wrong.output.startswith("Error: the database must be postgresql://")


def test_answers_are_read_from_a_streaming_replica(folder, engine, tmp_path):
    """A second server, by pg_basebackup, that follows the first; the report runs on it."""
    place = engine.folder / "replica"
    engine.run(
        "pg_basebackup", "-h", engine.folder, "-U", "otumat", "-D", place, "-R", "-X", "stream",
        "--checkpoint=fast", "--no-sync",
    )  # fmt: skip
    sockets = engine.folder / "r"
    sockets.mkdir()
    if os.getuid() == 0:
        shutil.chown(sockets, "nobody")
    replica = subprocess.Popen(
        [*engine._as, engine._bin / "postgres", "-D", place, "-k", sockets,
         "-clisten_addresses=", "-cfsync=off", "-chot_standby=on"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=engine.folder,
    )  # fmt: skip
    try:
        client = enrol(folder)
        name = (folder / "database.url").read_text().strip()
        (tmp_path / "reading").mkdir()
        follower = name.replace(f"host={engine.folder}", f"host={sockets}")
        (tmp_path / "reading" / "database.url").write_text(follower)

        def same():
            words = ["demo", "--json", "-d"]
            one = CliRunner().invoke(report_command, [*words, str(folder)])
            two = CliRunner().invoke(report_command, [*words, str(tmp_path / "reading")])
            return one.exit_code == 0 and one.stdout == two.stdout and '"installs": 1' in two.stdout

        until(same)
        with (
            opened(tmp_path / "reading") as database,
            pytest.raises(StoreUnavailable, match="recovery"),
            database.write() as connection,
        ):
            _grants.enrol(connection, _grants.Consent(1, "0" * 64, "1", 0, "browser"))
    finally:
        replica.send_signal(signal.SIGQUIT)
        replica.wait(60)
        shutil.rmtree(place)
    assert client
