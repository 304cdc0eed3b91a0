"""Laws of the sets of users: packed, equal sets are equal bytes."""

from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host._bitmaps import BitMap, pack_set, union, unpack_set

numbers = st.sets(st.integers(0, 20) | st.integers(65_530, 65_550), max_size=12)


@given(numbers, numbers, numbers)
def test_how_a_set_came_about_cannot_be_told_from_its_bytes(first, second, gone):
    grown = union([BitMap(first), unpack_set(pack_set(BitMap(second)))])
    grown -= BitMap(gone)
    grown = unpack_set(pack_set(grown)) | (BitMap(range(6)) & BitMap(first | second) - BitMap(gone))

    at_once = BitMap(sorted((first | second) - gone))

    assert grown == at_once
    assert pack_set(grown) == pack_set(at_once)


def test_a_run_that_shrank_is_packed_as_the_two_that_are_left():
    run = BitMap(range(1, 100))
    run.run_optimize()
    run -= BitMap(range(4, 100))
    run.discard(1)

    assert pack_set(run) == pack_set(BitMap([2, 3]))
