"""Laws of windows of days: each has the users of its days."""

from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host import _kept
from otumat_usage.host._answers import Answers
from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._cells import ALL, Cell
from otumat_usage.host._database import rollups, update
from otumat_usage.host._days import DAY
from otumat_usage.host._windows import rolled

days = st.lists(st.sets(st.integers(0, 20), max_size=6), min_size=1, max_size=40)


@given(days=days, window=st.integers(1, 40))
def test_a_window_has_the_users_of_its_days(days, window):
    sets = [BitMap(day) for day in days]

    found = rolled(sets, window)

    ends = range(window, len(sets) + 1)
    assert found == [len(union(sets[end - window : end])) for end in ends]


def test_of_windows_with_a_day_whose_set_is_gone_no_number_is_known(service):
    package, first = service.add("demo"), 20_605
    with service.host.database.beside() as connection:
        for user, day in ((1, first), (1, first + 3), (2, first + 4)):
            _kept.add(connection, package.id, {(ALL, "", day): Cell(2, BitMap([user]))})
        gone = update(rollups).where(rollups.c.day == first).values(bits=None)
        connection.execute(gone)

        answers = Answers(connection, package, (first + 9) * DAY)
        found = answers.rolling(first + 1, first + 5, window=4, every=1)

    assert [(point.users, point.events) for point in found] == [
        (None, 2),
        (None, 2),
        (None, 4),
        (2, 4),
        (2, 4),
    ]
