"""Laws of expiry: what can do nothing any more goes, what proves a theft stays long enough."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from otumat_usage.host import _device_grants, _expiry, _grants, _legacy_grants, _packages
from otumat_usage.host._admin import new_link
from otumat_usage.host._authorize import AuthorizationRequest
from otumat_usage.host._database import (
    admin_links,
    auth_codes,
    device_grants,
    families,
    func,
    insert,
    installs,
    select,
    self_keys,
    sessions,
    tokens,
)
from otumat_usage.host._rights import erase
from otumat_usage.host._secrets import new_id
from otumat_usage.host._worker import Worker

DAY = 86_400_000
WANTED = AuthorizationRequest("p", "http://127.0.0.1:1/x", "", "c" * 43, "usage:write", ())


@pytest.fixture
def rows(service):
    """Count the rows of a table, or of those that satisfy a condition."""

    def rows(table, where=None):
        counted = select(func.count()).select_from(table)
        with service.host.database.read() as connection:
            return connection.scalar(counted if where is None else counted.where(where))

    return rows


@pytest.fixture
def write(service):
    def write(function, *arguments):
        with service.host.database.write() as connection:
            return function(connection, *arguments)

    return write


def enrolled(connection, now):
    package = _packages.find(connection, "demo")
    return _grants.enrol(connection, _grants.Consent(package.id, "0" * 64, "1-0", now, "browser"))


def test_the_tables_stay_bounded_over_years_of_refreshes(service, write):
    """Twice a day for three years; the client enrols anew whenever its grant has ended."""
    clock, most = service.clock, {"access": 0, "refresh": 0, "families": 0}
    counted = {
        "access": select(func.count()).where(tokens.c.kind == "access"),
        "refresh": select(func.count()).where(tokens.c.kind == "refresh"),
        "families": select(func.count()).select_from(families),
    }

    def half_a_day(connection, pair):
        now = clock()
        answer = pair and _grants.refresh(connection, pair.refresh, None, now)
        if not isinstance(answer, _grants.Pair):
            answer = _grants.Family(connection, enrolled(connection, now), new_id(), now).open("x")
        _grants.authenticate(connection, answer.access, now)
        clock.forward(days=0.5)
        return answer

    def ten_days(connection, pair):
        for _ in range(20):
            pair = half_a_day(connection, pair)
        _expiry.sweep(connection, clock())
        for what, count in counted.items():
            most[what] = max(most[what], connection.scalar(count))
        return pair

    pair = None
    for _ in range(110):  # transactions: one for each refresh would take longer than all the rest
        pair = write(ten_days, pair)

    # A refresh token goes 220 days after its end, which is 180 days after it was made.
    assert most == {"access": 0, "refresh": 2 * 400 - 1, "families": 2}


@pytest.mark.parametrize("refreshed", [0, 170])
def test_a_grant_of_wire_1_leaves_nothing_when_it_can_do_nothing(service, rows, write, refreshed):
    """Its client's secret lives as long as the grant, and goes with it."""
    clock = service.clock
    given = write(lambda c: _legacy_grants.grant(c, enrolled(c, clock()), clock()))
    write(lambda c: _packages.take_legacy(c, "demo", on=True))
    clock.forward(days=refreshed)
    write(_legacy_grants.refresh, given.client, given.pair.refresh, clock())

    clock.forward(days=399 - refreshed)
    _expiry.sweep_all(service.host.database, clock())
    assert rows(tokens, tokens.c.kind == "client") == 1
    clock.forward(days=221)
    _expiry.sweep_all(service.host.database, clock())

    assert (rows(tokens), rows(families)) == (0, 0)


def test_a_retired_token_revokes_its_family_as_long_as_that_lives(service, write):
    """The very first token comes back on the last day on which its family could do anything."""
    clock = service.clock
    first = pair = write(
        lambda c: _grants.Family(c, enrolled(c, clock()), new_id(), clock()).open("x")
    )
    for _ in range(3):
        clock.forward(days=133)
        pair = write(_grants.refresh, pair.refresh, None, clock())
        write(_grants.authenticate, pair.access, clock())
        write(_expiry.sweep, clock())
    clock.forward(days=0.9)
    write(_expiry.sweep, clock())

    stolen = write(_grants.refresh, first.refresh, None, clock())

    assert "retired" in stolen.description
    owner = write(_grants.refresh, pair.refresh, None, clock())
    assert owner.description == "the grant was revoked"


def test_a_family_goes_with_its_last_token(service, rows, write):
    write(
        lambda c: _grants.Family(c, enrolled(c, service.clock()), new_id(), service.clock()).open(
            "x"
        )
    )
    service.clock.forward(days=399)
    write(_expiry.sweep, service.clock())
    assert (rows(tokens), rows(families)) == (1, 1)

    service.clock.forward(days=1)
    write(_expiry.sweep, service.clock())

    assert (rows(tokens), rows(families)) == (0, 0)
    assert rows(installs, installs.c.state == "active") == 1


