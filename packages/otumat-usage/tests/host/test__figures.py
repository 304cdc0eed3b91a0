"""Laws of the numbers above everything else: in words that fit them, nothing made up."""

import dataclasses

import pytest

from otumat_usage.host import _packages
from otumat_usage.host._answers import Answers
from otumat_usage.host._figures import Figures, figures
from otumat_usage.host._question import ask

NONE = Figures(0, 0, 0, 0, 0, None, 0, 0, None, 0, None)


@pytest.fixture(name="now")
def _now(service):
    def now():
        with service.host.database.read() as connection:
            answers = Answers(connection, _packages.find(connection, "demo"), service.clock())
            return figures(answers, ask(answers, {}), service.clock())

    return now


def test_yesterdays_uploads_stand_beside_what_its_weekday_usually_has(service, now):
    for number in (9, 2, 3, 4, 5):
        tokens = service.enrol()
        for _ in range(number):
            service.upload(tokens, service.batch(tokens, "plot"))
        service.clock.forward(days=7)
    service.clock.forward(days=-6)

    found = now()

    assert (found.came, found.usual) == (5, 4)  # the middle of 9, 2, 3 and 4 is 3.5
    assert found.arrivals == "5 uploads yesterday (usually about 4)"


def test_what_is_usual_is_not_said_in_the_first_weeks(service, now):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))
    service.clock.forward(days=1)

    assert now().arrivals == "1 upload yesterday"


def test_before_the_first_upload_and_decision_nothing_is_counted(now):
    assert now() == NONE
    assert NONE.arrivals == ""
    assert NONE.freshness == "no upload yet"
    assert NONE.decided == "nobody was asked on the page yet"


def test_decisions_are_told_with_their_share():
    found = dataclasses.replace(NONE, yes=1200, asked=3000)

    assert found.decided == "1\u202f200 of 3\u202f000 said yes on the page (40 %)"


def test_one_user_is_a_user(service):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))
    service.admin()

    page = service.browser.get("/p/demo").text

    assert "<b>1</b><span>user in the last 28 days</span>" in page
    assert "<b>1</b><span>consenting install</span>" in page
