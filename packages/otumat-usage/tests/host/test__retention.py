"""Laws of retention: what is let go is gone, what was counted stays counted."""

import itertools
import uuid

import pytest

from otumat_usage.host import _grants, _kept, _log, _rollups, _wire
from otumat_usage.host._answers import Answers, Is
from otumat_usage.host._bitmaps import BitMap, unpack_set
from otumat_usage.host._cells import Cell
from otumat_usage.host._database import (
    func,
    log,
    members,
    packages,
    recent,
    rollups,
    select,
    update,
    weeks,
)
from otumat_usage.host._errors import PolicyInvalid
from otumat_usage.host._retention import Policy, Released, let_go, policy_of, set_policy
from otumat_usage.host._rights import erase
from otumat_usage.host._worker import fold_all

DAY = 86_400_000


@pytest.fixture(autouse=True)
def _package(service):
    service.add_package = service.add("demo")


@pytest.fixture
def aged(service):
    """Two users who come every 100 days for two years; return them."""
    users = []
    package = service.add_package.id
    with service.host.database.write() as connection:
        for _ in range(2):
            consent = _grants.Consent(package, "0" * 64, "1-0", 0, "browser")
            users.append(_grants.enrol(connection, consent))
            for number in range(8):
                at = service.clock() - 100 * DAY * number
                batch = _wire.Batch(
                    str(uuid.UUID(bytes=users[-1])), f"b{number}", "2026-06-01T12:00:00Z",
                    f"r{number}", 1, 1, [], [], _wire.Context("1.0", "3.12", "Linux"),
                )  # fmt: skip
                event = _wire.Event(0, 1, at, "plot", 1, None)
                upload = _log.Upload(batch, [event], [], uuid.uuid4().bytes * 2, at)
                _log.append(connection, install=users[-1], package=package, upload=upload)
    fold_all(service.host.database)
    return users


def ask(service):
    with service.host.database.read() as connection:
        package = service.add_package
        found = Answers(connection, package, service.clock())
        today = found.today
        return {
            "series": found.series(today - 710, today, step="day"),
            "month": found.series(today - 300, today, step="month"),
            "features": found.breakdown("feature", today - 300, today),
            "python": found.total(today - 300, today, where=Is("python", "3.12")),
            "health": found.health(),
        }


def change(service, **days):
    with service.host.database.write() as connection:
        set_policy(connection, Policy(**days))
    return let_go(service.host.database, service.clock())


def uploads(service):
    with service.host.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(log))


def assert_nowhere(service, number):
    """No set has the install of that number."""
    with service.host.database.read() as connection:
        for table in (rollups, weeks):
            sets = connection.scalars(select(table.c.bits).where(table.c.bits.is_not(None))).all()
            assert sets
            assert not any(number in unpack_set(bits) for bits in sets)


@pytest.mark.usefixtures("aged")
def test_uploads_go_and_every_answer_stays(service):
    before = ask(service)

    gone = change(service, log_days=250, set_days=760)

    assert gone.uploads > 0
    assert uploads(service) == 16 - gone.uploads
    assert ask(service) == before


@pytest.mark.usefixtures("aged")
def test_a_rebuild_keeps_what_the_log_can_no_longer_tell(service):
    before = ask(service)
    change(service, log_days=250, set_days=760)

    assert _rollups.rebuild(service.host.database, service.add_package.id) == uploads(service)

    assert ask(service) == before


def test_a_rebuild_keeps_of_a_week_what_only_its_first_days_had(service):
    """Nothing since the horizon tells of CI, but the days before it in the same week did."""
    first = service.clock() // DAY  # a Monday
    for changes in ({"context": {"ci": True}}, {"context": {}}):
        tokens = service.enrol()
        service.upload(tokens, service.batch(tokens, "plot", **changes))
        service.clock.forward(days=300)
    service.clock.forward(days=-300)
    fold_all(service.host.database)

    def on_ci():
        with service.host.database.read() as connection:
            found = Answers(connection, service.add_package, service.clock())
            return found.breakdown("ci", first, first + 6)

    before = on_ci()
    change(service, log_days=298, set_days=760)

    _rollups.rebuild(service.host.database, service.add_package.id)

    assert on_ci() == before
    assert [(each.value, each.users) for each in before] == [("yes", 1)]


def test_erasing_reaches_the_days_whose_uploads_are_gone(service, aged):
    change(service, log_days=250, set_days=760)

    with service.host.database.write() as connection:
        erase(connection, aged[0])

    assert {point.users for point in ask(service)["series"]} == {0, 1}


def test_an_erased_user_is_in_no_set_of_a_day_that_the_log_no_longer_tells(service, aged):
    """Nor in one of a day a few minutes later than the last of these uploads: clocks differ."""
    with service.host.database.write() as connection:
        number = connection.scalar(select(members.c.number).where(members.c.install == aged[0]))
        package = service.add_package.id
        horizon = service.clock() // DAY - 250
        upload = {("all", "", horizon): Cell(1, BitMap([number]))}
        _kept.add(connection, package, upload)
    change(service, log_days=250, set_days=760)

    with service.host.database.write() as connection:
        erase(connection, aged[0])

    assert_nowhere(service, number)


