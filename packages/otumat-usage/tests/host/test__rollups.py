"""Laws of the roll-ups: with the uploads not counted yet they equal plain SQL over the log."""

import collections
import contextlib
import dataclasses

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from otumat_usage.host import _rollups
from otumat_usage.host._ahead import work_ahead
from otumat_usage.host._answers import Answers, AnyOf, Is, Not
from otumat_usage.host._database import (
    Database,
    inbox,
    log,
    members,
    recent,
    select,
)
from otumat_usage.host._days import FOUR, block_of, buckets
from otumat_usage.host._filters import UNKNOWN

from ._oracle import Oracle
from ._pages import check_pages
from ._world import (
    CONTEXTS,
    LATER,
    NOW,
    SPAN,
    TODAY,
    VALUES,
    World,
    choices,
    filters,
    uploads,
    where_sql,
)

CROWDED = [
    {"who": who, "ago": ago, "context": context, "events": events, "gap": 1, "dropped": {},
     "refused": ["replay"], "fold": who}
    for who in range(3)
    for ago, context, events in (
        (30 - who, CONTEXTS[0], [("fit", 0, 1), ("plot", 1, 2)]),
        (23, CONTEXTS[0], [("fit", 0, 1), ("save", 0, 3)]),
        (23, CONTEXTS[1], [("plot", 0, 1)]),
        (9 - 4 * who, CONTEXTS[1], [("save", 0, 1), ("fit", 2, 1)]),
        (9 - 4 * who, CONTEXTS[0], [("fit", 0, 1)]),
    )
]  # fmt: skip


