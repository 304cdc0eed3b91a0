"""Laws of the roll-ups: with the uploads not counted yet they equal plain SQL over the log."""

import contextlib
import dataclasses
import itertools
import sqlite3
import uuid

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from otumat_usage.host import _grants, _log, _packages, _rollups, _wire
from otumat_usage.host._ahead import work_ahead
from otumat_usage.host._answers import AllOf, Answers, AnyOf, Is, Not
from otumat_usage.host._catalogue import EXHIBITS, exhibit
from otumat_usage.host._database import (
    Database,
    inbox,
    log,
    members,
    mixed,
    recent,
    rollups,
    select,
    weeks,
)
from otumat_usage.host._days import BLOCK, block_of, buckets, iso
from otumat_usage.host._filters import UNKNOWN
from otumat_usage.host._question import Question
from otumat_usage.host._rights import erase

DAY = 86_400_000
NOW = 1_780_315_200_000  # 2026-06-01T12:00:00Z
TODAY = NOW // DAY
SPAN = 40
#: When the block of `TODAY` is long over.
LATER = NOW + SPAN * DAY
CONTEXTS = [
    _wire.Context("1.9", "3.12", "Linux"),
    _wire.Context("1.10", "3.12", "macOS"),
    _wire.Context("1.10", None, "Linux", ci=True, container=True),
    _wire.Context("1.10", "3.12", "Linux", ci=False, container=True),
    _wire.Context(None, None, None),
]
FEATURES = ["fit", "plot", "save"]
VALUES = {
    "feature": [*FEATURES, "never"],
    "package_version": ["1.9", "1.10", "unknown"],
    "python": ["3.12", "unknown"],
    "os": ["Linux", "macOS", "unknown"],
    "ci": ["no", "yes", "unknown"],
    "container": ["yes", "unknown"],
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
#: Filters that a week's sets can tell of, as the one that leaves CI out.
choices = st.sampled_from([name for name in VALUES if name != "feature"]).flatmap(
    lambda name: st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=2).map(
        lambda values: AnyOf(tuple(Is(name, value) for value in values))
    )
)
uploads = st.fixed_dictionaries(
    {
        "who": st.integers(0, 4),
        # Few enough that a user has two versions on one day, and comes back after a week.
        "ago": st.sampled_from([0, 1, 2, 8, 9, 23, SPAN - 3]),
        "context": st.sampled_from(CONTEXTS),
        "events": st.lists(
            st.tuples(st.sampled_from(FEATURES), st.integers(0, 2), st.integers(1, 3)), max_size=5
        ),
        "gap": st.integers(0, 2),
        "dropped": st.sampled_from([{}, {"overflow": 2}]),
        "refused": st.lists(st.sampled_from(["replay", "count"]), max_size=2),
        "fold": st.sampled_from([0, 0, 1, 3]),
    }
)


# Each of three users has both versions, both systems and all features on one day and on the
# last, and comes back after some weeks.
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


