"""Asking a command of the system never raises and never waits for ever."""

import sys

from otumat_usage import _command


def test_what_it_says_and_how_it_ends_is_told():
    code = "import sys; print(input()); sys.exit('oops')"
    said = _command.run(sys.executable, "-c", code, feed=b"hello")

    assert not said
    assert (said.code, said.text) == (1, "hello")
    assert said.err.strip() == b"oops"


def test_what_is_not_there_or_takes_too_long_is_a_failure():
    assert _command.run("/nonexistent/program").code == -1
    assert _command.run("with\0null").code == -1
    slow = "import time; time.sleep(60)"
    assert _command.run(sys.executable, "-c", slow, seconds=0.2).code == -1


def test_it_speaks_the_plain_locale_and_has_an_empty_stdin(monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    code = "import os, sys; print(os.environ['LC_ALL'], repr(sys.stdin.read()))"

    assert _command.run(sys.executable, "-c", code).text == "C ''"
