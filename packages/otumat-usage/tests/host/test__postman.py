"""Laws of reports by mail: the pages' numbers, once, no backlog, and nothing injected."""

import json
import re
import time

import pytest

from otumat_usage.host import (
    _letters,
    _mail,
    _outgoing,
    _packages,
    _postman,
    _providers,
    _subscriptions,
)
from otumat_usage.host._answers import Answers
from otumat_usage.host._catalogue import exhibit
from otumat_usage.host._database import Database, log, packages, select, update
from otumat_usage.host._database import mails as mail_table
from otumat_usage.host._errors import PackageInvalid
from otumat_usage.host._question import ask
from otumat_usage.host._terminal import as_text
from otumat_usage.host._worker import fold_all

HOUR, DAY = 3_600_000, 86_400_000
ISSUER = "https://usage.example.org"
MONDAY = 20_605  # 2026-06-01, on which the tests' clock stands at noon

pytestmark = pytest.mark.interop  # a real mail server


@pytest.fixture(name="reporting")
def _reporting(service, mails):
    """Users of May with a hostile feature; Ann gets a report of each week since long ago."""
    service.clock.forward(days=-3)  # Friday
    tokens = [service.enrol() for _ in range(3)]
    for number, each in enumerate(tokens):
        names = ["plot", "<img src=x>"][: 1 + number % 2]
        service.upload(each, service.batch(each, *names))
    service.clock.forward(days=3)
    service.mail_by(mails.port)
    subscribe(service, "ann@example.org", "week", since=service.clock() - 30 * DAY)
    return service


def subscribe(service, address, kind, *, since=None, package="demo"):
    with service.host.database.write() as connection:
        package = _packages.find(connection, package).id
        at = service.clock() if since is None else since
        _subscriptions.subscribe(connection, package, address, kind, at)


@pytest.fixture(name="round_")
def _round(service):
    def round_():
        return _postman.deliver(service.host.database, ISSUER, service.clock)

    return round_


def parts_of(mail):
    return {
        part.get_content_type(): part.get_payload(decode=True).decode().replace("\r\n", "\n")
        for part in mail.walk()
        if not part.is_multipart()
    }


def test_a_week_is_reported_once_when_its_last_day_has_come(reporting, round_, mails):
    assert round_() == 0  # Monday noon: yesterday's uploads are still coming
    reporting.clock.forward(days=1)

    assert [round_() for _ in range(5)] == [1, 0, 0, 0, 0]

    ((recipients, mail),) = mails.taken
    assert recipients == ["ann@example.org"]
    assert mail["Subject"] == "demo: 3 users in the week to 2026-05-31"
    reporting.clock.forward(days=7)
    assert [round_(), round_()] == [1, 0]


def test_it_has_the_pages_numbers_as_text_and_as_tables(reporting, round_, mails):
    reporting.clock.forward(days=1)
    assert round_() == 1
    found = parts_of(mails.taken[0][1])

    with reporting.host.database.read() as connection:
        package = _packages.find(connection, "demo")
        answers = Answers(connection, package, MONDAY * DAY - 1)
        asked = ask(answers, {"days": "7"})
        for name in ("actives", "features", "versions", "os", "frequency"):
            assert as_text(exhibit(name, answers, asked)) in found["text/plain"]
    assert "▁" in found["text/plain"] or "█" in found["text/plain"]
    assert f"{ISSUER}/p/demo" in found["text/plain"]
    assert f'href="{ISSUER}/p/demo"' in found["text/html"]
    assert re.search(r"plot</th><td[^>]*>3</td>", found["text/html"])


def test_it_loads_nothing_from_anywhere_and_names_from_clients_are_text(reporting, round_, mails):
    reporting.clock.forward(days=1)
    round_()
    html = parts_of(mails.taken[0][1])["text/html"]

    assert "&lt;img src=x&gt;" in html
    assert "<img" not in html
    assert re.findall(r'\s(?:src|href|action|background)="([^"]*)"', html) == [f"{ISSUER}/p/demo"]
    assert "url(" not in html
    assert not re.search(r"<(script|link|svg|iframe|style)", html)


def test_a_host_that_was_away_sends_no_backlog(reporting, round_, mails):
    reporting.clock.forward(days=50)

    assert round_() == 1

    assert "2026-07-19" in mails.taken[0][1]["Subject"]  # the last whole week, no other


def test_whoever_asks_in_the_middle_gets_the_next_period_first(reporting, round_):
    reporting.clock.forward(days=1)
    assert round_() == 1
    subscribe(reporting, "bob@example.org", "week")
    subscribe(reporting, "eve@example.org", "month")

    assert round_() == 0
    reporting.clock.forward(days=7)
    assert round_() == 2
    reporting.clock.forward(days=23)
    assert round_() == 3  # two weeks', and the one of June


def test_while_the_mail_server_is_away_it_is_tried_less_and_less_often(reporting, round_, mails):
    mails.refuses = True
    reporting.clock.forward(days=1)
    tried = 0
    for _ in range(60 * 12):
        assert round_() == 0
        reporting.clock.forward(seconds=60)
    with reporting.host.database.read() as connection:
        tried = connection.scalar(select(mail_table.c.tries))
    assert 5 <= tried <= 11

    mails.refuses = False
    reporting.clock.forward(seconds=6 * 3600)

    assert [round_(), round_()] == [1, 0]


