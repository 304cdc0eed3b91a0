"""Compare every answer of the catalogue with an oracle."""

import dataclasses

from otumat_usage.host._answers import Answers, AnyOf, Is
from otumat_usage.host._catalogue import EXHIBITS, exhibit
from otumat_usage.host._days import iso
from otumat_usage.host._question import Question

from ._oracle import Oracle, spans_of
from ._world import NOW, TODAY, VALUES

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
