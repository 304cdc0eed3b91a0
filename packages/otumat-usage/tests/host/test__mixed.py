"""Laws of what is kept of those who change version within a week: it is what the days say."""

import contextlib
import itertools
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otumat_usage.host import _kept, _migrations, _mixed, _rollups
from otumat_usage.host._answers import Answers
from otumat_usage.host._bitmaps import BitMap, unpack_few
from otumat_usage.host._cells import ALL, FEATURE, VERSION, Cell
from otumat_usage.host._database import delete, mixed, rollups, select, weeks
from otumat_usage.host._retention import Policy, let_go, set_policy

MONDAY = 20_605
NOW = (MONDAY + 14) * 86_400_000
numbers = itertools.count(1000)

#: Who used which feature on which day of two weeks, in which version or in none.
events = st.sets(
    st.tuples(
        st.integers(1, 4),
        st.integers(MONDAY, MONDAY + 13),
        st.sampled_from(["fit", "plot", "unknown"]),
        st.sampled_from(["1.9", "1.10", None]),
    ),
    max_size=40,
)
CHANGED = {
    (1, MONDAY, "fit", "1.9"),
    (1, MONDAY + 2, "plot", "1.10"),
    (2, MONDAY + 1, "fit", "1.9"),
    (2, MONDAY + 1, "plot", None),
    (3, MONDAY + 3, "fit", "1.10"),
    (3, MONDAY + 4, "fit", None),
    (4, MONDAY + 4, "fit", "1.9"),
    (4, MONDAY + 7, "fit", "1.10"),
}


def cells_of(some):
    """Return the cells that counting *some* events gives."""
    found = {}
    for user, day, feature, version in some:
        for key in ((FEATURE, feature, day), (VERSION, version, day), (ALL, "", day)):
            if key[1] is not None:
                cell = found.get(key, Cell(0, BitMap()))
                found[key] = Cell(cell.events + 1, cell.users | BitMap([user]))
    return found


def told_by(some):
    """Return who changed in which week, and with what each was on one day, counted by hand."""
    named = {(user, day) for user, day, _, version in some if version}
    versions = defaultdict(set)
    for user, day, _, version in some:
        if version or (user, day) not in named:
            versions[user, day].add(version or "unknown")
    weekly = defaultdict(set)
    for (user, day), its in versions.items():
        weekly[user, day - (day - MONDAY) % 7].update(its)
    changed, pairs = defaultdict(set), defaultdict(set)
    for user, day, feature, _ in some:
        week = day - (day - MONDAY) % 7
        if len(weekly[user, week]) > 1:
            changed[week].add(user)
            for version in versions[user, day]:
                pairs[week, feature, version].add(user)
    return dict(changed), dict(pairs)


def held(connection, package):
    found = _mixed.between(connection, package, 0, 10**6)
    return {week: set(each.users) for week, each in found.items()}, {
        (week, *pair): set(unpack_few(some))
        for week, each in found.items()
        for pair, some in each.pairs.items()
    }


def rows(connection, package):
    ours = select(mixed).where(mixed.c.package == package).order_by(mixed.c.day)
    return [tuple(row) for row in connection.execute(ours)]


@pytest.fixture
def crossed(service):
    """A package whose users changed versions, and a function that asks for the table."""
    package = service.add("demo")
    database = service.host.database
    with database.beside() as connection:
        _kept.add(connection, package.id, cells_of(CHANGED))

    def ask():
        with database.read() as connection:
            answers = Answers(connection, package, NOW)
            answers.revision = None  # as the store says now
            return answers.matrix(FEATURE, VERSION, MONDAY, MONDAY + 13).pairs

    return package, database, ask


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(before=events, after=events, gone=st.integers(1, 4))
def test_a_week_tells_what_its_days_tell(service, before, after, gone):
    """After every change; and however it came about, it is written in the same bytes."""
    after -= before
    package, again = next(numbers), next(numbers)
    with service.host.database.beside() as connection:
        for some in (before, after):
            _kept.add(connection, package, cells_of(some))
        assert held(connection, package) == told_by(before | after)

        _kept.subtract(connection, package, cells_of(e for e in before | after if e[0] == gone))
        left = {event for event in before | after if event[0] != gone}
        assert held(connection, package) == told_by(left)

        _kept.replace(connection, again, cells_of(left), 0)
        assert [row[1:] for row in rows(connection, again)] == [
            row[1:] for row in rows(connection, package)
        ]


