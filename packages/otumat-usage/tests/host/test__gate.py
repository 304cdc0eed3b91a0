"""Laws of the gate: what is published is a multiple of ten people, and tells no other number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host import _gate
from otumat_usage.host._exhibit import Exhibit, as_csv

COUNTS = st.lists(st.integers(0, 60), max_size=12)


def breakdown(counts):
    rows = [(f"name {n}", users, 12.3, users * 7) for n, users in enumerate(counts)]
    heads = ("Feature", "Users", "Share, %", "Events")
    return Exhibit("features", "Features", heads, rows, dimension="feature")


@given(COUNTS)
def test_a_breakdown_tells_multiples_of_ten_and_nothing_about_fewer(counts):
    shown = _gate.public(breakdown(counts))

    assert shown.heads == ("Feature", "Users, at least")
    true = {f"name {n}": users for n, users in enumerate(counts)}
    for name, users in shown.rows:
        assert users % 10 == 0
        assert 10 <= users <= true[name] < users + 10
    hidden = [name for name, users in true.items() if users and name not in dict(shown.rows)]
    assert len(hidden) != 1 or not shown.rows
    for name in hidden:
        assert f'"{name}' not in str(shown.plot())
    # The plot is drawn again from what is shown: no tip may tell what the table hides.
    assert "Events" not in as_csv(shown)
    assert shown.plot().count("<title>") == 1 + min(12, len(shown.rows))


@given(st.lists(st.tuples(*[st.none() | st.integers(0, 60)] * 3), min_size=1, max_size=12))
def test_a_series_tells_multiples_of_ten_or_nothing(counts):
    heads = ("Day (UTC)", "Users of 1 day", "Users of 7 days", "Users of 28 days", "Release")
    rows = [(f"day {n}", *row, "1.0") for n, row in enumerate(counts)]

    shown = _gate.public(Exhibit("actives", "Active users", heads, rows))

    for (_, *cells), row in zip(shown.rows, counts, strict=bool(shown.rows)):
        for cell, users in zip(cells, row, strict=True):
            assert (cell is None) == (users is None or users < 10)
            assert cell is None or cell == users // 10 * 10


@pytest.mark.parametrize("name", ["health", "least", "drop", "retention"])
def test_what_has_no_public_form_is_refused(name):
    with pytest.raises(ValueError, match="has no public form"):
        _gate.public(Exhibit(name, "x", ("a",), []))
