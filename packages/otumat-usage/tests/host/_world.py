"""A package whose uploads are counted by a host and, as plain rows, by SQL."""

import itertools
import sqlite3
import uuid

from hypothesis import strategies as st

from otumat_usage.host import _grants, _log, _packages, _rollups, _wire
from otumat_usage.host._answers import AllOf, AnyOf, Is, Not
from otumat_usage.host._database import (
    inbox,
    mixed,
    rollups,
    select,
    weeks,
)
from otumat_usage.host._rights import erase

DAY = 86_400_000
NOW = 1_780_315_200_000  # 2026-06-01T12:00:00Z
TODAY = NOW // DAY
SPAN = 40
#: When the longest block of `TODAY` is over.
LATER = NOW + 200 * DAY
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
