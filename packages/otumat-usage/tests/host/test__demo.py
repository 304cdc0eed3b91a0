"""Laws of the made-up year: the same for a seed, inside its days, and plausible."""

from collections import Counter

import pytest

from otumat_usage.host import _demo

TODAY = 20_605  # 2026-06-01
DAY = 86_400_000


@pytest.fixture(name="year", scope="module")
def _year():
    crowd = _demo.people(7, 60)
    return crowd, list(_demo.visits(7, crowd, TODAY))


def test_a_seed_gives_the_same_year_and_another_seed_another(year):
    crowd, visits = year

    assert _demo.people(7, 60) == crowd
    assert list(_demo.visits(7, crowd, TODAY)) == visits
    assert _demo.people(8, 60) != crowd


def test_every_event_lies_in_the_year_that_ends_today_and_is_declared(year):
    _, visits = year

    days = {at // DAY for visit in visits for at, *_ in visit.events}
    names = {name for visit in visits for _, name, *_ in visit.events}

    assert min(days) >= TODAY - 364
    assert max(days) <= TODAY
    assert len(days) > 300
    assert names < set(_demo.EVENTS)


def test_nobody_goes_back_to_an_older_version_or_runs_one_before_its_release(year):
    _, visits = year
    ago = dict(_demo._VERSIONS)
    seen = {}

    for visit in visits:
        day = visit.events[0][0] // DAY - (TODAY - 364)
        assert day >= 365 - ago[visit.version]
        assert seen.get(visit.person, "") <= visit.version
        seen[visit.person] = visit.version


def test_weekends_are_quiet(year):
    _, visits = year

    # 1970-01-01 was a Thursday.
    per = Counter((visit.events[0][0] // DAY + 3) % 7 for visit in visits)

    assert per[5] + per[6] < (per[0] + per[1]) * 0.8
