"""Laws of blocks of weeks: read as they were kept, and gone with any change of a day in them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_usage.host import _blocks
from otumat_usage.host._bitmaps import BitMap, unpack_set
from otumat_usage.host._cells import FEATURE
from otumat_usage.host._days import BLOCK, block_of

START = block_of(20_605)
KINDS = {
    FEATURE: [(["plot", 9, 3], BitMap([1, 2, 70_000])), (["fit", 1, 0], BitMap())],
    _blocks.PAIRS: [(["plot", "1.9"], BitMap([1, 2]))],
}


@pytest.fixture
def held(service):
    """A connection, and a function that tells the first days of the blocks that are held."""
    package = service.add("demo").id
    with service.host.database.beside() as connection:
        for place in range(3):
            _blocks.keep(connection, package, START + place * BLOCK, KINDS)
        yield connection, package, lambda: sorted(_blocks.starts(connection, package))


def test_a_block_is_what_was_kept_of_each_kind(held):
    connection, package, _ = held

    for kind, kept in KINDS.items():
        found = _blocks.read(connection, package, kind, START, START + BLOCK - 1)

        assert [(told, unpack_set(bits)) for told, bits in found[START]] == kept
    assert not _blocks.read(connection, package, "os", START, START + BLOCK - 1)


@settings(max_examples=50, deadline=None, database=None)
@given(
    first=st.integers(-60, 60),
    days=st.integers(0, 200),
    places=st.sets(st.integers(0, 5)),
)
def test_what_blocks_leave_of_a_span_is_each_other_day_once(first, days, places):
    first, last = START + first, START + first + days
    held = [start for p in places if first <= (start := START + p * BLOCK) <= last - BLOCK + 1]

    left = [day for a, b in _blocks.left_of((first, last), held) for day in range(a, b + 1)]

    taken = {day for start in held for day in range(start, start + BLOCK)}
    assert left == sorted(set(range(first, last + 1)) - taken)


def test_only_blocks_that_lie_within_a_span_are_found(held):
    connection, package, _ = held
    end = START + 3 * BLOCK - 1

    def found(package, first, last):
        return set(_blocks.read(connection, package, FEATURE, first, last))

    assert found(package, START + 1, end - 1) == {START + BLOCK}
    assert len(found(package, START, end)) == 3
    assert not found(package + 1, START, end)


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

    assert starts() == [START + place * BLOCK for place in left]
    for kind in KINDS:
        every = _blocks.read(connection, package, kind, START, START + 3 * BLOCK - 1)
        assert sorted(every) == starts()
