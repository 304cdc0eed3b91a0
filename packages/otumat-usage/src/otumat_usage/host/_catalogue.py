"""List every answer there is, by name, and which page shows it."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

from otumat_usage.host import _shown_features as features
from otumat_usage.host import _shown_health as health
from otumat_usage.host import _shown_survey as survey
from otumat_usage.host import _shown_use as use
from otumat_usage.host import _shown_versions as versions
from otumat_usage.host._errors import ServingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otumat_usage.host._answers import Answers
    from otumat_usage.host._exhibit import Exhibit
    from otumat_usage.host._question import Question

__all__ = ["EXHIBITS", "PAGES", "ExhibitUnknown", "exhibit", "shown_on"]


class ExhibitUnknown(ServingError, LookupError):  # noqa: N818 - named for the state
    """There is no answer of that name; the message lists those there are."""


def _by(dimension: str) -> Callable[[Answers, Question], Exhibit]:
    return functools.partial(versions.latest, dimension)


EXHIBITS: Mapping[str, Callable[[Answers, Question], Exhibit]] = {
    "actives": use.actives,
    "events": use.events,
    "frequency": use.frequency,
    "features": features.features,
    "least": features.least,
    "never": features.never,
    "features-over-time": features.features_over_time,
    "features-by-version": features.features_by_version,
    "versions": _by("package_version"),
    "adoption": versions.adoption,
    "halves": versions.halves,
    "python": _by("python"),
    "os": _by("os"),
    "pythons-over-time": versions.pythons_over_time,
    "pythons-and-systems": versions.pythons_and_systems,
    "ci": _by("ci"),
    "container": _by("container"),
    "drop-python": functools.partial(versions.drop_up_to, "python"),
    "drop-version": functools.partial(versions.drop_up_to, "package_version"),
    "drop": versions.drop,
    "retention": use.retention,
    "lifecycle": use.lifecycle,
    survey.NAME: survey.survey,
    "health": health.health,
    "decisions": health.decisions,
}
#: What no filter changes; the survey while nothing is asked in it.
_OF_EVERYONE = frozenset(
    ("never", "drop-python", "drop-version", "drop", survey.NAME, "health", "decisions")
)
#: Address, title, and what stands on the page.
PAGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "": ("Overview", ("actives", "events", "features", "frequency", "versions")),
    "features": ("Features", ("features", "features-by-version", "features-over-time")),
    "unused": ("Unused", ("never", "least")),
    "versions": ("Versions", ("adoption", "versions", "halves")),
    "platforms": (
        "Platforms",
        ("python", "os", "pythons-over-time", "pythons-and-systems", "ci", "container"),
    ),
    "drop": ("What breaks", ("drop-python", "drop-version", "drop")),
    "retention": ("Retention", ("retention", "lifecycle", "frequency")),
    "survey": ("Survey", (survey.NAME,)),
    "health": ("Data health", ("health", "decisions")),
}


def exhibit(name: str, answers: Answers, asked: Question) -> Exhibit:
    """Return the answer *name* to what is *asked*.

    Raises:
        ExhibitUnknown: there is none of that name.
    """
    make = EXHIBITS.get(name) or survey.named(name, answers)
    if make is None:
        known = [*EXHIBITS, *survey.names(answers)]
        raise ExhibitUnknown(f"no answer {name!r}; there are {', '.join(known)}")
    found = make(answers, asked)
    if asked.unseen and name not in _OF_EVERYONE:
        # Of a value that nobody ever had, that is the answer.
        return dataclasses.replace(found, empty=asked.unseen)
    return found


def shown_on(page: str, answers: Answers) -> list[str]:
    """Return the names of what stands on *page*: of a survey, each question by itself."""
    asked = survey.names(answers) if page == survey.NAME else []
    return asked or list(PAGES[page][1])
