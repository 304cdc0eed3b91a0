"""What was acknowledged is there after kill -9, and what is sent again counts once."""

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import sys
import time
import uuid

import httpx
import pytest

from otumat_usage.host import _grants, _keep, _packages, _statistics
from otumat_usage.host._database import Database

from .._seeds import pytest_generate_tests  # noqa: F401 - pytest looks for it here

pytestmark = [pytest.mark.fault, pytest.mark.service]
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")


@pytest.fixture
def folder(tmp_path, engine):
    """A host with one package and four enrolled installs, whose tokens are returned too."""
    folder = tmp_path / "host"
    engine.place(folder)
    database = Database.create(folder)
    now = time.time_ns() // 1_000_000
    clients = []
    with database.write() as connection:
        package = _packages.add(connection, "demo", now)
        for _ in range(4):
            consent = _grants.Consent(package.id, "0" * 64, "1-0", now, "browser")
            install = _grants.enrol(connection, consent)
            pair = _grants.Family(connection, install, uuid.uuid4().bytes, now).open("usage:write")
            clients.append((str(uuid.UUID(bytes=install)), pair.access))
    database.close()
    return folder, clients


@pytest.fixture
def serve(folder, tmp_path):
    started = []

    def serve():
        ready = tmp_path / f"ready-{len(started)}"
        command = [sys.executable, "-m", "otumat_usage.host", "serve", "-d", folder[0]]
        process = subprocess.Popen(
            [*command, "--port", "0", "--ready-file", ready], stdout=subprocess.DEVNULL
        )
        started.append(process)
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return process, json.loads(ready.read_text())["url"]

    yield serve
    for process in started:
        process.kill()
        process.wait()


def batches(client, number, rng):
    """Yield batches of one run, with numbers that follow one another."""
    install, _ = client
    run, seq = uuid.uuid4().hex, 1
    for _ in range(number):
        rows = rng.randrange(1, 20)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        yield {
            "installId": install,
            "batch": uuid.uuid4().hex,
            "sent_at": at,
            "run": run,
            "first": seq,
            "last": seq + rows - 1,
            "headers": ["event_date", "event_type"],
            "rows": [[at, "plot"]] * rows,
        }
        seq += rows


async def send(browser, url, client, body):
    headers = {"Authorization": f"Bearer {client[1]}"}
    answer = await browser.post(f"{url}/api/usage-event", json=body, headers=headers)
    return answer.status_code == 200 and answer.json()["batch"] == body["batch"]


