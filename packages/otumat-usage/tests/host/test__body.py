"""Laws of the packed upload: what goes in comes out, and no shorter form is left unused."""

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host._body import columns_of, pack, pack_refused, refused_of, unpack

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

    assert columns_of(form(msgspec.msgpack.encode(columns))) == columns


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
