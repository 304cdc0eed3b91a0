"""A question reads its days, its order and its filter, and says what it cannot read."""

import types

import pytest

from otumat_usage.host._days import day_number, iso
from otumat_usage.host._question import QuestionInvalid, ask

TODAY = day_number("2026-11-28")
ANSWERS = types.SimpleNamespace(today=TODAY, values=lambda _: [])


def span(**given):
    asked = ask(ANSWERS, {name.rstrip("_"): text for name, text in given.items()})
    return iso(asked.first), iso(asked.last)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("2026-08-31", "2026-11-28")),
        ({"days": "1"}, ("2026-11-28", "2026-11-28")),
        ({"to": "2026-01-31", "days": "31"}, ("2026-01-01", "2026-01-31")),
        ({"from_": "2026-11-01"}, ("2026-11-01", "2026-11-28")),
        ({"from_": "2024-02-29", "to": "2024-02-29"}, ("2024-02-29", "2024-02-29")),
        ({"from_": "2026-11-01", "days": "7"}, ("2026-11-01", "2026-11-28")),
    ],
)
def test_a_span_ends_today_or_on_the_day_asked_for(given, expected):
    assert span(**given) == expected


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"days": "0"}, "'0' days"),
        ({"days": "801"}, "1 to 800"),
        ({"days": "00001" + "9" * 9}, "1 to 800"),
        ({"days": "1" + "0" * 5000}, "1 to 800"),
        ({"days": "\N{ARABIC-INDIC DIGIT ONE}"}, "expected a number"),
        ({"to": "2026-11-29"}, "has not come yet"),
        ({"to": "20260101"}, "is no day"),
        ({"to": "2026-02-30"}, "is no day"),
        ({"to": "1969-12-31"}, "is no day"),
        ({"from_": "2026-W01-1"}, "is no day"),
        ({"from_": "2026-11-28", "to": "2026-11-27"}, "comes after the last day"),
        ({"from_": "1970-01-01"}, "expected 1 to 800"),
        ({"order": "size"}, "is no order"),
    ],
)
def test_what_cannot_be_asked_is_said(given, word):
    with pytest.raises(QuestionInvalid, match=word):
        span(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"days": "7"},
        {"from": "2026-01-01", "to": "2026-03-31", "order": "name"},
        {"to": "2026-03-31"},
        {"without": "python < 3.11"},
    ],
)
def test_a_query_string_asks_the_same_again(given):
    from urllib.parse import parse_qsl

    asked = ask(ANSWERS, given)

    assert ask(ANSWERS, dict(parse_qsl(asked.query().lstrip("?")))) == asked
