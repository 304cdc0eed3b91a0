"""Laws of windows of days: each has the users of its days."""

from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._windows import rolled

days = st.lists(st.sets(st.integers(0, 20), max_size=6), min_size=1, max_size=40)


@given(days=days, window=st.integers(1, 40))
def test_a_window_has_the_users_of_its_days(days, window):
    sets = [BitMap(day) for day in days]

    found = rolled(sets, window)

    ends = range(window, len(sets) + 1)
    assert found == [len(union(sets[end - window : end])) for end in ends]
