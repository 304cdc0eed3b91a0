"""Laws of a run's ranges: what an earlier batch brought is a replay, however many there were."""

from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host import _packages
from otumat_usage.host._database import log, select, update
from otumat_usage.host._log import _trim, entries
from otumat_usage.host._wire import Event

NUMBERS = st.integers(0, 40)


def event(row, seq):
    return Event(row, seq, 0, "a", 1, None)


@given(st.lists(st.tuples(NUMBERS, NUMBERS).map(sorted).map(tuple)), st.lists(NUMBERS))
def test_an_event_is_a_replay_if_any_range_holds_it(ranges, numbers):
    fresh, replayed = _trim([event(row, seq) for row, seq in enumerate(numbers)], ranges)

    held = [any(first <= seq <= last for first, last in ranges) for seq in numbers]
    assert [each.row for each in fresh] == [row for row, is_held in enumerate(held) if not is_held]
    assert replayed == [
        {"row": row, "reason": "replay"} for row, is_held in enumerate(held) if is_held
    ]


def test_many_events_in_a_run_of_many_ranges_are_looked_up_not_searched():
    """The write thread would be held for minutes: 10^9 comparisons."""
    ranges = [(3 * n, 3 * n) for n in range(100_000)]
    events = [event(n, 3 * 99_999 - n) for n in range(10_000)]

    fresh, replayed = _trim(events, ranges)

    assert (len(fresh), len(replayed)) == (6_666, 3_334)


def test_uploads_are_read_in_the_order_of_their_keys_wherever_the_rows_lie(service):
    """PostgreSQL gives rows as they lie, and puts one that is changed behind all others."""
    service.add("demo")
    people = [service.enrol() for _ in range(3)]
    for tokens in people * 2:
        assert service.upload(tokens, service.batch(tokens, "fit")).status_code == 200
    with service.host.database.write() as connection:
        first = connection.scalar(select(log.c.install).order_by(log.c.install).limit(1))
        same = update(log).where(log.c.install == first).values(package=log.c.package)
        connection.execute(same)

    with service.host.database.read() as connection:
        package = _packages.find(connection, "demo")
        found = list(entries(connection, package.id))

    keys = [(each.install, each.run, each.last, each.batch) for each in found]
    assert (len(keys), keys) == (6, sorted(keys))
