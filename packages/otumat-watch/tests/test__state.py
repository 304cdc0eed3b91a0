"""Laws of output as arguments."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_watch._state import arguments_from, output_cap
from otumat_watch.exceptions import StateError, StateTooLargeError

CAP = 10_000


@pytest.mark.parametrize(
    ("output", "arguments"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a\n\nb", ["a", "", "b"]),
        (b"a\r\nb\r\r\n", ["a", "b\r"]),
        (b"\xff\n", ["\udcff"]),
        (b"\xe2\x80\xa8\x0b\x0c\n", ["\u2028\x0b\x0c"]),
    ],
)
def test_lines_end_at_newlines_only(output, arguments):
    assert arguments_from(output, cap=CAP) == arguments


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50)))
def test_every_line_comes_back_as_the_bytes_that_were_printed(lines):
    lines = [
        line.replace(b"\n", b"").replace(b"\0", b"").removesuffix(b"\r") + b"." for line in lines
    ]

    arguments = arguments_from(b"".join(line + b"\n" for line in lines), cap=CAP)

    assert [argument.encode("utf-8", "surrogateescape") for argument in arguments] == lines


def test_a_nul_cannot_be_passed():
    with pytest.raises(StateError, match="NUL"):
        arguments_from(b"a\0b\n", cap=CAP)


@pytest.mark.parametrize(
    ("output", "words"),
    [(b"x" * 101, "more than 100"), (b"\n" * 50, "50 lines")],
)
def test_what_the_system_would_not_pass_is_refused(output, words):
    with pytest.raises(StateTooLargeError, match=words):
        arguments_from(output, cap=100)


def test_a_line_longer_than_one_argument_may_be_is_refused():
    with pytest.raises(StateTooLargeError, match="a line"):
        arguments_from(b"x" * 131_072, cap=1 << 20)


@pytest.mark.skipif(os.name == "nt", reason="sysconf")
def test_the_environment_takes_from_what_arguments_may_have():
    roomy = output_cap({})
    limit = os.sysconf("SC_ARG_MAX")

    assert 0 < roomy <= 1024 * 1024
    assert output_cap({"A": "x" * (limit - 10_000)}) < 10_000
    assert output_cap({"A": "x" * limit}) == 0
