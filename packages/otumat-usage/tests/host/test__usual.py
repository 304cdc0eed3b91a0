"""Laws of "usual": robust against the odd day, quiet for the tiny, and the same in any order."""

from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host import _usual

DAY = 86_400_000
numbers = st.integers(0, 10_000)
weeks = st.lists(numbers, min_size=_usual.ENOUGH, max_size=_usual.WEEKS)


@given(weeks, st.integers(1, 500), st.randoms())
def test_the_order_of_the_weeks_does_not_matter(usual, least, rng):
    mixed = usual[:]
    rng.shuffle(mixed)

    assert _usual.far_above(mixed, least=least) == _usual.far_above(usual, least=least)


@given(weeks, st.integers(1, 500))
def test_no_day_that_is_not_thrice_the_median_or_is_tiny_is_far_above(usual, least):
    bound = _usual.far_above(usual, least=least)
    middle = sorted(usual)[len(usual) // 2 - (len(usual) % 2 == 0)]

    assert bound >= least
    assert bound >= 3 * middle


@given(st.lists(numbers, max_size=_usual.ENOUGH - 1))
def test_in_the_first_weeks_nothing_is_unusual(usual):
    assert _usual.far_above(usual, least=1) is None


@given(st.lists(st.integers(90, 110), min_size=5, max_size=8), st.integers(0, 10**9), st.data())
def test_one_odd_day_in_the_past_moves_the_bound_little(usual, odd, data):
    place = data.draw(st.integers(0, len(usual) - 1))
    spoilt = [*usual[:place], odd, *usual[place + 1 :]]

    assert 250 < _usual.far_above(spoilt, least=10) < 400


@given(st.integers(1, 10_000))
def test_a_steady_number_must_treble(number):
    assert _usual.far_above([number] * 8, least=1) == 3 * number


@given(st.dictionaries(st.integers(0, 200), numbers), st.integers(60, 200), st.integers(0, 200))
def test_only_the_same_weekday_since_the_first_day_is_looked_at(counts, day, first):
    found = _usual.samples(counts, day, first)

    days = [d for d in range(day - 56, day) if d % 7 == day % 7 and d >= first]
    assert found == [counts.get(d, 0) for d in days[::-1]]


@given(
    st.dictionaries(st.integers(0, 400), st.integers(0, 50), max_size=400),
    st.integers(60 * DAY, 300 * DAY),
    st.integers(0, 90 * DAY),
    st.integers(0, 90 * DAY),
)
def test_the_longer_it_is_quiet_the_more_is_awaited(uploads, last, one, other):
    sooner, later = sorted((last + one, last + other))

    first = _usual.awaited(uploads, last, sooner, 0)

    assert 0 <= first <= _usual.awaited(uploads, last, later, 0)


@given(st.integers(60 * DAY, 300 * DAY), st.integers(0, 50 * DAY), st.integers(1, 99))
def test_of_a_steady_package_as_many_are_awaited_as_the_time_is_long(last, time, per_day):
    uploads = dict.fromkeys(range(last // DAY), per_day)

    found = _usual.awaited(uploads, last, last + time, 0)

    assert abs(found - per_day * time / DAY) < 1e-6 * per_day


@given(st.integers(60 * DAY, 300 * DAY), st.integers(0, 60 * DAY), st.integers(0, 10**6))
def test_what_comes_during_the_silence_does_not_count_as_usual(last, time, noise):
    uploads = dict.fromkeys(range(last // DAY), 5)
    noisy = uploads | dict.fromkeys(range(last // DAY, last // DAY + 70), noise)

    now = last + time

    assert _usual.awaited(noisy, last, now, 0) == _usual.awaited(uploads, last, now, 0)


@given(numbers, numbers)
def test_a_share_lies_between_nothing_and_all(bad, good):
    assert 0 <= _usual.share_of(bad, good) <= 1
    assert _usual.share_of(0, good) == 0
