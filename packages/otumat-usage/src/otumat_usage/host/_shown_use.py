"""Show how many and how often: users over time, events, frequency, coming and going."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._charts import columns, lines
from otumat_usage.host._days import iso, monday
from otumat_usage.host._exhibit import Exhibit
from otumat_usage.host._heat import heat

if TYPE_CHECKING:
    from otumat_usage.host._answers import Answers
    from otumat_usage.host._days import Step
    from otumat_usage.host._question import Question

__all__ = ["NOT_KNOWN", "actives", "events", "frequency", "lifecycle", "retention"]

#: Said where a filter leaves no events that can be told apart.
NOT_KNOWN = "Events cannot be told apart under this filter; users can."
_WINDOWS = (1, 7, 28)
_COHORTS = 12
_WEEKS = 26
_WEEK_STEPS = 120  # days from which on events are added up by week
_FEW = 3  # installs that must have a version on one day before it counts as released


def actives(answers: Answers, asked: Question) -> Exhibit:
    """Show the users of 1, 7 and 28 days that end on each day, with the releases."""
    every = 1 if asked.days <= _WEEK_STEPS else 7
    rolling = [  # the widest first: it reads all that the others need
        answers.rolling(asked.first, asked.last, window=window, every=every, where=asked.where)
        for window in _WINDOWS[::-1]
    ]
    found = rolling[::-1]
    days = [iso(point.end) for point in found[0]]
    values = [[point.users for point in points] for points in found]
    names = ("1 day", "7 days", "28 days")
    marks = _releases(answers, asked, every)
    named = dict(marks)
    rows = [
        (day, *counts, named.get(place, ""))
        for place, (day, *counts) in enumerate(zip(days, *values, strict=True))
    ]
    return Exhibit(
        "actives",
        "Active users",
        ("Day (UTC)", "Users of 1 day", "Users of 7 days", "Users of 28 days", "Release"),
        rows[::-1],
        lambda: lines("Active users", days, list(zip(names, values, strict=True)), marks=marks),
        note="Users of the 1, 7 and 28 days that end on a day. "
        "Release (dashed): the first day of a version.",
    )


def _releases(answers: Answers, asked: Question, every: int) -> list[tuple[int, str]]:
    """Return where on the plot each version was first used, by a few people, in the span."""
    used = answers.first_uses("package_version", asked.first, asked.last)
    found: dict[int, str] = {}
    for version, (day, users) in sorted(used.items()):
        place = day - asked.first
        if place >= every and users >= _FEW:  # else it was there before, or is nobody's yet
            found.setdefault(place // every, version)
    return sorted((place, name) for place, name in found.items() if name != "unknown")


def events(answers: Answers, asked: Question) -> Exhibit:
    """Show users and events of each day, or of each week in a long span."""
    step: Step = "day" if asked.days <= _WEEK_STEPS else "week"
    points = answers.series(asked.first, asked.last, step=step, where=asked.where)
    days = [iso(point.start) for point in points]
    counts = [point.events for point in points]
    known = any(count is not None for count in counts)
    shown = counts if known else [point.users for point in points]
    what = "Events" if known else "Users"
    return Exhibit(
        "events",
        f"{what} per {step}",
        (f"{step.capitalize()} from (UTC)", "Users", "Events"),
        [(iso(point.start), point.users, point.events) for point in points][::-1],
        lambda: columns(f"{what} per {step}", days, [(what.lower(), shown)]),
        note="" if known else NOT_KNOWN,
    )


def frequency(answers: Answers, asked: Question) -> Exhibit:
    """Show on how many of the last 28 days users were active."""
    first = answers.today - 27
    counts = answers.frequency(first, answers.today, where=asked.where)
    names = [str(days) for days in range(1, len(counts) + 1)]
    return Exhibit(
        "frequency",
        "How often: days active of the last 28",
        ("Days active", "Users"),
        list(zip(names, counts, strict=True)) if any(counts) else [],
        lambda: columns("Users by days active of the last 28", names, [("users", counts)]),
        note="How many users were active on how many days.",
        empty="Nobody was active in the last 28 days.",
    )


def retention(answers: Answers, asked: Question) -> Exhibit:
    """Show of each week's new users how many came back in the weeks after."""
    # The running week is left out: it would look as if fewer came back.
    cohorts = answers.retention(_COHORTS + 1, where=asked.where)[:-1]
    most = max((len(cohort.back) - 1 for cohort in cohorts), default=0)
    weeks = [str(week) for week in range(most)]
    rows: list[tuple[str | int | None, ...]] = []
    cells = {}
    for place, cohort in enumerate(cohorts):
        back = cohort.back[:-1]
        rows.append((iso(cohort.start), cohort.size, *back, *[None] * (most - len(back))))
        if cohort.size:
            shares = [round(100 * count / cohort.size) for count in back]
            cells.update({(place, week): share for week, share in enumerate(shares)})
    names = [f"{iso(cohort.start)[5:]} · {cohort.size}" for cohort in cohorts]
    return Exhibit(
        "retention",
        "Who comes back: new users by week, % active n weeks later",
        ("Week from (UTC)", "New users", *(f"Week {week}" for week in weeks)),
        rows[::-1],
        lambda: heat(
            "Percent of new users active n weeks later", names, weeks, cells, unit=" %", whole=100
        ),
        note="A row is a week and its number of new users; its columns are the weeks after. "
        "The table has numbers of users.",
        empty="Nobody new in these weeks; the running week is not shown.",
    )


def lifecycle(answers: Answers, asked: Question) -> Exhibit:
    """Show who came, stayed, came back and went, week by week."""
    weeks = min(_WEEKS, max(4, asked.days // 7))
    start = monday(answers.today)
    found = [w for w in answers.lifecycle(weeks + 1, where=asked.where) if w.start < start]
    days = [iso(week.start) for week in found]
    series = [
        ("new", [week.new for week in found]),
        ("returning", [week.returning for week in found]),
        ("back after a pause", [week.resurrected for week in found]),
        ("gone", [week.churned for week in found]),
    ]
    return Exhibit(
        "lifecycle",
        "New, returning, back, gone: by week",
        ("Week from (UTC)", "New", "Returning", "Back after a pause", "Gone since the week before"),
        [(iso(w.start), w.new, w.returning, w.resurrected, w.churned) for w in found][::-1],
        lambda: lines("New, returning, back and gone users by week", days, list(series)),
        note="Users. Returning: active in the week before, too. Back: not in it, but earlier. "
        "Gone: in it, and no more.",
        empty="Nobody in these weeks; the running week is not shown.",
    )