def test_after_two_days_without_a_mail_server_it_is_dropped(reporting, round_, mails):
    mails.refuses = True
    reporting.clock.forward(days=1)
    round_()
    reporting.clock.forward(days=2, seconds=1)
    mails.refuses = False

    assert [round_(), round_()] == [0, 0]
    assert mails.taken == []


def test_a_process_that_dies_while_it_sends_leaves_it_to_another(reporting, round_, mails):
    reporting.clock.forward(days=1)
    mails.refuses = True
    round_()  # put in and claimed, not sent
    mails.refuses = False
    other = Database.open(reporting.host.database.path.parent)
    with other.beside() as connection:
        assert _outgoing.claim(connection, reporting.clock()) is None  # someone has it
    reporting.clock.forward(seconds=61)

    assert _postman.deliver(other, ISSUER, reporting.clock) == 1
    assert round_() == 0
    other.close()


def test_a_mail_sent_twice_has_one_name(reporting, mails):
    with reporting.host.database.read() as connection:
        server = _providers.mail_server(connection)
    for _ in range(2):
        _mail.send(server, "ann@example.org", "Hi", "text", html="<p>text</p>", name="one")

    names = {mail["Message-ID"] for _, mail in mails.taken}
    assert len(names) == 1
    assert names.pop().endswith("@example.org>")


@pytest.mark.parametrize("kind", ["week", "alerts"])
@pytest.mark.parametrize("what", ["an upload", "its settings"])
def test_a_package_that_cannot_be_read_keeps_no_other_s_mails_waiting(
    reporting, round_, mails, kind, what
):
    reporting.add("another")  # which comes first
    tokens = reporting.enrol("another")
    reporting.upload(tokens, reporting.batch(tokens, "plot"))
    subscribe(reporting, "bob@example.org", kind, since=0, package="another")
    reporting.clock.forward(days=1)
    with reporting.host.database.write() as connection:
        broken = _packages.find(connection, "another").id
        connection.execute(
            update(log).where(log.c.package == broken).values(body=b"\xff")
            if what == "an upload"
            else update(packages).where(packages.c.id == broken).values(settings="?")
        )

    with pytest.raises(ValueError, match="Expect"):
        round_()

    assert [recipients for recipients, _ in mails.taken] == [["ann@example.org"]]


def test_who_left_gets_nothing_more(reporting, round_):
    reporting.clock.forward(days=1)
    with reporting.host.database.write() as connection:
        package = _packages.find(connection, "demo").id
        assert _subscriptions.unsubscribe(connection, package, "Ann@example.org", ["week"])

    assert round_() == 0


def test_without_a_mail_server_nothing_is_put_in(service, round_):
    with pytest.raises(PackageInvalid, match="no mail server"):
        subscribe(service, "ann@example.org", "week")
    assert round_() == 0


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org\nBcc: all@example.org", "ann@example.org\r", "Ann <ann@example.org>",
        "a@example.org,b@example.org", "", "ann", "ann@", "@example.org", "ann@example.org ",
    ],
)  # fmt: skip
def test_no_header_can_come_in_by_an_address(reporting, address):
    with pytest.raises(PackageInvalid):
        subscribe(reporting, address, "alerts")


def test_the_library_refuses_a_line_break_in_a_subject(reporting):
    with reporting.host.database.read() as connection:
        server = _providers.mail_server(connection)
    with pytest.raises(ValueError, match=r"linefeed|newline"):
        _mail.send(server, "ann@example.org", "Hi\nBcc: all@example.org", "text")


def test_a_package_mails_to_twenty_addresses_at_most(reporting):
    for number in range(19):
        subscribe(reporting, f"a{number}@example.org", "week")

    with pytest.raises(PackageInvalid, match="at most 20"):
        subscribe(reporting, "one-more@example.org", "week")
    subscribe(reporting, "ANN@example.org", "week")  # she has it already


@pytest.mark.parametrize(
    ("kind", "now", "first", "last"),
    [
        ("week", MONDAY, MONDAY - 7, MONDAY - 1),
        ("week", MONDAY + 6, MONDAY - 7, MONDAY - 1),
        ("week", MONDAY + 7, MONDAY, MONDAY + 6),
        ("month", MONDAY, MONDAY - 31, MONDAY - 1),
        ("month", MONDAY + 29, MONDAY - 31, MONDAY - 1),
        ("month", MONDAY + 30, MONDAY, MONDAY + 29),
    ],
)
def test_periods_are_whole_weeks_and_months(kind, now, first, last):
    found = _letters.last_period(kind, now * DAY)

    assert (found.first, found.last) == (first, last)
    assert _letters.period_of(_letters.occasion(found)) == found


def test_the_thread_sends_only_while_it_leads(reporting, mails):
    reporting.clock.forward(days=1)
    fold_all(reporting.host.database)
    leads = []
    postman = _postman.Postman(
        reporting.host.database, ISSUER, leads=lambda: bool(leads), now=reporting.clock, pause=0.01
    )
    postman.start()
    try:
        assert mails.taken == []
        leads.append(True)
        end = time.monotonic() + 60
        while not mails.taken:
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        postman.stop()

    assert len(mails.taken) == 1
    assert json.dumps(mails.taken[0][0]) == '["ann@example.org"]'
