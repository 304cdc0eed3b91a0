"""Show what runs where: versions, Pythons, systems, and what breaks if one is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _expression
from otumat_usage.host._answers import AllOf, Answers, AnyOf, Is
from otumat_usage.host._charts import bars, shares
from otumat_usage.host._crossed import crossed
from otumat_usage.host._days import iso
from otumat_usage.host._exhibit import Exhibit
from otumat_usage.host._filters import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otumat_usage.host._days import Step
    from otumat_usage.host._exhibit import Cell
    from otumat_usage.host._question import Question

__all__ = [
    "adoption",
    "drop",
    "drop_up_to",
    "halves",
    "latest",
    "pythons_and_systems",
    "pythons_over_time",
]

#: What a dimension is called in a title.
TITLES = {
    "package_version": "version",
    "python": "Python",
    "os": "operating system",
    "ci": "CI",
    "container": "container",
}
_NOTE = "Each user once, by what was used last in these days."
_CI_NOTE = f"{_NOTE} A job on CI is often a new user each time."
_SILENT = "No client has told in these days."
_BARS = 8
_MOST = 16
_HALF = 0.5
_MONTH = 28


def latest(dimension: str, answers: Answers, asked: Question) -> Exhibit:
    """Show every user once, by the value of *dimension* on the last active day."""
    # How many ran on CI is asked about everything, what is left out elsewhere included.
    where = asked.chosen if dimension == "ci" else asked.where
    found = answers.latest(dimension, asked.first, asked.last, where=where)
    if all(each.value == UNKNOWN for each in found):
        found = []
    whole = sum(each.users for each in found)
    title = f"Users by {TITLES[dimension]}"
    items = [(e.value, e.users, f" · {100 * e.users / whole:.0f} %") for e in found[:_BARS]]
    return Exhibit(
        "versions" if dimension == "package_version" else dimension,
        title,
        (TITLES[dimension].capitalize(), "Users", "Share, %"),
        [(each.value, each.users, round(100 * each.users / whole, 1)) for each in found],
        lambda: bars(title, items, whole=whole),
        note=_CI_NOTE if dimension == "ci" else _NOTE,
        dimension=dimension,
        empty=f"{_SILENT} Our own client records nothing on CI." if dimension == "ci" else _SILENT,
    )


def adoption(answers: Answers, asked: Question) -> Exhibit:
    """Show how the users of each week divide among versions."""
    return _over_time("package_version", "adoption", answers, asked)


def pythons_over_time(answers: Answers, asked: Question) -> Exhibit:
    """Show how the users of each week divide among Pythons."""
    return _over_time("python", "pythons-over-time", answers, asked)


def _over_time(dimension: str, name: str, answers: Answers, asked: Question) -> Exhibit:
    step: Step = "week" if asked.days > 45 else "day"  # noqa: PLR2004
    series = answers.breakdown_series(
        dimension, asked.first, asked.last, step=step, where=asked.where
    )
    order = {value: place for place, value in enumerate(answers.values(dimension))}
    names = sorted(series, key=lambda value: order.get(value, -1), reverse=True)
    starts = [iso(point.start) for point in next(iter(series.values()), [])]
    users = {value: [point.users for point in series[value]] for value in names}
    rows: list[tuple[Cell, ...]] = [
        (start, *(users[value][place] for value in names)) for place, start in enumerate(starts)
    ]
    title = f"Share of {TITLES[dimension]}s in use, per {step}"
    return Exhibit(
        name,
        title,
        (f"{step.capitalize()} from (UTC)", *names),
        rows[::-1],
        lambda: shares(title, starts, [(value, users[value]) for value in names]),
        note=f"Newest first. A user of two in one {step} counts for both. "
        "The table has numbers of users.",
    )


def halves(answers: Answers, asked: Question) -> Exhibit:
    """Show how many days each version took to reach half of the users active that day."""
    # First, because it reads some days more.
    all_days = answers.rolling(asked.first, asked.last, window=7, where=asked.where)
    used = answers.first_uses("package_version", asked.first, asked.last, where=asked.where)
    users = {point.end: point.users for point in all_days}
    rows: list[tuple[Cell, ...]] = []
    order = answers.values("package_version")
    for version in sorted(used, key=lambda v: order.index(v) if v in order else -1, reverse=True):
        started, _ = used[version]
        if started < asked.first + 7:
            continue  # it was there before these days, so its first day is not known
        newer = order[order.index(version) :] if version in order else [version]
        # Not before the first use of any of them.
        first = min(used[value][0] for value in newer if value in used)
        reached = _reached(answers, asked, newer, users, first)
        took = None if reached is None else reached - started
        rows.append((version, iso(started), took))
    return Exhibit(
        "halves",
        "Days until half of the users had moved",
        ("Version", "First used (UTC)", "Days to half"),
        rows,
        note="To this version or a newer one, of the users of 7 days. Empty: not yet.",
        empty="No version was first used in these days.",
    )


def _reached(
    answers: Answers,
    asked: Question,
    newer: Sequence[str],
    users: Mapping[int, int | None],
    first: int,
) -> int | None:
    """Return the first day on which half of the users of 7 days had one of *newer*."""
    moved = AnyOf(tuple(Is("package_version", value) for value in newer))
    where = moved if asked.where is None else AllOf((asked.where, moved))
    # A month at a time: most versions are taken up long before the span ends.
    for start in range(first, asked.last + 1, _MONTH):
        end = min(start + _MONTH - 1, asked.last)
        for point in answers.rolling(start, end, window=7, where=where):
            if point.users and point.users >= _HALF * (users.get(point.end) or 0):
                return point.end
    return None


def pythons_and_systems(answers: Answers, asked: Question) -> Exhibit:
    """Show how many users run which Python on which system."""
    return crossed(
        answers,
        asked,
        ("python", "os"),
        Exhibit(
            "pythons-and-systems", "Python and operating system: users of both", ("Python",), ()
        ),
    )


def drop(answers: Answers, asked: Question) -> Exhibit:
    """Show who would be left behind without what was asked, or without each single value."""
    wanted = (
        [asked.without]
        if asked.without
        else [
            _expression.condition(dimension, each.value)
            for dimension in ("python", "package_version", "os")
            for each in answers.breakdown(dimension, asked.first, asked.last)
            if each.value != UNKNOWN
        ]
    )
    title = f"If we drop {asked.without}" if asked.without else "If we drop a single one"
    return _left_behind("drop", title, answers, asked, wanted)


def drop_up_to(dimension: str, answers: Answers, asked: Question) -> Exhibit:
    """Show who would be left behind if each value and all older ones were dropped."""
    used = {each.value for each in answers.breakdown(dimension, asked.first, asked.last)}
    wanted = [
        _expression.condition(dimension, value, sign="<=")
        for value in answers.values(dimension)
        if value in used and value != UNKNOWN
    ]
    word = "Python" if dimension == "python" else "version"
    name = "drop-python" if dimension == "python" else "drop-version"
    # The last one would drop everybody.
    return _left_behind(name, f"If we drop a {word} and all before it", answers, asked, wanted[:-1])


def _left_behind(
    name: str, title: str, answers: Answers, asked: Question, wanted: Sequence[str]
) -> Exhibit:
    whole = answers.total(asked.first, asked.last).users or 0
    found = []
    for text in wanted:
        condition = _expression.read(text, answers.values)
        if condition is None:
            continue
        used = answers.total(asked.first, asked.last, where=condition).users
        lost = answers.lost_without(condition, asked.first, asked.last)
        found.append((text, used, lost, round(100 * lost / whole, 1) if whole else None))
    if name == "drop":
        found.sort(key=lambda row: row[2])
    items = [(text, lost, f" · {share} %") for text, _, lost, share in found[:_MOST]]
    return Exhibit(
        name,
        title,
        ("If we drop", "Used it", "Used nothing else", "Share of users, %"),
        found,
        lambda: bars(title, items, whole=whole),
        note="Users who used nothing else in these days: they would be left behind.",
        empty="There is only one in these days.",
    )
