"""Ask a package's users a few questions on the consent page: choices only, each may be left out.

No free text, so that nobody can write a name into it by accident, and no question that
must be answered, so that a yes is never the price of one.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence

from otumat_usage.host._errors import PackageInvalid

__all__ = ["Question", "answered", "questions_of"]

_ID = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_MOST_QUESTIONS = 5
_MOST_OPTIONS = 12
_LONGEST_TEXT = 200
_LONGEST_OPTION = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """One question: its name in the store, its words, and what may be answered."""

    id: str
    text: str
    options: tuple[str, ...]


def questions_of(data: object) -> tuple[Question, ...]:
    """Return the questions in *data*, a list of ``{"id", "text", "options"}``.

    Raises:
        PackageInvalid: too many, a name that comes twice, a text too long or unprintable.
    """
    if not isinstance(data, Sequence) or isinstance(data, str) or len(data) > _MOST_QUESTIONS:
        raise PackageInvalid(f"a survey is a list of at most {_MOST_QUESTIONS} questions")
    found = tuple(_question(each) for each in data)
    if len({question.id for question in found}) != len(found):
        raise PackageInvalid("a survey: two questions have one id")
    return found


def answered(questions: Sequence[Question], form: Mapping[str, str]) -> str | None:
    """Return a form's answers as they are stored, None when nothing was answered.

    Raises:
        ValueError: an answer is none of its question's options.
    """
    answers = {}
    for question in questions:
        given = form.get(f"survey-{question.id}", "")
        if given and given not in question.options:
            raise ValueError(question.id)
        if given:
            answers[question.id] = given
    return json.dumps(answers, sort_keys=True) if answers else None


def _question(data: object) -> Question:
    if not isinstance(data, Mapping) or set(data) != {"id", "text", "options"}:
        raise PackageInvalid("a question has exactly the members id, text and options")
    name, text, options = data["id"], data["text"], data["options"]
    if not isinstance(name, str) or _ID.fullmatch(name) is None:
        raise PackageInvalid(f"{name!r} is no id of a question: a-z, 0-9, '-' and '_'")
    if not _readable(text, _LONGEST_TEXT):
        raise PackageInvalid(f"question {name!r}: 1 to {_LONGEST_TEXT} printable characters")
    several = isinstance(options, list | tuple) and 2 <= len(options) <= _MOST_OPTIONS  # noqa: PLR2004
    if not several or not all(_readable(option, _LONGEST_OPTION) for option in options):
        raise PackageInvalid(
            f"question {name!r}: 2 to {_MOST_OPTIONS} options of 1 to {_LONGEST_OPTION} characters"
        )
    if len(set(options)) != len(options):
        raise PackageInvalid(f"question {name!r}: an option comes twice")
    return Question(name, text, tuple(options))


def _readable(text: object, most: int) -> bool:
    return isinstance(text, str) and 0 < len(text.strip()) <= most and text.isprintable()
