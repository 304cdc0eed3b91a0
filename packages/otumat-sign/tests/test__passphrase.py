"""Passphrases are asked for at a terminal or read from elsewhere, never taken from arguments."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from otumat_sign import PassphraseError
from otumat_sign._passphrase import choose, resolve


def test_one_final_newline_is_not_part_of_it(monkeypatch):
    for value, expected in (("a", b"a"), ("a\n", b"a"), ("a\r\n", b"a"), ("a\n\n", b"a\n")):
        monkeypatch.setenv("P", value)
        assert resolve("env:P", prompt="") == expected


def test_the_variable_is_looked_at_when_nothing_is_said(monkeypatch):
    monkeypatch.setenv("OTUMAT_SIGN_PASSPHRASE", "é")

    assert resolve(None, prompt="") == "é".encode()
    assert choose(None) == "é".encode()


def test_a_passphrase_as_such_is_refused_without_repeating_it():
    with pytest.raises(PassphraseError, match="never directly") as caught:
        resolve("hunter2", prompt="")

    assert "hunter2" not in str(caught.value)


def test_without_a_terminal_nobody_is_asked(monkeypatch):
    for source in (None, "prompt"):
        with pytest.raises(PassphraseError, match="no terminal"):
            resolve(source, prompt="")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(PassphraseError, match="no terminal"):
        resolve(None, prompt="")


def test_a_source_that_is_not_there_is_said_to_be_missing():
    with pytest.raises(PassphraseError, match="no passphrase in env:NOT_SET"):
        resolve("env:NOT_SET", prompt="")


def test_an_empty_passphrase_protects_nothing(monkeypatch):
    monkeypatch.setenv("P", "\n")

    with pytest.raises(PassphraseError, match="is empty"):
        choose("env:P")


_ASK = "import sys; from otumat_sign._passphrase import *; print({!r}, {}, sep='')"


@pytest.mark.service
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize(
    ("call", "typed", "last"),
    [
        ("resolve(None, prompt='P: ')", b"secret\n", b"got b'secret'"),
        ("choose(None)", b"secret\nsecret\n", b"got b'secret'"),
        (
            "choose('prompt')",
            b"secret\nother\n",
            b"the two passphrases differ: nothing was written",
        ),
        ("choose(None)", b"\n\n", b"the passphrase is empty"),
        ("resolve(None, prompt='P: ')", b"\x04", b"no passphrase was given"),
    ],
    ids=["once", "twice", "differ", "empty", "end of file"],
)
def test_a_terminal_is_asked_and_shows_nothing(call, typed, last):
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _ASK.format("got ", call)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    try:
        lines = typed.splitlines(keepends=True)
        while True:
            part = os.read(ours, 1000)
            seen += part
            if lines and seen.count(b": ") > len(typed.splitlines()) - len(lines):
                os.write(ours, lines.pop(0))
            if last in seen:
                break
    finally:
        process.kill()
        process.wait()
        os.close(ours)

    assert b"secret" not in seen.replace(b"got b'secret'", b"")
