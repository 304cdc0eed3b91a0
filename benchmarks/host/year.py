"""Make up a year of a package's use and put it into a store: what `answers.py` asks about.

Installs arrive all year long, a few come daily and most seldom; a run sends 5 to 100 events, of
features that differ in how well they are liked; versions come out twelve times and are taken up
with a delay. The rows go into the log as the host itself writes them, one year in time order.
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
from typing import TYPE_CHECKING, Any

from otumat_usage.host import _packages
from otumat_usage.host._body import pack
from otumat_usage.host._database import Database, bindparam, inbox, insert, installs, log, members
from otumat_usage.host._dictionary import CONTEXTS, EVENT_TYPES
from otumat_usage.host._prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400_000
DAYS = 365
FEATURES = [f"feature {number:02}" for number in range(24)]
PYTHONS = {"3.9": 3, "3.10": 12, "3.11": 22, "3.12": 34, "3.13": 26, "3.14": 3}
SYSTEMS = {"Linux": 64, "Windows": 20, "macOS": 16}
#: Rows of an upload, and how often it has so many.
SIZES = {5: 46, 10: 23, 20: 15, 50: 8, 100: 8}
_BODIES = 400
_PART = 20_000
#: Last days whose uploads are not counted yet.
_WAITING = 10

_PLACE = ("install", "run", "last", "batch")
_LOG, _INBOX = (
    Prepared(insert(table).values({c.name: bindparam(c.name) for c in table.c}))
    for table in (log, inbox)
)


@dataclasses.dataclass
class Person:
    """One install: its id, its number, and what it runs on."""

    id: bytes
    python: str
    system: str
    lag: int
    ci: bool


class Year:
    """Write *events* events of *crowd* installs, up to the day of *now*.

    Args:
        database: An empty store.
        events: How many events, about.
        crowd: How many installs.
        now: The present, in milliseconds.
        ci: The share of installs that run on CI; with none, no context speaks of it.
    """

    def __init__(
        self, database: Database, events: int, crowd: int, now: int, ci: float = 0
    ) -> None:
        self.database = database
        self.events = self.waiting = 0
        self.uploads = 0
        self.today = now // DAY
        self._rng = random.Random(7)
        self._mean = sum(size * often for size, often in SIZES.items()) / sum(SIZES.values())
        self._wanted = events / self._mean
        self._crowd = crowd
        self._ci = ci
        self._contexts: dict[tuple[object, ...], int] = {}
        self._people = [self._person() for _ in range(crowd)]
        with database.write() as connection:
            declared: Any = {name: {} for name in [*FEATURES, "never used"]}
            self.package = _packages.add(connection, "demo", now, events=declared)
            rows = self._installs(now)
            for start in range(0, crowd, _PART):
                part = rows[start : start + _PART]
                connection.execute(insert(installs), part)
                numbered = [
                    {"install": row["id"], "package": self.package.id, "number": start + n}
                    for n, row in enumerate(part, 1)
                ]
                connection.execute(insert(members), numbered)
            kinds = [EVENT_TYPES.number(connection, self.package.id, name) for name in FEATURES]
        self._bodies = {size: [self._body(size, kinds) for _ in range(_BODIES)] for size in SIZES}

    def write(self) -> None:
        """Put the year into the log; what came on its last days waits to be counted."""
        with self.database.write() as connection:
            if self.database.embedded:  # only while filling
                connection.exec_driver_sql("PRAGMA cache_size=-400000")
            part: list[dict[str, Any]] = []
            for day in range(DAYS):
                before = self.events
                part += self._day(connection, day)
                waits = day >= DAYS - _WAITING
                if waits:
                    self.waiting += self.events - before
                if len(part) >= _PART or day >= DAYS - _WAITING - 1:
                    _LOG.many(connection, part)
                    if waits:
                        names = ("package", *_PLACE)
                        _INBOX.many(connection, [{n: row[n] for n in names} for row in part])
                    part = []

    def heaviest(self) -> bytes:
        """Return the install with the most uploads."""
        with self.database.read() as connection:
            (row,) = connection.exec_driver_sql(
                "SELECT install FROM log GROUP BY install ORDER BY count(*) DESC LIMIT 1"
            ).all()
        return bytes(row[0])

    def _person(self) -> Person:
        rng = self._rng
        (python,) = rng.choices(list(PYTHONS), list(PYTHONS.values()))
        (system,) = rng.choices(list(SYSTEMS), list(SYSTEMS.values()))
        lag = int(rng.expovariate(1 / 25))
        return Person(rng.randbytes(16), python, system, lag, rng.random() < self._ci)

    def _installs(self, now: int) -> list[dict[str, Any]]:
        same = {
            "package": self.package.id,
            "created": now,
            "state": "active",
            "consent_sha256": "0" * 64,
            "consent_version": "1-0",
            "consent_at": now,
            "consent_how": "browser",
            "survey": None,
        }
        return [{"id": person.id, **same} for person in self._people]

    def _body(self, size: int, kinds: list[int]) -> bytes:
        rng = self._rng
        chosen = rng.choices(kinds, [1 / (place + 1) for place in range(len(kinds))], k=size)
        times = sorted(-int(rng.expovariate(1 / 600_000)) for _ in range(size))
        return pack(0, times, chosen, [1] * size, [None] * size)

    def _day(self, connection: Any, day: int) -> Iterator[dict[str, Any]]:
        """Yield the uploads of one day, as rows of the log."""
        rng = self._rng
        arrived = max(1, int(self._crowd * (day + 1) / DAYS))
        sizes, often = list(SIZES), list(SIZES.values())
        count = round(self._wanted * 2 * (day + 1) / DAYS / DAYS)
        start = (self.today - DAYS + 1 + day) * DAY
        times = sorted(rng.randrange(DAY // 2 if day == DAYS - 1 else DAY) for _ in range(count))
        for at, size in zip(times, rng.choices(sizes, often, k=count), strict=True):
            # Half come now and then, half of the uploads are from those who come often.
            part = rng.random()
            who = self._people[int(arrived * (part if rng.random() < 0.5 else part**1.5))]
            self.events += size
            self.uploads += 1
            yield {
                "install": who.id,
                "run": rng.randbytes(6),
                "last": size,
                "batch": rng.randbytes(12),
                "span": size - 1,
                "package": self.package.id,
                "received": start + at,
                "context": self._context(connection, who, day),
                "body": rng.choice(self._bodies[size]),
                "refused": "",
            }

    def _context(self, connection: Any, who: Person, day: int) -> int:
        release = max(0, math.floor((day - who.lag) * 12 / DAYS))
        told = {"package_version": f"2.{release}.0", "python": who.python, "os": who.system}
        if self._ci:
            told["ci"] = who.ci
        key = tuple(told.values())
        if key not in self._contexts:
            text = json.dumps(told)
            self._contexts[key] = CONTEXTS.number(connection, self.package.id, text)
        return self._contexts[key]
