"""Laws of the parts of a span: what is true of a week is what is true of its days."""

from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host._bitmaps import BitMap, union
from otumat_usage.host._cells import Cell
from otumat_usage.host._parts import rolled

days = st.lists(
    st.one_of(st.none(), st.sets(st.integers(0, 20), max_size=6)), min_size=1, max_size=40
)


@given(days=days, window=st.integers(1, 40))
def test_a_window_has_the_users_of_its_days(days, window):
    cells = [None if day is None else Cell(len(day), BitMap(day)) for day in days]
    sets = [BitMap(day or ()) for day in days]

    found = rolled(cells, window)

    ends = range(window, len(sets) + 1)
    assert found == [len(union(sets[end - window : end])) for end in ends]
