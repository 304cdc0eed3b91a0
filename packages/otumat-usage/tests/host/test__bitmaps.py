"""Laws of the sets of users: packed, equal sets are equal bytes."""

import operator
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host import _bitmaps
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


#: Around the number of members at which the library takes another kind of container.
crowds = st.builds(
    lambda first, many, step: BitMap(range(first, first + many * step, step)),
    st.sampled_from([0, 60_000, 65_536]),
    st.sampled_from([1, 4095, 4096, 4097, 9000]),
    st.sampled_from([1, 2, 16]),
)
changes = st.sampled_from(
    [
        operator.or_,
        operator.and_,
        operator.sub,
        operator.ior,
        operator.isub,
        lambda now, other: union([now, other, BitMap([5])]),
        lambda now, _: now - BitMap(now[:2]),
        lambda now, _: unpack_set(pack_set(now)),
    ]
)


@given(crowds, st.lists(st.tuples(changes, crowds), max_size=6))
def test_nor_how_a_large_set_came_about(now, then):
    for change, other in then:
        now = change(now, other)
        before = now.get_statistics()

        assert pack_set(now) == pack_set(BitMap(now.to_array()))
        assert now.get_statistics() == before


def test_a_set_that_lies_among_others_is_read_as_every_library_we_allow_can(monkeypatch):
    """The first of these take bytes and no other buffer."""
    types = []
    kept = pack_set(BitMap([1, 70_000]))

    def deserialize(data):
        types.append(type(data))
        return BitMap.deserialize(data)

    monkeypatch.setattr(_bitmaps, "BitMap", SimpleNamespace(deserialize=deserialize))

    assert unpack_set(memoryview(b"." + kept + b".")[1:-1]) == BitMap([1, 70_000])
    assert types == [bytes]


def test_a_run_that_shrank_is_packed_as_the_two_that_are_left():
    run = BitMap(range(1, 100))
    run.run_optimize()
    run -= BitMap(range(4, 100))
    run.discard(1)

    assert pack_set(run) == pack_set(BitMap([2, 3]))
