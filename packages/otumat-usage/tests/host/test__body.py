"""Laws of the packed upload: what goes in comes out, and no shorter form is left unused."""

import tracemalloc
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host._body import columns_of, pack, pack_refused, refused_of, unpack
from otumat_usage.host._wire import Columns

START = 1_780_315_200_000

events = st.lists(
    st.tuples(
        st.one_of(
            st.integers(0, 70_000),  # a run's usual steps
            st.integers(-(2**33), 2**33),  # a clock that jumps, an event of months ago
            st.sampled_from([0, 255, 256, 2**24 - 1, 2**24, 2**31 - 1, 2**31, -1, -(2**31)]),
        ),
        st.one_of(st.integers(1, 24), st.integers(0, 600)),
        st.one_of(st.just(1), st.integers(1, 1_000_000)),
        st.one_of(st.none(), st.just({"size": 3})),
    ),
    max_size=150,
)


@given(events, st.booleans(), st.booleans())
def test_what_is_packed_comes_back(rows, counted, told):
    at, times = START, []
    for step, *_ in rows:
        at += step
        times.append(at)
    kinds = [row[1] for row in rows]
    counts = [row[2] if counted else 1 for row in rows]
    properties = [row[3] if told else None for row in rows]

    body = pack(START, times, kinds, counts, properties)

    assert unpack(START, body) == (times, kinds, counts, properties)


@pytest.mark.parametrize(
    ("steps", "size"),
    [
        ([-86_400_000], 6),
        ([-86_400_000, 0, 0, 0, 0], 10),
        ([0, 200, 200, 200, 200], 14),
        ([-86_400_000, 1000, 1000, 1000, 1000], 18),
        ([-86_400_000, 1000, 4_000_000, 1000, 1000], 22),
        ([2**31 - 1, 2**31 - 1], 11),
    ],
)
def test_a_step_takes_as_many_bytes_as_the_longest_needs(steps, size):
    times, at = [], START
    for step in steps:
        at += step
        times.append(at)
    number = len(steps)

    assert len(pack(START, times, [7] * number, [1] * number, [None] * number)) == size


@pytest.mark.parametrize("form", [lambda plain: plain, zlib.compress])
def test_uploads_of_earlier_versions_are_read(form):
    """They held msgpack, as it is or compressed."""
    columns = [[-5, 1000, 70_000], [1, 2, 1]]

    assert columns_of(form(msgspec.msgpack.encode(columns))) == Columns(*columns)


@pytest.mark.parametrize(
    "plain",
    [
        bytes(2**27),  # planes of as many events
        b"\x92" + b"\xdd\x08\x00\x00\x00" + bytes(2**27),  # a list of as many steps
        b"\x91" * 2**27,  # lists in lists
    ],
)
def test_a_bomb_is_refused_before_it_unfolds(plain):
    """A backup is a file from outside: of this one, 130 kB would take gigabytes."""
    body = zlib.compress(plain, 1)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="no packed upload"):
            unpack(START, body)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


_MANY = msgspec.msgpack.encode([[0] * 10_001, [1] * 10_001])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"\x05",
        bytes(10_006),
        _MANY,
        zlib.compress(_MANY),
        zlib.compress(bytes(500))[:-5],
        zlib.compress(b""),
        msgspec.msgpack.encode({"steps": []}),
        msgspec.msgpack.encode([["one"], [1]]),
        msgspec.msgpack.encode([[1], [1], [1], [{"size": [1]}]]),
        msgspec.msgpack.encode([[1], [1], [1], [None], 5]),
        b"\x91" * 500_000,
    ],
)
def test_what_is_no_packed_upload_is_a_value_error(body):
    with pytest.raises(ValueError, match=r"no packed upload|Expected|truncated"):
        unpack(START, body)


def test_the_largest_upload_comes_back():
    number = 10_000
    times = [START + 70_000 * (n % 999) for n in range(number)]
    properties = [{"name": f"{n:0200}", "much": 0.1 + n, "so": bool(n % 2)} for n in range(number)]
    columns = times, [n % 500 for n in range(number)], [1_000_000] * number, properties

    assert unpack(START, pack(START, *columns)) == columns


def test_many_like_events_are_compressed():
    times = [START + 1000 * n for n in range(1000)]

    assert len(pack(START, times, [3] * 1000, [1] * 1000, [None] * 1000)) < 100


@given(
    st.lists(st.fixed_dictionaries({"row": st.integers(0), "reason": st.text()}), max_size=3),
    st.dictionaries(st.text(), st.integers(0), max_size=3),
)
def test_what_was_refused_comes_back(rejected, dropped):
    assert refused_of(pack_refused(rejected, dropped)) == (rejected, dropped)


def test_nothing_refused_takes_no_room():
    assert not pack_refused([], {})
