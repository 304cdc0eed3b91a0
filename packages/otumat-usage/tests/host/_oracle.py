"""What every answer should say, in plain SQL over the events of a world."""

from otumat_usage.host._days import iso

from ._world import SPAN, TODAY, VALUES, where_sql


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

    def daily(self, name):
        """Users of each value on each chosen day."""
        return {
            (value, day): n
            for value, day, n in self.rows(
                f"SELECT v.value, v.day, count(DISTINCT v.install) FROM {name}_of v JOIN CHOSEN c "
                "ON c.install = v.install AND c.day = v.day GROUP BY 1, 2"
            )
        }

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