# In one week that is over: back and forth between versions and none, with other features in each,
# by days and on one; one upload comes late, another waits to be counted; one user stays with one.
CHANGING = [
    {"who": who, "ago": ago, "context": context, "events": [(feature, 0, 1)], "gap": 0,
     "dropped": {}, "refused": [], "fold": fold}
    for who, ago, context, feature, fold in (
        (0, 7, CONTEXTS[0], "fit", 9),
        (1, 6, CONTEXTS[0], "save", 9),
        (0, 5, CONTEXTS[1], "plot", 9),
        (0, 4, CONTEXTS[0], "save", 9),
        (1, 4, CONTEXTS[4], "fit", 9),
        (1, 4, CONTEXTS[1], "plot", 9),
        (2, 3, CONTEXTS[1], "fit", 9),
        (2, 1, CONTEXTS[1], "save", 9),
        (0, 1, CONTEXTS[1], "save", 9),
        (3, 12, CONTEXTS[0], "fit", 9),
        (3, 11, CONTEXTS[4], "plot", 9),
        (1, 6, CONTEXTS[1], "fit", 9),
        (2, 2, CONTEXTS[0], "plot", 0),
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory, engine):
    folder = tmp_path_factory.mktemp("rollups") / "host"
    engine.place(folder)
    found = Database.create(folder)
    yield found
    found.close()


def check(world, where):
    """Ask both about everything."""
    first, last = TODAY - SPAN, TODAY
    chosen = f"(SELECT DISTINCT install, day FROM event d WHERE {where_sql(where)})"
    count = "SELECT count(DISTINCT install) FROM"
    with world.database.read() as connection:
        found = Answers(connection, world.package, NOW)

        assert found.total(first, last).events == world.one("SELECT coalesce(sum(n),0) FROM event")
        assert found.total(first, last, where=where).users == world.one(f"{count} {chosen}")
        for step in ("day", "week", "month"):
            for point in found.series(first, last, step=step, where=where):
                within = f"{count} {chosen} WHERE day BETWEEN ? AND ?"
                assert point.users == world.one(within, point.start, point.end)
        for point in found.series(first, last, step="week"):
            within = "SELECT coalesce(sum(n), 0) FROM event WHERE day BETWEEN ? AND ?"
            assert point.events == world.one(within, point.start, point.end)
        for window, every in ((7, 1), (28, 7), (7, 7), (1, 7), (5, 3)):
            for point in found.rolling(TODAY - 9, TODAY, window=window, every=every, where=where):
                within = f"{count} {chosen} WHERE day BETWEEN ? AND ?"
                assert point.users == world.one(within, point.end - window + 1, point.end)
            for point in found.rolling(TODAY - 9, TODAY, window=window, every=every):
                within = "SELECT coalesce(sum(n), 0) FROM event WHERE day BETWEEN ? AND ?"
                assert point.events == world.one(within, point.end - window + 1, point.end)
        for name in VALUES:
            grouped = (
                f"SELECT {name}, count(DISTINCT install), sum(n) FROM event "
                f"WHERE {name} IS NOT NULL GROUP BY 1"
            )
            told = {s.value: (s.users, s.events) for s in found.breakdown(name, first, last)}
            told.pop("unknown", None)
            assert told == {v: (users, n) for v, users, n in world.sql.execute(grouped)}
            joined = (
                f"SELECT e.{name}, count(DISTINCT e.install) FROM event e JOIN {chosen} c "
                f"ON c.install = e.install AND c.day = e.day WHERE e.{name} IS NOT NULL GROUP BY 1"
            )
            told = {s.value: s.users for s in found.breakdown(name, first, last, where=where)}
            told.pop("unknown", None)
            assert told == dict(world.sql.execute(joined))
            sizes = [each.users for each in found.latest(name, first, last, where=where)]
            assert sum(sizes) == world.one(f"{count} {chosen}")
        days = f"SELECT count(*) AS k FROM {chosen} GROUP BY install"
        per_user = [k for (k,) in world.sql.execute(days)]
        frequency = found.frequency(first, last, where=where)
        assert frequency == [per_user.count(k) for k in range(1, SPAN + 2)]
        cohorts = found.retention(20, where=where)
        assert sum(each.size for each in cohorts) == world.one(f"{count} {chosen}")
        assert all(each.back[0] == each.size for each in cohorts)
        health = found.health()
        assert health["uploads"] == sum(world.uploads.values())
        assert health["lost"] == sum(world.lost.values())
        assert health.get("dropped: overflow", 0) == sum(world.dropped.values())
        single = Is("python", "3.12")
        assert found.total(first, last, where=single).events == world.one(
            "SELECT coalesce(sum(n), 0) FROM event WHERE python = '3.12'"
        )
        only = "SELECT count(*) FROM (SELECT install FROM event GROUP BY 1 EXCEPT {})"
        others = f"SELECT install FROM event d WHERE NOT {where_sql(where)}"
        assert found.lost_without(where, first, last) == world.one(only.format(others))


BLOCK = 7 * FOUR
LONG = 4 * BLOCK
#: Spans that hold one block or two, and some days beside them; and a long one.
BLOCKS = [
    *(
        (block_of(TODAY) - before, block_of(TODAY) + BLOCK - 1 + after)
        for before, after in ((0, 0), (BLOCK, 0), (BLOCK + 9, 3))
    ),
    *(
        (block_of(TODAY, 4 * FOUR) - beside, block_of(TODAY, 4 * FOUR) + LONG - 1 + beside)
        for beside in (0, 9)
    ),
]


def span_of(world, first, last):
    """Return an oracle that sees the events of a span only."""
    oracle = Oracle(world, None)
    days = f"day BETWEEN {first} AND {last}"
    oracle.chosen = f"(SELECT DISTINCT install, day FROM event WHERE {days})"
    return oracle


def check_crossed(world, spans):
    """Compare every cross without a filter, of each span."""
    for first, last in spans:
        oracle = span_of(world, first, last)
        with world.database.read() as connection:
            answers = Answers(connection, world.package, NOW)
            for axes in (("feature", "package_version"), ("python", "os")):
                found = answers.matrix(*axes, first, last)
                assert found.pairs == oracle.crossed(*axes)
                each = answers.breakdown(axes[0], first, last)
                assert found.rows == {one.value: one.users for one in each if one.users}


def check_values(world, spans):
    """Compare what is told of each value of each dimension without a filter, of each span."""
    every = [check_breakdown, check_latest, check_dropped, check_first_uses, check_series]
    for first, last in spans:
        oracle = span_of(world, first, last)
        for name in VALUES:
            # What one answer has read, the others take: so in this order, and in the other.
            for order in (every, every[::-1]):
                with world.database.read() as connection:
                    answers = Answers(connection, world.package, NOW)
                    for ask in order:
                        ask(answers, oracle, name, (first, last))


def check_breakdown(answers, oracle, name, span):
    found = {each.value: (each.users, each.events) for each in answers.breakdown(name, *span)}
    days = "day BETWEEN ? AND ?"
    users = oracle.pairs(
        f"SELECT value, count(DISTINCT install) FROM {name}_of WHERE {days} GROUP BY 1", *span
    )
    events = oracle.pairs(
        f"SELECT coalesce({name}, 'unknown'), sum(n) FROM event WHERE {days} GROUP BY 1", *span
    )
    if name == "feature":
        assert found == {value: (n, events[value]) for value, n in users.items()}
    else:  # one of a day's events may have named no value, of whoever has one that day
        assert found == {value: (users.get(value, 0), n) for value, n in events.items()}


def check_latest(answers, oracle, name, span):
    told = {each.value: each.users for each in answers.latest(name, *span)}
    assert told == oracle.latest(name, plain=True)


def check_dropped(answers, oracle, name, span):
    values = oracle.seen(name)
    single = [Is(name, value) for value in values]
    for where in (*single, *([AnyOf(tuple(single[:2]))] if single else [])):
        assert answers.lost_without(where, *span) == oracle.lost(where)


def check_first_uses(answers, oracle, name, span):
    first, users = {}, collections.Counter()
    for (value, day), n in oracle.daily(name).items():
        first[value] = min(day, first.get(value, day))
        users[value] += n
    assert answers.first_uses(name, *span) == {v: (day, users[v]) for v, day in first.items()}


def check_series(answers, oracle, name, span):
    for step in ("day", "week", "four weeks", "month"):
        found = answers.breakdown_series(name, *span, step=step)
        told = {(value, p.start): p.users for value, some in found.items() for p in some if p.users}
        spans = list(buckets(*span, step))
        assert told == (oracle.daily(name) if step == "day" else oracle.over_time(name, spans))


@settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    sent=st.lists(uploads, max_size=20),
    gone=st.sets(st.integers(0, 4), max_size=2),
    where=filters | choices,
    rebuilt=st.integers(0, 20),
)
@example(sent=CROWDED, gone={1}, where=Is("os", "Linux"), rebuilt=3)
@example(sent=CROWDED, gone=set(), where=Not(Is("feature", "fit")), rebuilt=0)
@example(sent=CHANGING, gone={0}, where=Is("os", "macOS"), rebuilt=2)
@example(sent=CHANGING, gone=set(), where=AnyOf((Is("os", "Linux"), Is("os", UNKNOWN))), rebuilt=9)
@example(sent=CHANGING, gone=set(), where=Is("package_version", "1.10"), rebuilt=0)
@example(sent=CROWDED, gone={1}, where=AnyOf((Is("ci", "no"), Is("ci", UNKNOWN))), rebuilt=3)
def test_answers_equal_sql_over_the_log(database, sent, gone, where, rebuilt):
    """At every stage: folded in part, erased, rebuilt while some wait; and rebuilding changes
    nothing."""
    with contextlib.closing(World(database)) as world:
        for upload in sent:
            world.send(upload)
        check(world, where)
        check_pages(world, where)
        check_pages(world, None)
        work_ahead(database, LATER)
        for who in gone:
            world.erase(who)
        check(world, where)
        check_crossed(world, [(first, TODAY) for first in range(TODAY - 14, TODAY + 1)])
        work_ahead(database, LATER)
        check_crossed(world, BLOCKS)
        check_values(world, BLOCKS[:1])
        world.fold(rebuilt)
        check_crossed(world, BLOCKS)
        check_values(world, BLOCKS[1:4])
        waits = world.waiting()
        assert _rollups.rebuild(database, world.package.id) == len(world.entries()) - waits
        assert world.waiting() == waits
        check(world, where)
        while world.fold(5):
            pass
        counted = world.stored()
        work_ahead(database, LATER)
        check(world, where)
        check_crossed(world, BLOCKS)
        check_values(world, BLOCKS)
        check_pages(world, where)
        check_pages(world, None)
        assert _rollups.rebuild(database, world.package.id) == len(world.entries())

        assert world.stored() == counted


def test_an_erased_user_is_in_no_bitmap_and_no_table(database, request):
    world = World(database)
    request.addfinalizer(world.close)
    context = CONTEXTS[0]
    for who in (0, 1):
        for fold in (0, 9):
            world.send(
                {"who": who, "ago": 3, "context": context, "events": [("fit", 0, 1)],
                 "gap": 0, "dropped": {}, "refused": [], "fold": fold}
            )  # fmt: skip
    install = world.installs[0]

    world.erase(0)

    with database.read() as connection:
        for table in (log, inbox, recent, members):
            held = select(table).where(table.c.install == install)
            assert connection.execute(held).first() is None
        answers = Answers(connection, world.package, NOW)
        assert answers.total(TODAY - 9, TODAY) == dataclasses.replace(
            answers.total(TODAY - 9, TODAY), users=1, events=2
        )
