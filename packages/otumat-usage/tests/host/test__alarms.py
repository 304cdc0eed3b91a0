"""Laws of alerts: told once when they begin and once when they end, and only to who was told."""

import pytest

from otumat_usage.host import _packages, _postman, _signs, _subscriptions
from otumat_usage.host._database import Database
from otumat_usage.host._worker import fold_all

HOUR, DAY = 3_600_000, 86_400_000
ISSUER = "https://usage.example.org"

pytestmark = pytest.mark.interop  # a real mail server


@pytest.fixture(name="steady")
def _steady(service, mails):
    """Twelve uploads of ten events on each day of the last ten weeks; Ann gets alerts."""
    today = service.clock() // DAY * DAY
    service.past(
        *((today - DAY * ago + HOUR * n, 10, 0) for ago in range(70, -1, -1) for n in range(12))
    )
    service.mail_by(mails.port)
    fold_all(service.host.database)
    asked(service, "ann@example.org")
    return service


def asked(service, *addresses):
    with service.host.database.write() as connection:
        package = _packages.find(connection, "demo").id
        _subscriptions.replace(connection, package, "alerts", addresses, 0)


@pytest.fixture(name="pass_time")
def _pass_time(service, mails):
    """Let hours pass, with a round after each step; return the subjects of new mails."""

    def pass_time(*, hours, upload=None, step=1):
        for _ in range(0, hours, step):
            service.clock.forward(seconds=3600 * step)
            if upload:
                service.past((service.clock(), *upload))
            _postman.deliver(service.host.database, ISSUER, service.clock)
        found = [mail["Subject"] for _, mail in mails.taken]
        mails.taken.clear()
        return found

    return pass_time


@pytest.mark.usefixtures("steady")
def test_what_is_as_usual_is_not_told(pass_time):
    assert pass_time(hours=30, upload=(10, 0)) == []


@pytest.mark.usefixtures("steady")
def test_silence_is_told_once_and_so_is_its_end(pass_time):
    assert pass_time(hours=22) == []

    begun = pass_time(hours=24 * 9, step=6)
    over = pass_time(hours=48, upload=(10, 0), step=2)

    assert begun == ["demo: no uploads"]
    assert over == ["demo: over: no uploads"]


@pytest.mark.usefixtures("steady")
def test_a_silence_that_lasts_for_months_is_told_once(pass_time):
    assert pass_time(hours=24 * 150, step=48) == ["demo: no uploads"]


def test_a_package_of_few_uploads_may_be_quiet_for_days(service, mails, pass_time):
    today = service.clock() // DAY * DAY
    days = range(70, -1, -1)
    service.past(*((today - DAY * ago + HOUR * n, 5, 0) for ago in days for n in range(5)))
    fold_all(service.host.database)
    service.mail_by(mails.port)
    asked(service, "ann@example.org")

    assert pass_time(hours=24, step=12) == []
    assert pass_time(hours=24 * 2, step=12) == ["demo: no uploads"]


def test_a_closed_package_may_be_silent(steady, pass_time):
    with steady.host.database.write() as connection:
        _packages.close(connection, "demo", closed=True)

    assert pass_time(hours=72) == []


@pytest.mark.usefixtures("steady")
def test_far_more_events_than_usual_are_told_once_for_as_long_as_it_lasts(pass_time):
    first = pass_time(hours=5, upload=(100, 0))
    later = pass_time(hours=40, upload=(100, 0))
    ended = pass_time(hours=60, upload=(5, 0))

    assert first == ["demo: far more events than usual"]
    assert later == []
    assert ended == ["demo: over: far more events than usual"]


def test_many_new_installs_are_told(steady, pass_time):
    for _ in range(12):
        steady.enrol()

    assert pass_time(hours=1) == ["demo: far more new installs than usual"]


@pytest.mark.usefixtures("steady")
def test_refused_events_are_told_from_a_share_of_all(pass_time):
    # 120 events came today: 4 % are none of an alert's business, and few are not either.
    assert pass_time(hours=1, upload=(1, 5)) == []
    assert pass_time(hours=2, upload=(1, 20)) == ["demo: many events are refused or lost"]


def test_one_bad_event_of_a_quiet_day_hides_no_bad_day():
    today = 20_605
    numbers = _signs.Numbers(
        now=today * DAY, first=0, last=None, closed=False, uploads={}, installs={},
        events={today - 1: 100}, bad={today - 1: 30, today: 1}, lost=0,
    )  # fmt: skip

    *_, errors = _signs.judge(numbers, _signs.Losses(today, 0))

    assert errors.wrong
    assert "30 events" in errors.text


def test_lost_events_are_those_that_were_lost_since_midnight():
    losses = _signs.Losses(10, 500)

    assert losses.at(10, 900) is losses
    assert losses.at(11, 900) == _signs.Losses(11, 900, 400)
    assert losses.at(12, 900) == _signs.Losses(12, 900, 0)
    assert losses.at(11, 300) == _signs.Losses(11, 300, 0)


def test_who_was_not_told_of_it_is_not_told_that_it_is_over(steady, mails, pass_time):
    mails.refuses = True
    assert pass_time(hours=30) == []
    mails.refuses = False
    steady.past((steady.clock(), 10, 0))

    assert pass_time(hours=12, upload=(10, 0)) == []


def test_who_asks_while_nobody_did_is_told_anew(steady, pass_time):
    assert pass_time(hours=30) == ["demo: no uploads"]
    asked(steady)
    assert pass_time(hours=30) == []

    asked(steady, "bob@example.org")

    assert pass_time(hours=5) == ["demo: no uploads"]


def test_several_processes_tell_it_once(steady, mails):
    others = [Database.open(steady.host.database.path.parent) for _ in range(2)]
    steady.clock.forward(days=2)

    for database in (*others, steady.host.database, *others):
        _postman.deliver(database, ISSUER, steady.clock)
        steady.clock.forward(seconds=601)

    assert len(mails.taken) == 1
    for database in others:
        database.close()


def test_before_anything_is_usual_nothing_is_told(service, mails, pass_time):
    service.mail_by(mails.port)
    asked(service, "ann@example.org")
    assert pass_time(hours=3) == []

    assert pass_time(hours=24 * 3, upload=(5000, 0), step=12) == []
    assert pass_time(hours=24 * 5, step=12) == []