def test_an_erased_user_is_in_no_set_of_a_day_that_the_log_tells_in_part(service, aged):
    """Of what a late upload says nothing of, only those that are gone told."""
    change(service, log_days=250, set_days=760)
    at = service.clock() - 300 * DAY
    batch = _wire.Batch(
        str(uuid.UUID(bytes=aged[0])), "late", "2026-06-01T12:00:00Z", "late", 1, 1, [], []
    )
    upload = _log.Upload(
        batch, [_wire.Event(0, 1, at, "save", 1, None)], [], b"late" * 8, service.clock()
    )
    with service.host.database.write() as connection:
        number = connection.scalar(select(members.c.number).where(members.c.install == aged[0]))
        package = service.add_package.id
        _log.append(connection, install=aged[0], package=package, upload=upload)
    fold_all(service.host.database)

    with service.host.database.write() as connection:
        erase(connection, aged[0])

    assert_nowhere(service, number)


@pytest.mark.usefixtures("aged")
def test_old_sets_become_numbers(service):
    before = ask(service)

    gone = change(service, log_days=402, set_days=402)

    after = ask(service)
    assert gone.sets > 0
    assert [(p.users, p.events) for p in after["series"]] == [
        (p.users, p.events) for p in before["series"]
    ]
    assert after["month"] == before["month"]
    with service.host.database.read() as connection:
        found = Answers(connection, service.add_package, service.clock())
        assert found.total(found.today - 710, found.today).users is None


@pytest.mark.usefixtures("aged")
def test_a_package_that_cannot_be_read_keeps_nothing_any_longer(service):
    service.add("another")
    with service.host.database.write() as connection:
        connection.execute(update(packages).values(settings="?"))

    assert change(service, log_days=90, set_days=410).sets
    assert uploads(service) == 2


def test_what_is_not_counted_yet_is_never_let_go(service):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))
    service.clock.forward(days=500)

    assert change(service, log_days=100, set_days=760).uploads == 0
    fold_all(service.host.database)
    assert change(service, log_days=100, set_days=760).uploads == 1


def kept(service):
    """Return what is in every table that is let go of."""
    with service.host.database.read() as connection:
        tables = (log, recent, rollups, weeks)
        return [sorted(connection.execute(select(table)).all(), key=repr) for table in tables]


@pytest.mark.usefixtures("aged")
def test_letting_go_may_end_after_any_part_and_go_on_later(service):
    """As when the process is killed between two of its transactions."""
    before = ask(service)
    policy = {"log_days": 250, "set_days": 402}
    with service.host.database.write() as connection:
        set_policy(connection, Policy(**policy))
    whole = Released(0, 0)
    for parts in itertools.count(1):
        asked = itertools.count()
        found = let_go(
            service.host.database, service.clock(), lambda a=asked, n=parts: next(a) >= n, step=1
        )
        whole = Released(whole.uploads + found.uploads, whole.sets + found.sets)
        after = ask(service)
        for some in (before, after):
            some.pop("python", None)  # who they were is what is let go
        assert after == before
        if next(asked) <= parts:
            break
        _rollups.rebuild(service.host.database, service.add_package.id)
        after = ask(service)
        after.pop("python")
        assert after == before

    assert parts > 5
    assert (whole.uploads > 0, whole.sets > 0) == (True, True)
    left = kept(service)
    assert let_go(service.host.database, service.clock()) == Released(0, 0)
    assert kept(service) == left


def test_an_upload_is_taken_between_two_parts(service, aged):
    """The write lock is free there, so that nobody waits for the whole."""
    tokens = service.enrol()
    answers = []

    def upload():
        if not answers:
            answers.append(service.upload(tokens, service.batch(tokens, "plot")).status_code)
        return False

    with service.host.database.write() as connection:
        set_policy(connection, Policy(log_days=250, set_days=760))
    gone = let_go(service.host.database, service.clock(), upload, step=1)

    assert answers == [200]
    assert gone.uploads > len(aged)


@pytest.mark.usefixtures("aged")
@pytest.mark.parametrize("part", [0, 1, 3, 5])
def test_what_the_policy_keeps_once_more_is_let_go_no_further(service, part):
    """Somebody saw what a slip was about to cost: they set it right, or put a backup in place."""
    asked = itertools.count()

    def change_back():
        if next(asked) == part:
            with service.host.database.write() as connection:
                set_policy(connection, Policy(log_days=900, set_days=900))
            seen.append((uploads(service), kept(service)))
        return False

    seen = []
    with service.host.database.write() as connection:
        set_policy(connection, Policy(log_days=10, set_days=402))
    let_go(service.host.database, service.clock(), change_back, step=1)

    assert seen == [(uploads(service), kept(service))]


def test_a_policy_that_contradicts_itself_is_refused(service):
    with service.host.database.write() as connection:
        with pytest.raises(PolicyInvalid, match="at least as long"):
            set_policy(connection, Policy(log_days=500, set_days=402))
        assert policy_of(connection) == Policy()
