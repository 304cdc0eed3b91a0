"""Laws of the series of values: numbers that are kept need no set, and the others are right too."""

import pytest

from otumat_usage.host import _kept, _series
from otumat_usage.host._answers import Answers, Point
from otumat_usage.host._bitmaps import BitMap
from otumat_usage.host._cells import ALL, VERSION, Cell
from otumat_usage.host._database import rollups, update, weeks

DAY = 86_400_000
#: A Monday.
FIRST = 20_605 - (20_605 + 3) % 7
LAST = FIRST + 20


@pytest.fixture
def three_weeks(service):
    """A package with three weeks of use, its store, and a function that asks for a series."""
    package = service.add("demo")
    database = service.host.database
    with database.beside() as connection:
        for user, day, version in (
            (1, FIRST, "1.9"),
            (2, FIRST + 1, "1.10"),
            (1, FIRST + 8, "1.10"),
            (3, FIRST + 9, None),
            (2, LAST, "1.10"),
        ):
            cells = {(ALL, "", day): Cell(1, BitMap([user]))}
            if version:
                cells[VERSION, version, day] = Cell(1, BitMap([user]))
            _kept.add(connection, package.id, cells)

    def ask(step, first=FIRST, last=LAST):
        with database.read() as connection:
            answers = Answers(connection, package, (LAST + 1) * DAY)
            answers.revision = None  # as the store says now
            found = answers.breakdown_series(VERSION, first, last, step=step)
            return {value: [each.users for each in points] for value, points in found.items()}

    return package, database, ask


def spoil(database, table, first, last, **values):
    """Change rows of a span of *table*."""
    with database.beside() as connection:
        connection.execute(update(table).where(table.c.day.between(first, last)).values(values))


@pytest.mark.parametrize(
    ("table", "step", "first"), [(rollups, "day", FIRST + 10), (weeks, "week", FIRST + 14)]
)
def test_where_the_numbers_tell_all_no_set_is_read(three_weeks, table, step, first):
    _, database, ask = three_weeks
    before = ask(step)

    spoil(database, table, first, LAST, bits=b"no set")

    assert ask(step) == before


def test_weeks_count_whoever_named_no_value(three_weeks):
    _, _, ask = three_weeks

    assert ask("week") == {"1.10": [1, 1, 1], "1.9": [1, 0, 0], "unknown": [0, 1, 0]}


def test_the_steps_at_the_ends_of_a_span_count_its_days_only(three_weeks):
    _, _, ask = three_weeks

    assert ask("week", FIRST + 1, LAST - 1) == {"1.10": [1, 1, 0], "unknown": [0, 1, 0]}


def test_of_days_whose_sets_are_gone_the_numbers_stay_and_of_their_weeks_they_go(three_weeks):
    _, database, ask = three_weeks
    daily = ask("day", FIRST + 14, LAST)

    for table in (rollups, weeks):
        spoil(database, table, FIRST, LAST, bits=None)

    assert ask("day", FIRST + 14, LAST) == daily
    assert ask("week")["1.10"] == [None, None, None]


def test_a_point_without_use_is_a_zero(three_weeks):
    package, database, _ = three_weeks

    with database.read() as connection:
        found = Answers(connection, package, LAST * DAY).breakdown_series(
            VERSION, FIRST, FIRST + 1, step="day"
        )

    assert found["1.9"] == [Point(FIRST, FIRST, 1, 1), Point(FIRST + 1, FIRST + 1, 0, 0)]


def test_spans_that_are_near_are_read_at_once():
    spans = [(5, 5), (7, 7), (8, 8), (30, 36), (44, 50)]

    assert list(_series._runs(spans)) == [(5, 8), (30, 50)]
    assert list(_series._runs([])) == []
