"""Show what users answered to a survey, and which features those use who answered what."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from otumat_usage.host._cells import FEATURE
from otumat_usage.host._charts import bars
from otumat_usage.host._exhibit import Exhibit
from otumat_usage.host._heat import heat

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage.host import _survey
    from otumat_usage.host._answers import Answers
    from otumat_usage.host._exhibit import Cell
    from otumat_usage.host._question import Question

__all__ = ["NAME", "named", "names", "questions", "survey"]

NAME = "survey"
_CROSSED = "features"
_ROWS = 16
_HEADS = 8


def questions(answers: Answers) -> list[str]:
    """Return the names of the answers about each question by itself."""
    return [f"{NAME}.{question.id}" for question in answers.questions]


def names(answers: Answers) -> list[str]:
    """Return the names of the answers about each question: its own, and crossed with features."""
    return [name for one in questions(answers) for name in (one, f"{one}.{_CROSSED}")]


def named(name: str, answers: Answers) -> Callable[[Answers, Question], Exhibit] | None:
    """Return what shows the answer *name* of `names`, None for any other name."""
    _, _, rest = name.partition(f"{NAME}.")
    which, _, crossed = rest.partition(".")  # an id of a question holds no dot
    if name not in names(answers):
        return None
    question = next(each for each in answers.questions if each.id == which)
    return functools.partial(_crossed if crossed else _one, question)


def survey(answers: Answers, asked: Question) -> Exhibit:
    """Show every answer to every question, by those who were active."""
    active, given = _given(answers, asked)
    rows: list[tuple[Cell, ...]] = []
    for question in answers.questions:
        whole = sum(given[question.id, option] for option in question.options)
        rows += [
            (option, n, _share(n, whole), question.text)
            for option in question.options
            if (n := given[question.id, option]) or whole
        ]
    items = [(str(row[0]), int(row[1] or 0), f" · {row[2]} %") for row in rows]
    return Exhibit(
        NAME,
        "Answers to the survey",
        ("Answer", "Users", "Share of answers, %", "Question"),
        rows,
        lambda: bars("Answers to the survey", items),
        note=f"Of the {active} users of these days.",
        empty=(
            "None of the users of these days has answered."
            if answers.questions
            else "No question is asked. Put some on the consent page: otumat-usage host survey"
        ),
    )


def _one(question: _survey.Question, answers: Answers, asked: Question) -> Exhibit:
    active, given = _given(answers, asked)
    counts = [(option, given[question.id, option]) for option in question.options]
    whole = sum(n for _, n in counts)
    items = [(option, n, f" · {_share(n, whole)} %") for option, n in counts]
    return Exhibit(
        f"{NAME}.{question.id}",
        question.text,
        ("Answer", "Users", "Share of answers, %"),
        [(option, n, _share(n, whole)) for option, n in counts] if whole else [],
        lambda: bars(question.text, items, whole=whole),
        note=f"{whole} of the {active} users of these days have answered.",
        empty="None of the users of these days has answered.",
    )


def _crossed(question: _survey.Question, answers: Answers, asked: Question) -> Exhibit:
    """Show which share of those who gave each answer used which feature in these days."""
    found = answers.used_by_reply(question.id, asked.first, asked.last, where=asked.where)
    groups = {o: found.groups[o] for o in question.options if o in found.groups}
    features = [
        (name, both)
        for name, both in found.features.items()
        if any(both[option] for option in groups)
    ]
    rows: list[tuple[Cell, ...]] = []
    for name, both in features:
        pairs = ((both[option], _share(both[option], whole)) for option, whole in groups.items())
        rows.append((name, *(cell for pair in pairs for cell in pair)))
    most = sorted(groups, key=lambda option: -groups[option])[:_HEADS]
    shown = [option for option in groups if option in most]
    cells = {
        (i, j): round(100 * both[option] / groups[option])
        for i, (_, both) in enumerate(features[:_ROWS])
        for j, option in enumerate(shown)
    }
    title = f"Features by answer: {question.text}"
    cut = len(features) > _ROWS or len(groups) > _HEADS
    return Exhibit(
        f"{NAME}.{question.id}.{_CROSSED}",
        title,
        ("Feature", *(head for option in groups for head in (f"{option}: users", f"{option}: %"))),
        rows,
        lambda: heat(
            title,
            [name for name, _ in features[:_ROWS]],
            shown,
            cells,
            unit=" %",
            whole=100,
            each=True,
        ),
        note="Per cent of those who gave an answer." + (" The table has all." if cut else ""),
        dimension=FEATURE,
        empty="None of the users of these days has answered.",
    )


def _given(answers: Answers, asked: Question) -> tuple[int, dict[tuple[str, str], int]]:
    """Return how many were active, and how many of them gave each answer that is offered."""
    found = answers.replies(asked.first, asked.last, where=asked.where)
    return found.active, {
        (question.id, option): found.given.get((question.id, option), 0)
        for question in answers.questions
        for option in question.options
    }


def _share(n: int, whole: int) -> float | None:
    return round(100 * n / whole, 1) if whole else None
