"""Put into plain words what is held about one installation, for the page of its user."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING

from otumat_usage.host import _packages
from otumat_usage.host._cells import in_words
from otumat_usage.host._days import day_of, iso
from otumat_usage.host._log import context_values, entries, type_names
from otumat_usage.host._rights import agreement

if TYPE_CHECKING:
    from typing import Any

    from otumat_usage.host._database import Connection

__all__ = ["SHOWN", "Held", "held", "told_how"]

#: Rows of days and events that the page shows; the download has all.
SHOWN = 500
#: Where a user agreed, and how they showed who they are: the parts of `Consent.how`.
_PLACES = {
    "browser": "on the host's page in a browser",
    "device": "with a code from a program without a browser",
    "program": "by a program of the package's makers, who say that you agreed",
    "0.3": "asked by a program with otumat 0.3",
}
_PROOFS = {
    "email": "after you opened a link that was mailed to you",
    "oidc": "after you signed in elsewhere",
}
_NAMES = {"package_version": "version", "python": "Python", "os": "system", "ci": "CI"}


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """Everything about one installation.

    Attributes:
        install: The record of its consent, as the export has it.
        how: How that was given, in words.
        survey: What was asked, and what was answered.
        grants: What its programs may do, as the export has it.
        uploads: How many there are.
        events: How many there are in them; one that says it happened n times is n.
        days: Day, event and how often; the latest day first.
        more: How many rows of these are left out.
        contexts: What was told about the computer, in words.
        dropped: How many events the programs dropped themselves.
    """

    install: dict[str, Any]
    how: str
    survey: list[tuple[str, str]]
    grants: list[dict[str, Any]]
    uploads: int
    events: int
    days: list[tuple[str, str, int]]
    more: int
    contexts: list[str]
    dropped: int


def held(connection: Connection, install: bytes) -> Held | None:
    """Return what is held about *install*, None when there is no such install."""
    known: list[dict[str, Any]] = list(agreement(connection, install))
    if not known:
        return None
    record, *grants = known
    package = _packages.find(connection, record["package"])
    names, told = type_names(connection, package.id), context_values(connection, package.id)
    days: collections.Counter[tuple[int, str]] = collections.Counter()
    contexts: dict[str, None] = {}
    uploads = dropped = 0
    for entry in entries(connection, package.id, install=install):
        uploads += 1
        dropped += sum(entry.dropped.values())
        contexts[_told(told[entry.context])] = None
        for at, kind, count in zip(entry.times, entry.kinds, entry.counts, strict=True):
            days[day_of(at), names[kind]] += count
    rows = sorted(days.items(), key=lambda item: (-item[0][0], item[0][1]))
    return Held(
        install=record,
        how=told_how(record["consent"]["how"]),
        survey=_answers(package, record.get("survey", {})),
        grants=grants,
        uploads=uploads,
        events=sum(days.values()),
        days=[(iso(day), name, count) for (day, name), count in rows[:SHOWN]],
        more=max(0, len(rows) - SHOWN),
        contexts=[words for words in contexts if words],
        dropped=dropped,
    )


def told_how(how: str) -> str:
    """Return in words how a consent was given."""
    parts = how.split("-")
    known = [words[part] for words in (_PLACES, _PROOFS) for part in parts if part in words]
    return ", ".join(known) or how


def _told(context: dict[str, object]) -> str:
    """Return a context as one line, such as ``version 1.4.2, Python 3.12, system Linux``."""
    return ", ".join(
        f"{_NAMES.get(name, name)} {in_words(value)}"
        for name, value in context.items()
        if in_words(value)
    )


def _answers(package: _packages.Package, given: dict[str, str]) -> list[tuple[str, str]]:
    """Return the questions, by their ids where they are no longer asked, and the answers."""
    asked = {question.id: question.text for question in package.survey}
    return [(asked.get(name, name), answer) for name, answer in given.items()]
