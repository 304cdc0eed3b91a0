"""Count who of a span gave which reply to a survey, and which features those used."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from otumat_usage.host._wholes import users_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.host._bitmaps import BitMap
    from otumat_usage.host._facts import Facts
    from otumat_usage.host._filters import Filter

__all__ = ["Replies", "Used", "replies", "used"]


@dataclasses.dataclass(frozen=True, slots=True)
class Replies:
    """How many were active, and how many of them replied what, by question and option."""

    active: int
    given: Mapping[tuple[str, str], int]


@dataclasses.dataclass(frozen=True, slots=True)
class Used:
    """Of one question: how many gave each option, and how many of them used each feature.

    Features that none of them used are left out; the one with most users comes first.
    """

    groups: Mapping[str, int]
    features: Mapping[str, Mapping[str, int]]


def replies(facts: Facts, first: int, last: int, where: Filter | None) -> Replies:
    """Return what those who were active in the span replied."""
    everyone = users_of(facts.parts(where, first, last))
    given = {pair: len(users & everyone) for pair, users in facts.surveyed().items()}
    return Replies(len(everyone), {pair: count for pair, count in given.items() if count})


def used(
    facts: Facts,
    question: str,
    span: tuple[int, int],
    where: Filter | None,
    features: Mapping[str, BitMap],
) -> Used:
    """Return what those used who were active in *span*, by their reply to *question*.

    Args:
        facts: Where the replies come from.
        question: Its id.
        span: The first and the last day.
        where: Only the days of users that satisfy it.
        features: Who used which feature on these days.
    """
    everyone = users_of(facts.parts(where, *span))
    groups = {
        option: users & everyone
        for (asked, option), users in sorted(facts.surveyed().items())
        if asked == question and not users.isdisjoint(everyone)
    }
    by_feature = {
        name: {option: len(users & group) for option, group in groups.items()}
        for name, users in sorted(features.items(), key=lambda each: (-len(each[1]), each[0]))
    }
    return Used(
        {option: len(group) for option, group in groups.items()},
        {name: both for name, both in by_feature.items() if any(both.values())},
    )