class World:
    """One package, filled with uploads, beside the same events in plain tables."""

    def __init__(self, database):
        self.database = database
        self.sql = sqlite3.connect(":memory:")
        self.sql.execute(
            "CREATE TABLE event"
            " (install, day, n, feature, package_version, python, os, ci, container)"
        )
        for name in VALUES:
            self.sql.execute(
                f"CREATE VIEW {name}_of AS "
                f"SELECT DISTINCT install, day, {name} AS value FROM event "
                f"WHERE {name} IS NOT NULL UNION SELECT install, day, 'unknown' FROM event "
                f"GROUP BY install, day HAVING count({name}) = 0"
            )
        self.lost, self.uploads, self.dropped = {}, {}, {}
        self.rejected, self.replayed = {}, {}
        self.installs, self.reached = [], {}
        with database.write() as connection:
            declared = {name: {} for name in VALUES["feature"]}
            name = f"p{next(names)}"
            self.package = _packages.add(connection, name, NOW, events=declared)
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
        refused = [
            {"row": len(events) + place, "reason": reason}
            for place, reason in enumerate(upload["refused"])
        ]
        accepted = _log.Upload(batch, events, refused, uuid.uuid4().bytes * 2, received)
        with self.database.write([install]) as connection:
            _log.append(connection, install=install, package=self.package.id, upload=accepted)
        if install in self.reached:
            self.lost[install] = self.lost.get(install, 0) + upload["gap"]
        self.reached[install] = last
        self.uploads[install] = self.uploads.get(install, 0) + 1
        self.dropped[install] = self.dropped.get(install, 0) + upload["dropped"].get("overflow", 0)
        for reason, counted in (("replay", self.replayed), ("count", self.rejected)):
            counted[install] = counted.get(install, 0) + upload["refused"].count(reason)
        context = upload["context"]
        told = [{True: "yes", False: "no", None: None}[t] for t in (context.ci, context.container)]
        values = (context.package_version, context.python, context.os, *told)
        rows = [(install, e.at // DAY, e.count, e.name, *values) for e in events]
        self.sql.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self.fold(upload["fold"])

    def fold(self, limit):
        with self.database.beside() as connection:
            return limit and _rollups.fold(connection, limit)

    def erase(self, who):
        install = self.installs[who]
        with self.database.write() as connection:
            erase(connection, install)
        self.sql.execute("DELETE FROM event WHERE install = ?", [install])
        for counted in (self.lost, self.uploads, self.dropped, self.rejected, self.replayed):
            counted.pop(install, None)

    def stored(self):
        """Return every roll-up of the package: of days, and of weeks; of who changed in one."""
        with self.database.read() as connection:
            found = []
            for table in (rollups, weeks, mixed):
                mine = select(table).where(table.c.package == self.package.id)
                found.append(sorted(tuple(row) for row in connection.execute(mine)))
            return found

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
    """Return *where*, or no filter, as a condition on the install-day d."""
    if where is None:
        return "1"
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
        assert health.get("dropped: overflow", 0) == sum(world.dropped.values())
        single = Is("python", "3.12")
        assert found.total(first, last, where=single).events == world.one(
            "SELECT coalesce(sum(n), 0) FROM event WHERE python = '3.12'"
        )
        only = "SELECT count(*) FROM (SELECT install FROM event GROUP BY 1 EXCEPT {})"
        others = f"SELECT install FROM event d WHERE NOT {where_sql(where)}"
        assert found.lost_without(where, first, last) == world.one(only.format(others))


class Oracle:
    """What each page should say, in plain SQL over the events of a world.

    `chosen` are the days of users that satisfy the filter, `NAME_of` the values of a
    dimension on a user's day, or `unknown`.
    """

    first, last = TODAY - SPAN + 1, TODAY

    def __init__(self, world, where):
        self.world, self.where = world, where
        self.chosen = f"(SELECT DISTINCT install, day FROM event d WHERE {where_sql(where)})"

    def rows(self, query, *values):
        return self.world.sql.execute(query.replace("CHOSEN", self.chosen), values).fetchall()

    def pairs(self, query, *values):
        return dict(self.rows(query, *values))

    def one(self, query, *values):
        return self.rows(query, *values)[0][0]

    def users(self, start, end):
        return self.one(
            "SELECT count(DISTINCT install) FROM CHOSEN WHERE day BETWEEN ? AND ?", start, end
        )

    def seen(self, name):
        """Return the known values of a dimension that occur, in their order."""
        found = {value for (value,) in self.rows(f"SELECT DISTINCT {name} FROM event")}
        return [value for value in VALUES[name] if value in found]

    def latest(self, name, *, plain=False):
        """Each user once, by the highest value of the last chosen day; *plain*: always."""
        place = " ".join(f"WHEN '{v}' THEN {n}" for n, v in enumerate(VALUES[name]))
        if "unknown" in VALUES[name]:
            place = f"WHEN 'unknown' THEN -1 {place}"
        found = self.pairs(
            "SELECT value, count(*) FROM (SELECT v.install, v.value, row_number() OVER "
            f"(PARTITION BY v.install ORDER BY CASE v.value {place} END DESC) AS n "
            f"FROM {name}_of v JOIN "
            "(SELECT install, max(day) AS day FROM CHOSEN GROUP BY install) l "
            "ON l.install = v.install AND l.day = v.day) WHERE n = 1 GROUP BY value"
        )
        return {} if set(found) <= {"unknown"} and not plain else found

    def crossed(self, one, other):
        return {
            (a, b): n
            for a, b, n in self.rows(
                "SELECT a.value, b.value, count(DISTINCT a.install) FROM CHOSEN c "
                f"JOIN {one}_of a ON a.install = c.install AND a.day = c.day "
                f"JOIN {other}_of b ON b.install = c.install AND b.day = c.day GROUP BY 1, 2"
            )
        }

    def over_time(self, name, spans):
        """Users of each value in each span of days."""
        found = {}
        for start, end in spans:
            for value, n in self.rows(
                f"SELECT v.value, count(DISTINCT v.install) FROM {name}_of v JOIN CHOSEN c "
                "ON c.install = v.install AND c.day = v.day WHERE v.day BETWEEN ? AND ? GROUP BY 1",
                start,
                end,
            ):
                found[value, start] = n
        return found

    def weeks(self):
        """Return the users of every week since the first event."""
        first = self.one("SELECT min(day - (day + 3) % 7) FROM event")
        if first is None:
            return {}
        found = {start: set() for start in range(first, TODAY + 1, 7)}
        for start, user in self.rows("SELECT DISTINCT day - (day + 3) % 7, install FROM CHOSEN"):
            found[start].add(user)
        return found

    def dropped(self, condition):
        """Users who satisfied *condition* on some day, and those who did on every day."""
        every = "SELECT DISTINCT install FROM event d WHERE "
        used = self.one(f"SELECT count(*) FROM ({every}{where_sql(condition)})")
        others = f"{every} NOT {where_sql(condition)}"
        lost = self.one(f"SELECT count(*) FROM (SELECT install FROM event EXCEPT {others})")
        return used, lost

    def lost(self, condition):
        """Users who satisfied *condition* on each of their chosen days."""
        others = f"SELECT install FROM CHOSEN d WHERE NOT {where_sql(condition)}"
        return self.one(f"SELECT count(*) FROM (SELECT install FROM CHOSEN EXCEPT {others})")

    def halves(self):
        """Days from a version's first chosen day until half of a week's users had moved to it."""
        order = [*self.seen("package_version")]
        found = {}
        for version, started in self.rows(
            "SELECT v.value, min(v.day) FROM package_version_of v JOIN CHOSEN c "
            "ON c.install = v.install AND c.day = v.day WHERE v.day >= ? GROUP BY 1", self.first
        ):  # fmt: skip
            if started < self.first + 7:
                continue
            newer = order[order.index(version) :] if version in order else [version]
            moved = ", ".join(f"'{each}'" for each in newer)
            found[version] = (iso(started), None)
            for day in range(self.first, TODAY + 1):
                users = self.one(
                    "SELECT count(DISTINCT c.install) FROM CHOSEN c JOIN package_version_of v "
                    "ON c.install = v.install AND c.day = v.day "
                    f"WHERE v.value IN ({moved}) AND c.day BETWEEN ? AND ?", day - 6, day
                )  # fmt: skip
                if users and 2 * users >= self.users(day - 6, day):
                    found[version] = (iso(started), day - started)
                    break
        return found


def spans_of(step):
    """Return the first and last days of the weeks, or days, of the asked span."""
    if step == "day":
        return [(day, day) for day in range(Oracle.first, TODAY + 1)]
    starts = [Oracle.first, *range(Oracle.first + 1, TODAY + 1)]
    starts = [day for day in starts if day == Oracle.first or (day + 3) % 7 == 0]
    return list(zip(starts, [*(day - 1 for day in starts[1:]), TODAY], strict=True))


#: Answers that come from the consent page, not from events: they have oracles of their own.
ELSEWHERE = {"decisions", "survey"}


class Pages:
    """Every answer of the catalogue that is made of events, beside what it should say."""

    def __init__(self, world, where):
        self.world, self.oracle = world, Oracle(world, where)
        asked = Question(first=Oracle.first, last=TODAY, where=where, chosen=where)
        with world.database.read() as connection:
            answers = Answers(connection, world.package, NOW)
            self.shown = {
                name: exhibit(name, answers, asked) for name in EXHIBITS if name not in ELSEWHERE
            }
            self.plain = exhibit("features", answers, dataclasses.replace(asked, where=None))
        self.rows = {name: list(found.rows) for name, found in self.shown.items()}
        self.checked = set()

    def check(self, name, told, wanted):
        self.checked.add(name)
        assert told == wanted, name

    def table(self, name):
        """Return the cells that are not empty or zero, by what stands left and above."""
        heads = self.shown[name].heads[1:]
        return {
            (row[0], head): cell
            for row in self.rows[name]
            for head, cell in zip(heads, row[1:], strict=True)
            if cell
        }

    def use(self):
        users = self.oracle.users
        days = range(Oracle.first, TODAY + 1)
        rolled = [
            (iso(day), *(users(day - window + 1, day) for window in (1, 7, 28))) for day in days
        ]
        self.check("actives", [row[:4] for row in self.rows["actives"][::-1]], rolled)
        daily = [(iso(day), users(day, day)) for day in days]
        self.check("events", [row[:2] for row in self.rows["events"][::-1]], daily)
        counted = (
            "SELECT count(*) FROM (SELECT install, count(*) AS k FROM CHOSEN WHERE day > ? "
            "GROUP BY install) WHERE k = ?"
        )
        often = {str(k): self.oracle.one(counted, TODAY - 28, k) for k in range(1, 29)}
        told = dict(self.rows["frequency"]) or dict.fromkeys(often, 0)
        self.check("frequency", told, often)

    def features(self):
        used = self.oracle.pairs(
            "SELECT v.value, count(DISTINCT v.install) FROM feature_of v JOIN CHOSEN c "
            "ON c.install = v.install AND c.day = v.day GROUP BY 1"
        )
        whole = self.oracle.users(Oracle.first, TODAY)
        wanted = {
            (name, n := used.get(name, 0), round(100 * n / whole, 1) if whole else None)
            for name in VALUES["feature"]
        }
        self.check("features", {row[:3] for row in self.rows["features"]}, wanted)
        events = {(row[0], row[3]) for row in self.plain.rows if row[3]}
        summed = set(self.oracle.rows("SELECT feature, sum(n) FROM event GROUP BY 1"))
        self.check("features", events, summed)
        ever = self.oracle.seen("feature")
        fewest = sorted((used.get(name, 0), name) for name in ever)
        told = [(users, name) for name, users, *_ in self.rows["least"]]
        # Of two with as many users the one with fewer events stands first.
        self.check("least", sorted(told), fewest)
        assert [users for users, _ in told] == [users for users, _ in fewest]
        never = [(name,) for name in sorted({*VALUES["feature"]} - {*ever})]
        self.check("never", self.rows["never"], never)
        found = self.oracle.over_time("feature", spans_of("week"))
        weekly = {(name, iso(start)): n for (name, start), n in found.items()}
        self.check("features-over-time", self.table("features-over-time"), weekly)

    def versions(self):
        for name, dimension in (("adoption", "package_version"), ("pythons-over-time", "python")):
            found = self.oracle.over_time(dimension, spans_of("day"))
            daily = {(iso(start), value): n for (value, start), n in found.items()}
            self.check(name, self.table(name), daily)
        for name, axes in (
            ("features-by-version", ("feature", "package_version")),
            ("pythons-and-systems", ("python", "os")),
        ):
            self.check(name, self.table(name), self.oracle.crossed(*axes))
        for name in ("package_version", "python", "os", "ci", "container"):
            shown = "versions" if name == "package_version" else name
            told = {value: users for value, users, _ in self.rows[shown]}
            self.check(shown, told, self.oracle.latest(name))
        told = {version: (started, took) for version, started, took in self.rows["halves"]}
        self.check("halves", told, self.oracle.halves())

    def left_behind(self):
        whole = self.oracle.one("SELECT count(DISTINCT install) FROM event")

        def row(text, condition):
            used, lost = self.oracle.dropped(condition)
            return text, used, lost, round(100 * lost / whole, 1)

        for dimension, word in (("python", "python"), ("package_version", "version")):
            values = self.oracle.seen(dimension)
            older = [
                row(f"{word} <= {value}", AnyOf(tuple(Is(dimension, v) for v in values[: n + 1])))
                for n, value in enumerate(values[:-1])
            ]
            self.check(f"drop-{word}", self.rows[f"drop-{word}"], older)
        single = {
            row(f"{word} = {value}", Is(dimension, value))
            for dimension, word in zip(list(VALUES)[1:4], ("version", "python", "os"), strict=True)
            for value in self.oracle.seen(dimension)
        }
        self.check("drop", set(self.rows["drop"]), single)

    def weeks(self):
        by_week = self.oracle.weeks()
        starts = sorted(by_week)
        ended = starts[:-1]  # the running week is not shown
        ever, new = set(), {}
        for start in starts:
            new[start] = by_week[start] - ever
            ever |= by_week[start]
        back = {(iso(start), 0): len(new[start]) for start in ended} | {
            (iso(start), 1 + (later - start) // 7): len(new[start] & by_week[later])
            for start in ended
            for later in ended
            if later >= start
        }
        told = {
            (row[0], place): number
            for row in self.rows["retention"]
            for place, number in enumerate(row[1:])
            if number is not None
        }
        self.check("retention", told, back)
        life = []
        for start in ended[-5:]:
            users, last = by_week[start], by_week.get(start - 7, set())
            again = users - last - new[start]
            life.append(
                (iso(start), len(new[start]), len(users & last), len(again), len(last - users))
            )
        self.check("lifecycle", self.rows["lifecycle"][::-1], life)

    def health(self):
        world = self.world
        numbers = {
            "uploads": world.uploads, "rejected": world.rejected, "replayed": world.replayed,
            "lost": world.lost, "dropped: overflow": world.dropped,
        }  # fmt: skip
        wanted = {name: n for name, each in numbers.items() if (n := sum(each.values()))}
        told = {name: number for name, number, _ in self.rows["health"] if number}
        self.check("health", told, wanted)


def check_pages(world, where):
    """Compare them all, so that a new answer cannot be left out."""
    pages = Pages(world, where)
    for ask in (
        pages.use, pages.features, pages.versions, pages.left_behind, pages.weeks, pages.health,
    ):  # fmt: skip
        ask()

    assert pages.checked == set(EXHIBITS) - ELSEWHERE


#: Spans that hold one block or two, and some days beside them.
BLOCKS = [
    (block_of(TODAY) - before, block_of(TODAY) + BLOCK - 1 + after)
    for before, after in ((0, 0), (BLOCK, 0), (BLOCK + 9, 3))
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
                assert found.rows == {one.value: one.users for one in each}


def check_values(world, spans):
    """Compare what is told of each value of each dimension without a filter, of each span."""
    for first, last in spans:
        oracle = span_of(world, first, last)
        for name in VALUES:
            # Each answer by itself, and then all of one state: what one has read, others take.
            with world.database.read() as connection:
                answers = Answers(connection, world.package, NOW)
                for ask in (check_breakdown, check_latest, check_dropped, check_series) * 2:
                    ask(Answers(connection, world.package, NOW), oracle, name, (first, last))
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


def check_series(answers, oracle, name, span):
    for step in ("day", "week", "four weeks", "month"):
        found = answers.breakdown_series(name, *span, step=step)
        told = {(value, p.start): p.users for value, some in found.items() for p in some if p.users}
        assert told == oracle.over_time(name, list(buckets(*span, step)))


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
        check_values(world, BLOCKS)
        world.fold(rebuilt)
        check_crossed(world, BLOCKS)
        check_values(world, BLOCKS)
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