def test_a_code_nobody_fetched_goes_with_its_install(service, rows, write):
    clock = service.clock
    fetched = service.enrol()
    write(lambda c: _grants.issue_code(c, enrolled(c, clock()), WANTED, clock()))
    assert (rows(auth_codes), rows(installs)) == (2, 2)
    clock.forward(seconds=120)
    write(_expiry.sweep, clock())
    assert (rows(auth_codes), rows(installs)) == (2, 2)

    clock.forward(days=1)
    write(_expiry.sweep, clock())

    assert (rows(auth_codes), rows(installs)) == (0, 1)
    assert service.refresh(fetched["refresh_token"]).status_code == 200


@pytest.mark.parametrize("agreed", [True, False])
def test_a_device_grant_nobody_fetched_goes_with_its_install(service, rows, write, agreed):
    clock = service.clock

    def start(connection):
        package = _packages.find(connection, "demo").id
        _, shown = _device_grants.start(connection, package, "usage:write", clock())
        pending = _device_grants.find(connection, shown, clock())
        consent = _grants.Consent(package, "0" * 64, "1-0", clock(), "device")
        _device_grants.answer(connection, pending, consent if agreed else None)

    write(start)
    assert (rows(device_grants), rows(installs)) == (1, int(agreed))
    clock.forward(seconds=1801)
    write(_expiry.sweep, clock())

    assert (rows(device_grants), rows(installs)) == (0, 0)


def test_admin_sessions_and_links_go_when_they_expire(service, rows, write):
    service.admin()
    write(new_link, "http://127.0.0.1:8080", service.clock())
    assert (rows(sessions), rows(admin_links)) == (1, 1)
    service.clock.forward(days=1)
    write(_expiry.sweep, service.clock())
    assert (rows(sessions), rows(admin_links)) == (1, 0)

    service.clock.forward(days=29)
    write(_expiry.sweep, service.clock())

    assert rows(sessions) == 0


def test_links_to_a_users_own_page_go_when_they_expire(service, rows, write):
    tokens = service.enrol()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert service.browser.post("/api/usage-self/link", headers=bearer).status_code in (200, 201)
    assert rows(self_keys) == 1
    service.clock.forward(days=1)

    write(_expiry.sweep, service.clock())

    assert rows(self_keys) == 0


def test_one_pass_deletes_no_more_than_it_may(service, rows, write):
    for _ in range(5):
        service.enrol()
    service.clock.forward(days=2)

    assert write(_expiry.sweep, service.clock(), 7) == 7

    assert rows(tokens, tokens.c.kind == "access") + rows(auth_codes) == 3
    with service.host.database.beside() as connection:
        assert _expiry.sweep(connection, service.clock(), 7) == 3
        assert _expiry.sweep(connection, service.clock(), 7) == 0


def test_the_worker_does_it_by_itself(service, rows):
    """The service's clock stands still in the past, so for the worker all has expired."""
    import time

    service.clock.at = time.time_ns() // 1_000_000 - 2 * DAY
    service.enrol()
    worker = Worker(service.host.database, pause=0.02)
    worker.start()
    end = time.monotonic() + 60
    while rows(auth_codes) or rows(tokens, tokens.c.kind == "access"):
        assert time.monotonic() < end
        time.sleep(0.01)
    worker.stop()

    assert rows(tokens, tokens.c.kind == "refresh") == 1


@pytest.mark.postgresql
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("sweeps_first", [True, False])
def test_a_sweep_and_an_erasure_never_wait_for_each_other(service, rows, sweeps_first):
    """Of three tokens they would delete the ends first, each another one; a third holds the middle.

    Without a common order of locks, PostgreSQL ends one of the two as soon as that lets go.
    """
    database, now = service.host.database, service.clock()
    hashes = [bytes([number]) * 32 for number in range(3)]
    with database.write() as connection:
        install, family = enrolled(connection, now), new_id()
        _grants.Family(connection, install, family, now)
        for age, token in enumerate(hashes):
            connection.execute(
                insert(tokens).values(
                    install=install, hash=token, kind="access", family=family, generation=1,
                    scope="x", expires=now - 1000 * age, nonce=None,
                )
            )  # fmt: skip

    def sweep():
        return _expiry.sweep_all(database, now)

    def wipe():
        with database.write() as connection:
            return erase(connection, install)

    def waiting(number):
        count = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN "
        ours = "(SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
        end = time.monotonic() + 60
        while True:
            with database.read() as connection:
                found = connection.exec_driver_sql(f"{count}{ours}").scalar()
            if found >= number:
                return
            assert time.monotonic() < end
            time.sleep(0.02)

    with ThreadPoolExecutor(2) as pool:
        with database.beside() as holder:
            middle = tokens.c.hash == hashes[1]
            holder.execute(select(tokens.c.hash).where(middle).with_for_update())
            started = []
            for number, each in enumerate((sweep, wipe) if sweeps_first else (wipe, sweep), 1):
                started.append(pool.submit(each))
                waiting(number)
        swept, erased = [each.result(60) for each in (started if sweeps_first else started[::-1])]

    assert swept == (3 if sweeps_first else 0)
    assert erased is not None
    assert rows(tokens, tokens.c.install == install) == 0