def stored(folder):
    """Return events, uploads and lost numbers as the statistics see them."""
    database = Database.open(folder)
    with database.read() as connection:
        if database.embedded:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        package = _packages.find(connection, "demo")
        summary = _statistics.summarise(connection, package, time.time_ns() // 1_000_000)
    database.close()
    return summary


@posix
def test_kill_9_loses_nothing_that_was_acknowledged(folder, serve, seed, record_property):
    """Kill the host under load; then send everything again, as clients do."""
    rng = random.Random(seed)
    place, clients = folder
    work = [(client, body) for client in clients for body in batches(client, 40, rng)]
    process, url = serve()
    acknowledged = []

    async def load():
        pending = iter(rng.sample(work, len(work)))

        async def one(browser):
            for client, body in pending:
                if await send(browser, url, client, body):
                    acknowledged.append(body)
                    if len(acknowledged) == at:
                        process.send_signal(signal.SIGKILL)

        async with httpx.AsyncClient(timeout=20, trust_env=False) as browser:
            await asyncio.gather(*(one(browser) for _ in range(8)), return_exceptions=True)

    at = rng.randrange(1, 120)
    asyncio.run(load())
    process.wait()
    after_kill = stored(place)
    assert after_kill.events >= sum(len(body["rows"]) for body in acknowledged)

    _, url = serve()

    async def again():
        async with httpx.AsyncClient(timeout=20, trust_env=False) as browser:
            for client, body in work:
                try:
                    taken = await send(browser, url, client, body)
                except (httpx.ReadError, httpx.RemoteProtocolError):
                    # On a busy machine the connection lay idle and was closed on the request.
                    taken = await send(browser, url, client, body)
                assert taken

    asyncio.run(again())
    truth = sum(len(body["rows"]) for _, body in work)
    summary = stored(place)
    assert (summary.events, summary.health["uploads"]) == (truth, len(work)), f"seed {seed}"
    assert summary.health["lost"] == 0
    assert process.returncode == -signal.SIGKILL
    record_property("killed", len(acknowledged))
    record_property("repeated", len(work))


@posix
def test_a_retry_storm_counts_once(folder, serve, seed):
    """Every batch is sent three times, in any order, by several senders at once."""
    rng = random.Random(seed)
    place, clients = folder
    work = [(client, body) for client in clients for body in batches(client, 15, rng)]
    storm = work * 3
    rng.shuffle(storm)
    _, url = serve()

    async def load():
        pending = iter(storm)

        async def one(browser):
            for client, body in pending:
                assert await send(browser, url, client, body)

        async with httpx.AsyncClient(timeout=20, trust_env=False) as browser:
            await asyncio.gather(*(one(browser) for _ in range(8)))

    asyncio.run(load())

    summary = stored(place)
    assert summary.events == sum(len(body["rows"]) for _, body in work), f"seed {seed}"
    assert (summary.health["replayed"], summary.health["lost"]) == (0, 0)


@posix
def test_a_stop_answers_every_accepted_upload(folder, serve, seed):
    """SIGTERM under load: whatever was acknowledged is stored, and the exit is clean."""
    rng = random.Random(seed)
    place, clients = folder
    work = [(client, body) for client in clients for body in batches(client, 40, rng)]
    process, url = serve()
    acknowledged = []
    at = rng.randrange(1, 100)

    async def load():
        pending = iter(work)

        async def one(browser):
            for client, body in pending:
                if await send(browser, url, client, body):
                    acknowledged.append(body)
                    if len(acknowledged) == at:
                        process.terminate()

        async with httpx.AsyncClient(timeout=20, trust_env=False) as browser:
            await asyncio.gather(*(one(browser) for _ in range(8)), return_exceptions=True)

    asyncio.run(load())

    assert process.wait(timeout=30) == 0
    assert stored(place).events == sum(len(body["rows"]) for body in acknowledged), f"seed {seed}"


@posix
def test_a_restore_under_load_that_is_killed_leaves_the_old_store_or_the_new(
    folder, serve, seed, tmp_path
):
    """Never a half: of what was stored before the backup nothing is gone, whenever it was killed.

    Every answer is 200 or 503, and what was acknowledged after the last restore is stored.
    """
    rng = random.Random(seed)
    place, clients = folder
    _, url = serve()
    kept = [(client, body) for client in clients for body in batches(client, 10, rng)]
    gone = [(client, body) for client in clients for body in batches(client, 10, rng)]
    answers = []

    async def upload(work):
        async with httpx.AsyncClient(timeout=60, trust_env=False) as browser:
            for client, body in work:
                headers = {"Authorization": f"Bearer {client[1]}"}
                answer = await browser.post(f"{url}/api/usage-event", json=body, headers=headers)
                answers.append(answer.status_code)
                if answer.status_code != 200:
                    assert int(answer.headers["retry-after"]) >= 1
                    await upload([(client, body)])

    asyncio.run(upload(kept))
    _keep.backup(place, tmp_path / "copy")
    before = stored(place).events
    assert before == sum(len(body["rows"]) for _, body in kept)
    command = [sys.executable, "-m", "otumat_usage.host", "restore", "--yes", "-d", place]

    async def restore(patience):
        process = await asyncio.create_subprocess_exec(
            *command, tmp_path / "copy", stdout=subprocess.DEVNULL
        )
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), patience)
        if process.returncode is None:
            process.kill()
        return await process.wait()

    async def meet(patience, work):
        code, _ = await asyncio.gather(restore(patience), upload(work))
        return code

    codes = []
    for turn in range(6):
        codes.append(asyncio.run(meet(rng.uniform(0.2, 1.5), gone[turn::6])))
        found = stored(place).events
        assert before <= found <= before + sum(len(body["rows"]) for _, body in gone), codes
    assert asyncio.run(restore(120)) == 0
    assert stored(place).events == before
    asyncio.run(upload(gone))

    assert set(answers) <= {200, 503}
    assert stored(place).events == before + sum(len(body["rows"]) for _, body in gone)
    assert set(codes) <= {0, -signal.SIGKILL}
