"""Laws of the values of a block: they equal what plain loops over users and days say."""

from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_usage.host import _values
from otumat_usage.host._bitmaps import BitMap, pack_set

NAMES = ("3.9", "3.10", "unknown")
#: Of each day the values of each user who was active.
days = st.lists(
    st.dictionaries(st.integers(0, 5), st.sets(st.sampled_from(NAMES), min_size=1), max_size=5),
    max_size=6,
)


def sets_of(day):
    found = {name: BitMap(user for user, had in day.items() if name in had) for name in NAMES}
    return {name: users for name, users in found.items() if users}


def values_of(every):
    """Return what a block is to hold, by plain loops; of several on a day the first is last."""
    days, last, had = {}, {}, {}
    for day in every:
        for user, names in day.items():
            key = tuple(sorted(names))
            days.setdefault(key, BitMap()).add(user)
            had.setdefault(user, set()).add(key)
            last[user] = key[0]
    moved = {}
    for user, keys in had.items():
        if len(keys) > 1 or len(next(iter(keys))) > 1:
            moved.setdefault(last[user], BitMap()).add(user)
    events = {name: 2 for day in every for names in day.values() for name in names}
    return _values.Values(events, days, moved), last


@settings(max_examples=100, deadline=None, database=None)
@given(day=days.map(lambda some: some[0] if some else {}), most=st.integers(0, 3))
def test_everybody_of_a_day_is_with_exactly_the_values_they_had(day, most):
    told = {}
    with mock.patch.object(_values, "_PARTS", most):  # beyond it each user is looked at
        found = list(_values.exactly(sets_of(day)))
    for names, users in found:
        assert names == tuple(sorted(names))
        for user in users:
            assert user not in told
            told[user] = set(names)

    assert told == day


@settings(max_examples=100, deadline=None, database=None)
@given(every=days)
def test_values_come_back_as_they_were_packed(every):
    values, _ = values_of(every)

    packed = [(told, memoryview(pack_set(users))) for told, users in _values.pack(values)]

    assert _values.unpack(packed) == values


@settings(max_examples=100, deadline=None, database=None)
@given(every=days)
def test_the_cells_tell_who_had_each_value_at_all(every):
    values, _ = values_of(every)

    cells = values.cells()

    assert {name: (cell.events, set(cell.users)) for name, cell in cells.items()} == {
        name: (2, {user for day in every for user, had in day.items() if name in had})
        for name in values.events
    }


@settings(max_examples=100, deadline=None, database=None)
@given(every=days)
def test_everybody_has_the_value_of_their_last_day(every):
    values, last = values_of(every)

    part = values.last(20_000)

    assert set(part.whole) == set(last)
    assert {user: name for name, users in part.sets.items() for user in users} == last
    assert sum(map(len, part.sets.values())) == len(last)
