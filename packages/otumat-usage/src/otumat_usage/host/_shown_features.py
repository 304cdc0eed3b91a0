"""Show which features most, which least and which never, and in which versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._charts import bars
from otumat_usage.host._crossed import crossed
from otumat_usage.host._days import iso
from otumat_usage.host._exhibit import Exhibit
from otumat_usage.host._heat import heat
from otumat_usage.host._shown_use import NOT_KNOWN

if TYPE_CHECKING:
    from otumat_usage.host._answers import Answers, Slice
    from otumat_usage.host._days import Step
    from otumat_usage.host._question import Question

__all__ = ["features", "features_by_version", "features_over_time", "least", "never"]

_BARS = 12
_ROWS = 16
_YEAR = 366
_CUT = f"The first {_BARS} of {{}}; the table has all."


def features(answers: Answers, asked: Question) -> Exhibit:
    """Show every feature by users, events or name."""
    found = _ordered(answers.features(asked.first, asked.last, where=asked.where), asked.order)
    whole = answers.total(asked.first, asked.last, where=asked.where).users
    used = [each for each in found if each.users]
    known = any(each.events is not None for each in used)
    by = "events" if asked.order == "events" and known else "users"
    items = [
        (each.value, each.events or 0, "")
        if by == "events"
        else (each.value, each.users, f" · {100 * each.users / whole:.0f} %" if whole else "")
        for each in used[:_BARS]
    ]
    notes = [_CUT.format(len(used))] if len(used) > _BARS else []
    if asked.order == "events" and used and not known:
        notes.append(NOT_KNOWN)
    return Exhibit(
        "features",
        f"Features, by {by}",
        ("Feature", "Users", "Share of users, %", "Events"),
        [(each.value, each.users, _share(each.users, whole), each.events) for each in found],
        lambda: bars(f"Features by {by}", items),
        note=" ".join(notes),
        dimension="feature",
        empty="No feature was used in these days.",
    )


def _ordered(found: list[Slice], order: str) -> list[Slice]:
    if order == "name":
        return sorted(found, key=lambda each: each.value)
    if order == "events":
        return sorted(found, key=lambda each: (-(each.events or 0), -each.users, each.value))
    return found


def _share(users: int, whole: int | None) -> float | None:
    return round(100 * users / whole, 1) if whole else None


def least(answers: Answers, asked: Question) -> Exhibit:
    """Show the features with the fewest users first, those without any included."""
    found = answers.features(asked.first, asked.last, where=asked.where)
    unused = set(answers.never_used())
    whole = answers.total(asked.first, asked.last, where=asked.where).users
    rows = [
        (each.value, each.users, _share(each.users, whole), each.events)
        for each in sorted(found, key=lambda each: (each.users, each.events or 0, each.value))
        if each.value not in unused
    ]
    return Exhibit(
        "least",
        "Least used",
        ("Feature", "Users", "Share of users, %", "Events"),
        rows[:_ROWS],
        note="Fewest users first. Zero: it was used before, but not in these days.",
        dimension="feature",
        empty="No feature was ever used.",
    )


def never(answers: Answers, _asked: Question) -> Exhibit:
    """Show what is declared but was never used by anyone."""
    return Exhibit(
        "never",
        "Declared, and never used by anyone",
        ("Feature",),
        [(name,) for name in answers.never_used()],
        note="From the events that the package declares, against everything that ever arrived.",
        empty="Every declared feature has been used, or none is declared.",
    )


def features_by_version(answers: Answers, asked: Question) -> Exhibit:
    """Show how many users used which feature in which version."""
    return crossed(
        answers,
        asked,
        ("feature", "package_version"),
        Exhibit(
            "features-by-version", "Feature and version: users of both on one day", ("Feature",), ()
        ),
    )


def features_over_time(answers: Answers, asked: Question) -> Exhibit:
    """Show the users of each feature by week, or by four weeks in a long span."""
    step: Step = "week" if asked.days <= 100 else "four weeks"  # noqa: PLR2004
    series = answers.breakdown_series(
        "feature", asked.first, asked.last, step=step, where=asked.where
    )
    names = [
        each.value
        for each in answers.breakdown("feature", asked.first, asked.last, where=asked.where)
    ]
    starts = [iso(point.start) for point in next(iter(series.values()), [])]
    table = [(name, *(point.users for point in series[name])) for name in names]
    cells = {
        (i, j): point.users
        for i, name in enumerate(names[:_ROWS])
        for j, point in enumerate(series[name])
        if point.users is not None
    }
    return Exhibit(
        "features-over-time",
        f"Features over time: users per {step}",
        ("Feature", *starts),
        table,
        lambda: heat(
            f"Users of each feature per {step}",
            names[:_ROWS],
            [start[5:] if asked.days <= _YEAR else start[2:] for start in starts],
            cells,
            unit=" users",
        ),
        dimension="feature",
    )