def test_a_week_whose_last_days_are_empty_is_kept_when_these_are_counted_anew(crossed):
    """As a rebuild does once the uploads of its first days are let go of."""
    package, database, _ = crossed
    with database.beside() as connection:
        before = rows(connection, package.id)
        _kept.replace(connection, package.id, {}, MONDAY + 5)

        assert rows(connection, package.id) == before


def test_a_whole_week_is_told_without_the_features_of_its_days(crossed):
    _, database, ask = crossed
    before = ask()
    assert before["fit", "1.9"] == 3

    with database.beside() as connection:
        connection.execute(delete(rollups).where(rollups.c.dimension == FEATURE))

    assert ask() == before


@pytest.fixture
def older(crossed):
    """The same in a store that was just brought to these tables, and what it will hold of it."""
    package, database, ask = crossed
    with database.beside() as connection:
        kept = rows(connection, package.id)
        connection.exec_driver_sql("DROP TABLE rollup_mixed")
        connection.exec_driver_sql("DELETE FROM setting WHERE name = 'mixed'")
        _migrations.STEPS[7][1](connection)
    return package, database, ask, kept


def test_an_older_store_is_filled_week_by_week_and_its_answers_stay(older, service):
    """Also where it was stopped within a step, and where something is counted between two."""
    package, database, ask, kept = older
    other = service.add("other")
    with database.beside() as connection:
        _kept.add(connection, other.id, cells_of(CHANGED))
        lacks = rows(connection, other.id)
        connection.execute(delete(mixed))
    before = ask()
    assert before["fit", "1.9"] == 3

    with contextlib.suppress(ZeroDivisionError), database.beside() as connection:
        _rollups.catch_up(connection, 1)
        raise ZeroDivisionError
    with database.beside() as connection:
        assert rows(connection, package.id) == []
        assert _rollups.catch_up(connection, 1)
        assert rows(connection, package.id) == kept
        assert rows(connection, other.id) == []
    assert ask() == before

    with database.beside() as connection:
        again = {(4, MONDAY + 13, "plot", "1.9")}
        _kept.add(connection, package.id, cells_of(again))
        assert held(connection, package.id) == told_by(CHANGED | again)
    assert ask() == before | {("plot", "1.9"): before["plot", "1.9"] + 1}

    with database.beside() as connection:
        steps = [_rollups.catch_up(connection, 2) for _ in range(3)]
        assert steps == [True, False, False]
        assert held(connection, package.id) == told_by(CHANGED | again)
        assert [row[1:] for row in rows(connection, other.id)] == [row[1:] for row in lacks]
        connection.execute(delete(mixed))
        assert not _rollups.catch_up(connection, 2)
        assert rows(connection, other.id) == []


def test_nobody_is_kept_who_is_erased_before_their_week_is_filled(older):
    package, database, ask, _ = older
    with database.beside() as connection:
        _kept.subtract(connection, package.id, cells_of(e for e in CHANGED if e[0] == 1))
        while _rollups.catch_up(connection, 1):
            pass

        assert held(connection, package.id) == told_by({e for e in CHANGED if e[0] != 1})
    assert ("plot", "1.10") not in ask()


def test_what_belongs_to_another_state_of_the_week_is_not_used(crossed):
    package, database, ask = crossed
    before = ask()
    with database.beside() as connection:
        other = _mixed.between(connection, package.id, MONDAY, MONDAY)[MONDAY]
        assert set(other.users) == {1, 3}
        connection.exec_driver_sql("DELETE FROM rollup_mixed")
        _kept.add(connection, package.id + 1, cells_of(e for e in CHANGED if e[0] == 1))
        connection.exec_driver_sql(f"UPDATE rollup_mixed SET package = {package.id}")

    assert ask() == before


def test_a_day_s_sets_that_are_let_go_are_gone_from_its_week(crossed):
    package, database, _ = crossed
    with database.beside() as connection:
        assert rows(connection, package.id)
        set_policy(connection, Policy(log_days=401, set_days=401))

    let_go(database, NOW + 400 * 86_400_000)

    with database.beside() as connection:
        assert rows(connection, package.id) == []
        late = {(1, MONDAY, "fit", "1.10"), (1, MONDAY + 6, "fit", "1.9")}
        _kept.add(connection, package.id, cells_of(late))
        assert rows(connection, package.id) == []
        old = select(weeks.c.bits).where(weeks.c.day == MONDAY)
        assert set(connection.scalars(old)) == {None}
