"""Laws of the roll-ups: with the uploads not counted yet they equal plain SQL over the log."""

import contextlib
import dataclasses
import itertools
import sqlite3
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otumat_usage.host import _grants, _log, _packages, _rollups, _wire
from otumat_usage.host._answers import AllOf, Answers, AnyOf, Is, Not
from otumat_usage.host._database import Database, inbox, log, members, recent, rollups, select
from otumat_usage.host._rights import erase

DAY = 86_400_000
NOW = 1_780_315_200_000  # 2026-06-01T12:00:00Z
TODAY = NOW // DAY
SPAN = 40
CONTEXTS = [
    _wire.Context("1.9", "3.12", "Linux"),
    _wire.Context("1.10", "3.12", "macOS"),
    _wire.Context("1.10", None, "Linux"),
    _wire.Context(None, None, None),
]
FEATURES = ["fit", "plot", "save"]
VALUES = {
    "feature": [*FEATURES, "never"],
    "package_version": ["1.9", "1.10", "unknown"],
    "python": ["3.12", "unknown"],
    "os": ["Linux", "macOS", "unknown"],
}
names = itertools.count(1)

filters = st.recursive(
    st.sampled_from([Is(name, value) for name, values in VALUES.items() for value in values]),
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: AllOf(tuple(parts)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts)))
    ),
    max_leaves=4,
)
uploads = st.fixed_dictionaries(
    {
        "who": st.integers(0, 4),
        "ago": st.integers(0, SPAN - 3),
        "context": st.sampled_from(CONTEXTS),
        "events": st.lists(
            st.tuples(st.sampled_from(FEATURES), st.integers(0, 2), st.integers(1, 3)), max_size=5
        ),
        "gap": st.integers(0, 2),
        "dropped": st.sampled_from([{}, {"full": 2}]),
        "fold": st.sampled_from([0, 0, 1, 3]),
    }
)


@pytest.fixture(scope="module")
def database(tmp_path_factory, engine):
    folder = tmp_path_factory.mktemp("rollups") / "host"
    engine.place(folder)
    found = Database.create(folder)
    yield found
    found.close()


class World:
    """One package, filled with uploads, beside the same events in plain tables."""

    def __init__(self, database):
        self.database = database
        self.sql = sqlite3.connect(":memory:")
        self.sql.execute(
            "CREATE TABLE event (install, day, n, feature, package_version, python, os)"
        )
        self.lost, self.uploads, self.dropped = {}, {}, {}
        self.installs, self.reached = [], {}
        with database.write() as connection:
            self.package = _packages.add(connection, f"p{next(names)}", NOW)
            for _ in range(5):
                consent = _grants.Consent(self.package.id, "0" * 64, "1-0", NOW, "browser")
                self.installs.append(_grants.enrol(connection, consent))

    def send(self, upload):
        install = self.installs[upload["who"]]
        first = self.reached.get(install, 0) + 1 + upload["gap"]
        last = first + max(1, len(upload["events"])) - 1
        received = NOW - upload["ago"] * DAY
        events = [
            _wire.Event(place, first + place, received - ago * DAY, name, count, None)
            for place, (name, ago, count) in enumerate(upload["events"])
        ]
        batch = _wire.Batch(
            str(uuid.UUID(bytes=install)), uuid.uuid4().hex, "2026-06-01T12:00:00Z", "run",
            first, last, [], [], upload["context"], upload["dropped"],
        )  # fmt: skip
        accepted = _log.Upload(batch, events, [], uuid.uuid4().bytes * 2, received)
        with self.database.write([install]) as connection:
            _log.append(connection, install=install, package=self.package.id, upload=accepted)
        if install in self.reached:
            self.lost[install] = self.lost.get(install, 0) + upload["gap"]
        self.reached[install] = last
        self.uploads[install] = self.uploads.get(install, 0) + 1
        self.dropped[install] = self.dropped.get(install, 0) + upload["dropped"].get("full", 0)
        context = upload["context"]
        values = (context.package_version, context.python, context.os)
        rows = [(install, e.at // DAY, e.count, e.name, *values) for e in events]
        self.sql.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self.fold(upload["fold"])

    def fold(self, limit):
        with self.database.beside() as connection:
            return limit and _rollups.fold(connection, limit)

    def erase(self, who):
        install = self.installs[who]
        with self.database.write() as connection:
            erase(connection, install)
        self.sql.execute("DELETE FROM event WHERE install = ?", [install])
        for counted in (self.lost, self.uploads, self.dropped):
            counted.pop(install, None)

    def stored(self):
        """Return every roll-up of the package."""
        with self.database.read() as connection:
            mine = select(rollups).where(rollups.c.package == self.package.id)
            return sorted(tuple(row) for row in connection.execute(mine))

    def waiting(self):
        """Return how many uploads are not counted yet."""
        with self.database.read() as connection:
            mine = select(inbox).where(inbox.c.package == self.package.id)
            return len(connection.execute(mine).all())

    def entries(self):
        with self.database.read() as connection:
            return list(_log.entries(connection, self.package.id))

    def close(self):
        self.sql.close()

    def one(self, query, *values):
        return self.sql.execute(query, values).fetchone()[0]


def where_sql(where):
    """Return *where* as a condition on the install-day d."""
    same = "e.install = d.install AND e.day = d.day"
    if isinstance(where, Is):
        if where.value == "unknown":
            return (
                f"NOT EXISTS (SELECT 1 FROM event e WHERE {same} "
                f"AND e.{where.dimension} IS NOT NULL)"
            )
        return (
            f"EXISTS (SELECT 1 FROM event e WHERE {same} AND e.{where.dimension} = '{where.value}')"
        )
    if isinstance(where, Not):
        return f"NOT {where_sql(where.part)}"
    word = " AND " if isinstance(where, AllOf) else " OR "
    return "(" + word.join(where_sql(part) for part in where.parts) + ")"


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
        for point in found.rolling(TODAY - 3, TODAY, window=7, where=where):
            within = f"{count} {chosen} WHERE day BETWEEN ? AND ?"
            assert point.users == world.one(within, point.end - 6, point.end)
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
        assert health.get("dropped: full", 0) == sum(world.dropped.values())
        single = Is("python", "3.12")
        assert found.total(first, last, where=single).events == world.one(
            "SELECT coalesce(sum(n), 0) FROM event WHERE python = '3.12'"
        )
        only = "SELECT count(*) FROM (SELECT install FROM event GROUP BY 1 EXCEPT {})"
        others = f"SELECT install FROM event d WHERE NOT {where_sql(where)}"
        assert found.lost_without(where, first, last) == world.one(only.format(others))


@settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    sent=st.lists(uploads, max_size=14),
    gone=st.sets(st.integers(0, 4), max_size=2),
    where=filters,
    rebuilt=st.integers(0, 20),
)
def test_answers_equal_sql_over_the_log(database, sent, gone, where, rebuilt):
    """At every stage: folded in part, erased, rebuilt while some wait; and rebuilding changes
    nothing."""
    with contextlib.closing(World(database)) as world:
        for upload in sent:
            world.send(upload)
        check(world, where)
        for who in gone:
            world.erase(who)
        check(world, where)
        world.fold(rebuilt)
        waits = world.waiting()
        assert _rollups.rebuild(database, world.package.id) == len(world.entries()) - waits
        assert world.waiting() == waits
        check(world, where)
        while world.fold(5):
            pass
        counted = world.stored()
        check(world, where)
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
                 "gap": 0, "dropped": {}, "fold": fold}
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
