"""Laws of blocks of weeks: read as they were kept, and gone with any change of a day in them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_usage.host import _blocks
from otumat_usage.host._bitmaps import BitMap, unpack_set
from otumat_usage.host._cells import FEATURE
from otumat_usage.host._days import FOUR, block_of

BLOCK = 7 * FOUR
LONG = 4 * BLOCK
START = block_of(20_605, 4 * FOUR)
KINDS = {
    FEATURE: [(["plot", 9, 3], BitMap([1, 2, 70_000])), (["fit", 1, 0], BitMap())],
    _blocks.PAIRS: [(["plot", "1.9"], BitMap([1, 2]))],
}


@pytest.fixture
def held(service):
    """A connection with three short blocks and a long one after them, and what tells of these."""
    package = service.add("demo").id
    with service.host.database.beside() as connection:
        for place in range(3):
            _blocks.keep(connection, package, START + place * BLOCK, FOUR, KINDS)
        _blocks.keep(connection, package, START + LONG, 4 * FOUR, KINDS)
        yield connection, package, lambda: sorted(_blocks.spans(connection, package))


def test_a_block_is_what_was_kept_of_each_kind(held):
    connection, package, _ = held

    for start, weeks in ((START, FOUR), (START + LONG, 4 * FOUR)):
        span = _blocks.span_of(start, weeks)
        for kind, kept in KINDS.items():
            found = _blocks.read(connection, package, kind, weeks, span)

            assert [(told, unpack_set(bits)) for told, bits in found[span]] == kept
        assert not _blocks.read(connection, package, "os", weeks, span)


@settings(max_examples=50, deadline=None, database=None)
@given(
    first=st.integers(-60, 60),
    days=st.integers(0, 200),
    places=st.sets(st.integers(0, 5)),
)
def test_what_blocks_leave_of_a_span_is_each_other_day_once(first, days, places):
    first, last = START + first, START + first + days
    every = [_blocks.span_of(START + place * BLOCK, FOUR) for place in places]
    held = [(start, end) for start, end in every if first <= start and end <= last]

    left = [day for a, b in _blocks.left_of((first, last), held) for day in range(a, b + 1)]

    taken = {day for start, end in held for day in range(start, end + 1)}
    assert left == sorted(set(range(first, last + 1)) - taken)


@pytest.mark.parametrize(
    ("first", "last", "short", "long"),
    [
        (1, 3 * BLOCK - 2, [1], 0),
        (0, 3 * BLOCK - 1, [0, 1, 2], 0),
        (0, 2 * LONG - 2, [0, 1, 2], 0),
        (LONG, 2 * LONG - 1, [], 1),
        (LONG + 1, 3 * LONG, [], 0),
        (0, BLOCK - 2, [], 0),
    ],
)
def test_only_blocks_that_lie_within_a_span_are_found(held, first, last, short, long):
    connection, package, _ = held
    span = START + first, START + last

    def found(package, weeks):
        return sorted(_blocks.read(connection, package, FEATURE, weeks, span))

    assert found(package, FOUR) == [_blocks.span_of(START + n * BLOCK, FOUR) for n in short]
    assert len(found(package, 4 * FOUR)) == long
    assert not found(package + 1, FOUR)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda c, p: _blocks.drop(c, p, [START + 27, START + 3]), [1, 2, 4]),
        (lambda c, p: _blocks.drop(c, p, [START - 1, START + 28]), [0, 2, 4]),
        (lambda c, p: _blocks.drop(c, p, [START + 2 * LONG - 1]), [0, 1, 2]),
        (lambda c, p: _blocks.drop(c, p, []), [0, 1, 2, 4]),
        (lambda c, p: _blocks.drop(c, p + 1, [START]), [0, 1, 2, 4]),
        (lambda c, p: _blocks.drop_before(c, p, START), [0, 1, 2, 4]),
        (lambda c, p: _blocks.drop_before(c, p, START + 1), [1, 2, 4]),
        (lambda c, p: _blocks.drop_since(c, p, START + 2 * LONG), [0, 1, 2, 4]),
        (lambda c, p: _blocks.drop_since(c, p, START + 2 * LONG - 1), [0, 1, 2]),
        (lambda c, p: _blocks.drop_since(c, p, START + 28), [0]),
        (lambda c, p: _blocks.drop_since(c, p, START + 27), []),
    ],
)  # fmt: skip
def test_a_change_of_days_drops_their_blocks_and_no_others(held, change, left):
    connection, package, spans = held

    change(connection, package)

    assert [first for first, _ in spans()] == [START + place * BLOCK for place in left]
    every = START, START + 2 * LONG - 1
    for kind in KINDS:
        found = (_blocks.read(connection, package, kind, w, every) for w in _blocks.LENGTHS)
        assert sorted(span for some in found for span in some) == spans()
