"""Laws of blocks of weeks: held as they were crossed, and gone with any change of a day in them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_usage.host import _blocks
from otumat_usage.host._bitmaps import BitMap, unpack_set
from otumat_usage.host._cells import Cell
from otumat_usage.host._days import monday

START = _blocks.block_of(20_605)
CELLS = {"plot": Cell(9, BitMap([1, 2, 70_000])), "fit": Cell(1, BitMap([5]))}
CROSSED = [("plot", {"1.9": BitMap([1, 2]), "unknown": BitMap([70_000])}), ("fit", {})]


@pytest.fixture
def held(service):
    """A connection, and a function that tells the first days of the blocks that are held."""
    package = service.add("demo").id
    with service.host.database.beside() as connection:
        for place in range(3):
            _blocks.keep(connection, package, START + place * _blocks.DAYS, CELLS, CROSSED)
        yield connection, package, lambda: sorted(_blocks.starts(connection, package))


@settings(max_examples=50, deadline=None, database=None)
@given(day=st.integers(0, 10**6))
def test_every_day_is_in_one_block_of_whole_weeks(day):
    start = _blocks.block_of(day)

    assert start <= day < start + _blocks.DAYS
    assert start == monday(start) == _blocks.block_of(start + _blocks.DAYS - 1)
    assert _blocks.block_of(start + _blocks.DAYS) == start + _blocks.DAYS


def test_a_block_is_what_it_was_made_of(held):
    connection, package, _ = held

    found = _blocks.between(connection, package, START, START + _blocks.DAYS - 1)

    sets = {
        (feature, version): unpack_set(bytes(bits))
        for feature, each in found[START].items()
        for version, bits in each
    }
    assert sets == {("plot", "1.9"): BitMap([1, 2]), ("plot", "unknown"): BitMap([70_000])}


def test_the_cells_of_its_features_are_what_they_were(held):
    connection, package, _ = held

    found = _blocks.features(connection, package, START, START + _blocks.DAYS - 1)

    assert {f: (c.events, c.size, c.users) for f, c in found[START].items()} == {
        "plot": (9, 3, BitMap([1, 2, 70_000])),
        "fit": (1, 1, BitMap([5])),
    }


def test_what_blocks_leave_of_a_span_is_each_other_day_once():
    first, last = START - 5, START + 4 * _blocks.DAYS
    held = [START + 2 * _blocks.DAYS, START]

    left = [day for a, b in _blocks.left_of((first, last), held) for day in range(a, b + 1)]

    taken = {day for start in held for day in range(start, start + _blocks.DAYS)}
    assert left == sorted(set(range(first, last + 1)) - taken)
    assert list(_blocks.left_of((START, START + _blocks.DAYS - 1), [START])) == []


def test_only_blocks_that_lie_within_a_span_are_found(held):
    connection, package, _ = held
    end = START + 3 * _blocks.DAYS - 1

    assert set(_blocks.between(connection, package, START + 1, end - 1)) == {START + _blocks.DAYS}
    assert len(_blocks.between(connection, package, START, end)) == 3
    assert not _blocks.between(connection, package + 1, START, end)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda c, p: _blocks.drop(c, p, [START + 27, START + 3]), [1, 2]),
        (lambda c, p: _blocks.drop(c, p, [START - 1, START + 28]), [0, 2]),
        (lambda c, p: _blocks.drop(c, p, []), [0, 1, 2]),
        (lambda c, p: _blocks.drop(c, p + 1, [START]), [0, 1, 2]),
        (lambda c, p: _blocks.drop_before(c, p, START), [0, 1, 2]),
        (lambda c, p: _blocks.drop_before(c, p, START + 1), [1, 2]),
        (lambda c, p: _blocks.drop_since(c, p, START + 28), [0]),
        (lambda c, p: _blocks.drop_since(c, p, START + 27), []),
    ],
)  # fmt: skip
def test_a_change_of_days_drops_their_blocks_and_no_others(held, change, left):
    connection, package, starts = held

    change(connection, package)

    assert starts() == [START + place * _blocks.DAYS for place in left]
