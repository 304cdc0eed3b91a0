"""Secrets come from a path, a variable, a descriptor or a program."""

from __future__ import annotations

import os
import shlex
import sys
import threading

import pytest

from otumat_sign import KeyNotFoundError, UnusableKeyError
from otumat_sign._keyuri import MAXIMUM_BYTES, read


def test_a_path_is_read_and_may_start_at_home(tmp_path, monkeypatch):
    (tmp_path / "key").write_bytes(b"pem")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    assert read(tmp_path / "key") == read(str(tmp_path / "key")) == read("~/key") == b"pem"


def test_a_path_that_looks_like_a_uri_is_a_path_when_written_as_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "env:KEY").write_bytes(b"pem")
    (tmp_path / "pkcs11:x").write_bytes(b"pem")

    assert read("./env:KEY") == read("pkcs11:x") == b"pem"


def test_a_variable_holds_the_key_itself(monkeypatch):
    monkeypatch.setenv("KEY", "pem\n")

    assert read("env:KEY") == b"pem\n"


def test_a_descriptor_is_read_to_its_end_and_left_open():
    reading, writing = os.pipe()
    feeder = threading.Thread(target=lambda: (os.write(writing, b"pem"), os.close(writing)))
    feeder.start()

    assert read(f"fd:{reading}") == b"pem"
    feeder.join()
    os.close(reading)


def test_a_program_is_run_without_a_shell():
    program = shlex.join([sys.executable, "-c", "print('$HOME; pem')"])

    assert read(f"cmd:{program}").strip() == b"$HOME; pem"


@pytest.mark.parametrize(
    "uri", ["nowhere", "env:NOT_SET", "env:", "fd:987", "fd:x", "cmd:/nowhere/x", "cmd:"]
)
def test_what_is_not_there_is_a_missing_file(uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(KeyNotFoundError, match=uri) as caught:
        read(uri)

    assert isinstance(caught.value, FileNotFoundError)


def test_what_is_there_but_cannot_be_read_is_unusable(tmp_path):
    failing = shlex.join([sys.executable, "-c", "raise SystemExit(3)"])
    for uri in (str(tmp_path), f"cmd:{failing}", "a\0b", "cmd:'"):
        with pytest.raises(UnusableKeyError, match="cannot read the key"):
            read(uri)


def test_what_is_too_large_is_no_key(tmp_path):
    (tmp_path / "wheel").write_bytes(bytes(MAXIMUM_BYTES + 1))
    (tmp_path / "most").write_bytes(bytes(MAXIMUM_BYTES))

    assert len(read(tmp_path / "most")) == MAXIMUM_BYTES
    with pytest.raises(UnusableKeyError, match="more than a key could"):
        read(tmp_path / "wheel")
