"""Fill an empty host with a made-up year of use, and refuse one that holds anything else."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import time
import uuid
from typing import TYPE_CHECKING

from otumat_usage.host import _packages
from otumat_usage.host._consent import consent_text
from otumat_usage.host._database import (
    Connection,
    Database,
    consents,
    func,
    insert,
    installs,
    select,
    settings,
)
from otumat_usage.host._demo import (
    EVENTS,
    PACKAGE,
    SURVEY,
    YEAR,
    Person,
    Visit,
    answered,
    people,
    visits,
)
from otumat_usage.host._errors import ServingError
from otumat_usage.host._log import Upload, append
from otumat_usage.host._survey import questions_of
from otumat_usage.host._wire import Batch, Context, Event
from otumat_usage.host._worker import fold_all

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Filled", "StoreNotEmpty", "fill"]

_DAY = 86_400_000
_MARK = "demo"
#: Visits stored by one transaction: others can write between two of them.
_SLICE = 2000


class StoreNotEmpty(ServingError, FileExistsError):  # noqa: N818 - named for the state
    """The folder holds a host with packages that are not made up."""


@dataclasses.dataclass(frozen=True, slots=True)
class Filled:
    """What was made up; *new* is False where the folder held it already."""

    package: str
    installs: int
    uploads: int
    new: bool


def fill(folder: Path, *, count: int, seed: int, now: int | None = None) -> Filled:
    """Register `PACKAGE` in *folder* with a year of use by *count* made-up installs.

    Args:
        folder: Made when there is none.
        count: How many people ever agreed.
        seed: The same seed on the same day gives the same year.
        now: The year's end, in milliseconds; the present by default.

    Raises:
        StoreNotEmpty: the folder holds packages that are not made up.
    """
    moment = time.time_ns() // 1_000_000 if now is None else now
    database = Database.create(folder)
    try:
        with database.write() as connection:
            known = _made_before(connection)
            if known is not None:
                return known
            found = _packages.names(connection)
            if found:
                raise StoreNotEmpty(
                    f"{folder} holds {', '.join(found[:3])}: a demo needs a folder of its own (-d)"
                )
            _packages.add(connection, PACKAGE, moment, events=EVENTS)
            package = _packages.survey(connection, PACKAGE, questions_of(SURVEY))
            crowd = people(seed, count)
            _agree(connection, package, crowd, seed, moment)
            # Set first: a demo that was cut short must never be taken for real use.
            connection.execute(insert(settings).values(name=_MARK, value=str(seed)))
        uploads = _Sender(database, package.id, seed, moment).send(crowd)
        fold_all(database)
        return Filled(PACKAGE, count, uploads, new=True)
    finally:
        database.close()


def _made_before(connection: Connection) -> Filled | None:
    mark = select(settings.c.value).where(settings.c.name == _MARK)
    if connection.scalar(mark) is None:
        return None
    total = connection.scalar(select(func.count()).select_from(installs)) or 0
    return Filled(PACKAGE, total, 0, new=False)


def _install_of(seed: int, number: int) -> bytes:
    name = f"otumat demo {seed} {number}"
    return uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4).bytes


def _agree(
    connection: Connection,
    package: _packages.Package,
    crowd: list[Person],
    seed: int,
    now: int,
) -> None:
    """Store who said yes, how many said no, and who withdrew."""
    rng = random.Random(seed + 2)  # noqa: S311 - made-up people, no secret
    text = consent_text(package)
    first = now // _DAY - YEAR + 1
    decisions: dict[tuple[int, str], int] = {}
    rows = []
    for person in crowd:
        day = first + person.joined
        decisions[day, "yes"] = decisions.get((day, "yes"), 0) + 1
        noes = int(rng.expovariate(1 / 1.4))
        if noes:
            decisions[day, "no"] = decisions.get((day, "no"), 0) + noes
        given = answered(seed, person)
        rows.append(
            {
                "id": _install_of(seed, person.number),
                "package": package.id,
                "created": day * _DAY,
                "state": "revoked" if person.left < YEAR and rng.random() < 0.04 else "active",  # noqa: PLR2004
                "consent_sha256": text.sha256,
                "consent_version": text.version,
                "consent_at": day * _DAY,
                "consent_how": "browser" if rng.random() < 0.8 else "device",  # noqa: PLR2004
                "survey": json.dumps(given, sort_keys=True) if given else None,
            }
        )
    connection.execute(insert(installs), rows)
    counted = [
        {"package": package.id, "day": day, "decision": decision, "count": number}
        for (day, decision), number in decisions.items()
    ]
    connection.execute(insert(consents), counted)


class _Sender:
    """Send the visits as clients would: numbered runs, batches, a loss here and there."""

    def __init__(self, database: Database, package: int, seed: int, now: int) -> None:
        self._database = database
        self._package = package
        self._seed = seed
        self._now = now
        self._rng = random.Random(seed + 3)  # noqa: S311 - made-up uploads, no secret
        self._reached: dict[int, int] = {}

    def send(self, crowd: list[Person]) -> int:
        """Store every visit; return how many uploads that were."""
        number, part = 0, []
        for visit in visits(self._seed, crowd, self._now // _DAY):
            part.append(visit)
            if len(part) == _SLICE:
                number += self._store(part, number)
                part = []
        return number + self._store(part, number)

    def _store(self, part: list[Visit], start: int) -> int:
        with self._database.write() as connection:
            for number, visit in enumerate(part, start):
                append(
                    connection,
                    install=_install_of(self._seed, visit.person),
                    package=self._package,
                    upload=self._upload(visit, number),
                )
        return len(part)

    def _upload(self, visit: Visit, number: int) -> Upload:
        rng = self._rng
        first = self._reached.get(visit.person, 0) + 1
        if rng.random() < 0.002:  # noqa: PLR2004 - what a full disk loses
            first += rng.randrange(1, 9)
        # Of today's events only those that have happened by now.
        there = [event for event in visit.events if event[0] <= self._now] or [
            (self._now, *event[1:]) for event in visit.events[:1]
        ]
        last = first + len(there) - 1
        self._reached[visit.person] = last
        accepted = [
            Event(row, first + row, at, name, count, properties)
            for row, (at, name, count, properties) in enumerate(there)
        ]
        sent = there[-1][0]
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(sent // 1000))
        rejected: list[dict[str, object]] = []
        if rng.random() < 0.004:  # noqa: PLR2004 - a misspelt event now and then
            rejected = [{"row": len(there), "reason": "event_undeclared"}]
        batch = Batch(
            installId=str(uuid.UUID(bytes=_install_of(self._seed, visit.person))),
            batch=f"demo-{number}",
            sent_at=stamp,
            run="demo",
            first=first,
            last=last,
            headers=[],
            rows=[],
            context=Context(
                package_version=visit.version,
                python=visit.python,
                os=visit.system,
                # Every sixth of those on Linux lives in a container.
                container=visit.system == "Linux" and visit.person % 6 == 0,
            ),
            dropped={"size": rng.randrange(1, 30)} if rng.random() < 0.001 else {},  # noqa: PLR2004
        )
        digest = hashlib.sha256(f"{self._seed} {number}".encode()).digest()
        return Upload(batch, accepted, rejected, digest, sent)
