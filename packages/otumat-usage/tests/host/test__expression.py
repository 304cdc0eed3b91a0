"""Laws of the filter's language: it reads what it writes, and raises one kind of error."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host._answers import DIMENSIONS
from otumat_usage.host._expression import FilterInvalid, condition, read, unseen
from otumat_usage.host._filters import AllOf, AnyOf, Is, Not
from otumat_usage.host._wire import Context

SEEN = ["unknown", "3.9", "3.10", "3.10.1", "3.11", "4"]
A, B, C = Is("python", "3.12"), Is("os", "Windows"), Is("feature", "fit model")


def values(_dimension):
    return SEEN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("  ", None),
        ("python = 3.12", A),
        ("python=3.12", A),
        ("PYTHON = 3.12", A),
        ("version = 2.0", Is("package_version", "2.0")),
        ('feature = "fit model"', C),
        ("not python = 3.12", Not(A)),
        ("python != 3.12", Not(A)),
        ("python = 3.12 and os = Windows", AllOf((A, B))),
        ('python = 3.12 OR os = Windows or feature = "fit model"', AnyOf((A, B, C))),
        ('python = 3.12 or os = Windows and feature = "fit model"', AnyOf((A, AllOf((B, C))))),
        ('(python = 3.12 or os = Windows) and feature = "fit model"', AllOf((AnyOf((A, B)), C))),
        ("not (python = 3.12 and not os = Windows)", Not(AllOf((A, Not(B))))),
        ("python < 3.10", Is("python", "3.9")),
        ("python <= 3.10", AnyOf((Is("python", "3.9"), Is("python", "3.10")))),
        ("python > 3.10", AnyOf(tuple(Is("python", v) for v in ("3.10.1", "3.11", "4")))),
        ("python >= 4.0", Is("python", "4")),
    ],
)
def test_a_filter_is_read_as_the_grammar_says(text, expected):
    assert read(text, values) == expected


def test_an_order_that_nothing_seen_satisfies_selects_nobody():
    found = read("python < 2", values)

    assert found == Is("python", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("os = linux", "os = linux was never seen; nearest: Linux, Windows, macOS."),
        ("not os = lin", "os = lin was never seen; nearest: Linux, Windows, macOS."),
        ("os = Linux and ci = yes", "ci = yes was never seen, nor any other value."),
        ("os = Linux or os = unknown or python < 2", ""),
        ("", ""),
    ],
)
def test_a_value_that_nobody_ever_had_is_named_with_those_most_like_it(text, said):
    seen = {"os": ["Linux", "Windows", "macOS"], "python": ["3.9"], "ci": []}

    assert unseen(read(text, seen.__getitem__), seen.__getitem__) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("python", "write python = VALUE"),
        ("python 3.12", "write python = VALUE"),
        ("pyhton = 3.12", "one of feature, version, python"),
        ("python =", "'the end' where a value of 'python' must stand"),
        ("python = 3.12 os = Windows", "expected and, or"),
        ("(python = 3.12", r"expected '\)'"),
        ("python = 3.12)", "expected and, or"),
        ("feature = group by", 'what has blanks stands in "quotes"'),
        ("and python = 3.12", "'and' where one of"),
        ('python = "3.12', "cannot read"),
        ("(" * 30, "nested deeper than 20"),
        ("not " * 30 + "python = 3", "nested deeper than 20"),
        (" and ".join(["python = 3"] * 60), "more than 50 conditions"),
        ("x" * 1001, "1001 characters; at most 1000"),
    ],
)
def test_what_cannot_be_read_says_what_was_expected(text, said):
    with pytest.raises(FilterInvalid, match=said):
        read(text, values)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("python 3.12", 7),
        ("os = Linux and pyhton = 3.12", 15),
        ("python = ", 9),
        ("python = 3.12 os = Windows", 14),
        ("  )", 2),
        ('os = Linux and  "x', 16),
        ("(" * 30 + "os = x", 21),
        ("x" * 1001, 1000),
    ],
)
def test_what_cannot_be_read_says_where(text, at):
    with pytest.raises(FilterInvalid) as caught:
        read(text, values)

    assert caught.value.at == at


@given(st.text(alphabet="python=3.12 ()<>!\"'andortefu\n\0\\%é", max_size=60))
def test_any_text_is_read_or_refused_with_one_kind_of_error(text):
    with contextlib.suppress(FilterInvalid):
        read(text, values)


def test_a_filter_asks_for_what_a_client_can_tell_and_nothing_else():
    told = [field.name for field in msgspec.structs.fields(Context)]

    assert list(DIMENSIONS) == ["feature", *told]


@given(
    st.sampled_from(DIMENSIONS),
    st.text(min_size=1, max_size=30).filter(lambda text: '"' not in text),
)
def test_a_condition_that_is_written_is_read_back(dimension, value):
    assert read(condition(dimension, value), values) == Is(dimension, value)
