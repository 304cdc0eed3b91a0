"""Make up a year of plausible use: who, when, with which version, doing what.

Nothing here knows the database. The same seed and day give the same year.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["EVENTS", "PACKAGE", "SURVEY", "Person", "Visit", "answered", "people", "visits"]

PACKAGE = "demo-package"
YEAR = 365
_SECOND = 1000
_DAY = 86_400 * _SECOND

#: What the made-up package declares. The last three are never used: a page shows that.
EVENTS: Mapping[str, Mapping[str, str]] = {
    "read": {"format": "str", "rows": "int"},
    "plot": {"kind": "str"},
    "fit": {"model": "str"},
    "group by": {},
    "merge": {},
    "export csv": {"rows": "int"},
    "export excel": {},
    "resample": {},
    "report": {},
    "stream": {},
    "read legacy": {},
    "export latex": {},
    "interpolate 3d": {},
    "convert units": {},
    "undo": {},
}
#: What the consent page of the made-up package asks.
SURVEY = (
    {
        "id": "field",
        "text": "What do you use it for?",
        "options": ["research", "industry", "teaching", "own projects"],
    },
    {
        "id": "years",
        "text": "For how long have you been writing Python?",
        "options": ["less than a year", "one to five years", "longer"],
    },
)
#: Which feature is liked best by those who give which answer, and which share answers at all.
_FIELDS = {"research": "fit", "industry": "merge", "teaching": "plot", "own projects": "read"}
_ANSWERS = 0.6
# How much each feature is liked, and from which version on it exists.
_LIKED = {
    "read": 9.0,
    "plot": 6.0,
    "fit": 3.2,
    "group by": 2.6,
    "merge": 1.6,
    "export csv": 1.3,
    "export excel": 0.7,
    "resample": 0.55,
    "report": 0.3,
    "stream": 1.8,
    "read legacy": 0.35,
    "export latex": 0.03,
}
_SINCE = {"stream": 3, "report": 1}
_UNTIL = {"read legacy": 3}
#: Release number to version, and how many days ago it came out.
_RELEASES = (("1.0.0", 400), ("1.1.0", 320), ("1.2.0", 235), ("2.0.0", 150), ("2.1.0", 78))
_LATEST = ("2.2.0", 17)
_VERSIONS = [*_RELEASES, _LATEST]
_PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
_SYSTEMS = {"Linux": 55, "Windows": 28, "macOS": 17}
#: How people use a tool: share, chance of a working day, mean days until they leave it.
_HABITS = ((34, 0.5, 5), (36, 0.09, 170), (22, 0.33, 380), (8, 0.75, 700))
_WEEKEND = 0.22
_FORMATS = ("csv", "csv", "csv", "parquet", "excel")


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """One made-up user; days count from the year's first, 0, to its last, 364."""

    number: int
    joined: int
    left: int
    eager: float
    lag: float
    python: str
    system: str
    taste: Mapping[str, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Visit:
    """One day's events of one person: ``(milliseconds, event, count, properties)``."""

    person: int
    version: str
    python: str
    system: str
    events: list[tuple[int, str, int, dict[str, object] | None]]


def people(seed: int, installs: int) -> list[Person]:
    """Return *installs* made-up users, the earliest first."""
    rng = random.Random(seed)  # noqa: S311 - made-up people, no secret
    # Twice as many come at the year's end as at its start; a third is there from the beginning.
    days = sorted(
        0 if rng.random() < 0.3 else round(YEAR * rng.random() ** 0.7)  # noqa: PLR2004
        for _ in range(installs)
    )
    return [_person(rng, number, min(day, YEAR - 1)) for number, day in enumerate(days)]


def _person(rng: random.Random, number: int, joined: int) -> Person:
    _, eager, stays = rng.choices(_HABITS, [habit[0] for habit in _HABITS])[0]
    # Later arrivals bring newer Pythons.
    middle = 1.6 + 1.8 * joined / YEAR
    weights = [math.exp(-((place - middle) ** 2) / 1.6) for place in range(len(_PYTHONS))]
    return Person(
        number=number,
        joined=joined,
        left=joined + math.ceil(rng.expovariate(1 / stays)),
        eager=min(0.95, eager * rng.uniform(0.6, 1.4)),
        lag=rng.choice((4, 12, 30, 90, 400)),
        python=rng.choices(_PYTHONS, weights)[0],
        system=rng.choices(list(_SYSTEMS), list(_SYSTEMS.values()))[0],
        taste={name: liked * rng.lognormvariate(0, 0.9) for name, liked in _LIKED.items()},
    )


def answered(seed: int, person: Person) -> dict[str, str]:
    """Return what *person* answered to the survey: nothing, one question or both."""
    rng = random.Random(f"{seed} {person.number}")  # noqa: S311 - made-up people, no secret
    fields = list(_FIELDS)
    weights = [person.taste[liked] / _LIKED[liked] for liked in _FIELDS.values()]
    given = {}
    if rng.random() < _ANSWERS:
        given["field"] = rng.choices(fields, [weight**2 for weight in weights])[0]
    if rng.random() < _ANSWERS:
        years = SURVEY[1]["options"]
        given["years"] = rng.choices(list(years), (2, 5, 3 + 3 * person.eager))[0]
    return given


def visits(seed: int, crowd: Sequence[Person], today: int) -> Iterator[Visit]:
    """Yield the visits of the year that ends with *today* (a day since 1970), day by day."""
    rng = random.Random(seed + 1)  # noqa: S311 - made-up people, no secret
    moved = {person.number: _moves(rng, person) for person in crowd}
    for day in range(YEAR):
        date = today - YEAR + 1 + day
        # 1970 began on a Thursday, so Saturday and Sunday are 2 and 3 of this count.
        rhythm = _WEEKEND if date % 7 in (2, 3) else 1.0
        rhythm *= 1 - 0.55 * math.exp(-(((day % YEAR) - _holidays(today)) ** 2) / 60)
        for person in crowd:
            if not person.joined <= day <= person.left:
                continue
            if day != person.joined and rng.random() > person.eager * rhythm:
                continue
            release = _release(moved[person.number], day)
            yield Visit(
                person.number,
                _VERSIONS[release][0],
                _python(person, release),
                person.system,
                _events(rng, person, release, date),
            )


def _holidays(today: int) -> int:
    """Return on which day of the year that ends *today* the last days of December fall."""
    # Day 20 450 is 28 December 2025; the year's length is near enough for holidays.
    return YEAR - 1 - (today - 20_450) % YEAR


def _moves(rng: random.Random, person: Person) -> list[int]:
    """Return on which day *person* moves to each release; those never taken lie far ahead."""
    days = []
    for _, ago in _VERSIONS:
        out = YEAR - ago
        days.append(out if out <= 0 else out + round(rng.expovariate(1 / person.lag)))
    # Whoever joins takes what is newest on that day.
    newest = bisect.bisect_right([YEAR - ago for _, ago in _VERSIONS], person.joined) - 1
    for number in range(newest + 1):
        days[number] = min(days[number], person.joined)
    return days


def _release(moves: list[int], day: int) -> int:
    return max(number for number, moved in enumerate(moves) if moved <= day)


def _python(person: Person, release: int) -> str:
    # 2.0 dropped Python 3.9, so whoever moved to it had to move that as well.
    if release >= 3 and person.python == "3.9":  # noqa: PLR2004
        return "3.11"
    return person.python


def _events(
    rng: random.Random, person: Person, release: int, date: int
) -> list[tuple[int, str, int, dict[str, object] | None]]:
    there = {
        name: liked
        for name, liked in person.taste.items()
        if _SINCE.get(name, 0) <= release < _UNTIL.get(name, 99)
    }
    chosen = rng.choices(list(there), list(there.values()), k=1 + int(rng.expovariate(1 / 2.5)))
    at = date * _DAY + round(rng.triangular(0, 20, 9) * 3600 * _SECOND)
    found = []
    for name in chosen:
        at += round(rng.expovariate(1 / 600) * _SECOND)
        count = 1 + int(rng.expovariate(0.8))
        last = (date + 1) * _DAY - 1
        found.append((min(at, last), name, count, _properties(rng, name)))
    return found


def _properties(rng: random.Random, name: str) -> dict[str, object] | None:
    if name == "read":
        return {"format": rng.choice(_FORMATS), "rows": int(10 ** rng.uniform(1, 6))}
    if name == "plot":
        return {"kind": rng.choice(("line", "bar", "scatter"))}
    return None
