"""Laws of the state on disk."""

import json
import os
import random
import signal
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_watch._state_file import StateFile
from otumat_watch.exceptions import StateFileError


@pytest.fixture(name="path")
def _path(tmp_path):
    return tmp_path / "state.json"


@settings(deadline=None)  # each example waits for the disk
@given(st.lists(st.text(st.characters(exclude_characters="\0"))))
def test_what_was_saved_is_loaded(tmp_path_factory, arguments):
    file = StateFile(str(tmp_path_factory.getbasetemp() / "any.json"))
    file.save(arguments)

    assert file.load() == (arguments, "")


def test_bytes_that_are_not_utf8_are_kept(path):
    StateFile(str(path)).save(["\udcff"])

    assert StateFile(str(path)).load() == (["\udcff"], "")
    assert path.read_bytes().isascii()


def test_no_file_is_no_state_and_no_damage(path):
    assert StateFile(str(path)).load() == (None, "")


def saved(path):
    StateFile(str(path)).save(["one", "two"])
    return path.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"otumat-watch-state": 1, "crc32": 0, "arguments": ["a"]}',
        b'{"otumat-watch-state": 1, "crc32": 0, "arguments": [1]}',
        b'{"otumat-watch-state": 1, "crc32": 0, "arguments": "a"}',
    ],
)
def test_a_damaged_file_is_kept_aside_byte_for_byte(path, content):
    path.write_bytes(content)

    arguments, why = StateFile(str(path)).load()

    assert arguments is None
    [aside] = path.parent.glob("state.json.damaged-*")
    assert str(aside) in why
    assert aside.read_bytes() == content
    assert not path.exists()


def test_every_cut_and_every_changed_byte_is_noticed_or_harmless(path):
    whole = saved(path)
    for position in range(len(whole) - 1):
        for content in (
            whole[:position],
            whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :],
        ):
            path.write_bytes(content)
            try:
                arguments, _ = StateFile(str(path)).load()
            except StateFileError:
                arguments = None  # the digit of the format: a newer version's file
            assert arguments in (None, ["one", "two"])


def test_a_file_of_a_newer_version_is_refused_and_left(path):
    document = json.loads(saved(path))
    document["otumat-watch-state"] = 2
    path.write_text(json.dumps(document))

    with pytest.raises(StateFileError, match="newer"):
        StateFile(str(path)).load()

    assert path.exists()


@pytest.mark.parametrize(
    ("name", "words"), [("no/such/folder", "does not exist"), (".", "is a folder")]
)
def test_a_place_that_cannot_hold_it_is_refused_at_once(tmp_path, name, words):
    with pytest.raises(StateFileError, match=words):
        StateFile(str(tmp_path / name))


def test_a_failed_save_says_so_and_leaves_the_old(path, monkeypatch):
    whole = saved(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateFileError, match="No space left"):
        StateFile(str(path)).save(["three"])

    assert path.read_bytes() == whole
    assert [each.name for each in path.parent.iterdir()] == ["state.json"]


def test_a_link_stays_a_link(path):
    real = path.with_name("real.json")
    saved(real)
    path.symlink_to(real)

    StateFile(str(path)).save(["new"])

    assert path.is_symlink()
    assert StateFile(str(real)).load() == (["new"], "")


SAVER = """
import sys
from otumat_watch._state_file import StateFile
file = StateFile(sys.argv[1])
number = 0
while True:
    number += 1
    file.save([str(number)] * 2000)
    print(number, flush=True)
"""


@pytest.mark.fault
def test_kill_9_at_any_moment_leaves_the_old_or_the_new(path, seed):
    chance = random.Random(seed)
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE, text=True
        ) as saver:
            for _ in range(chance.randrange(1, 40)):
                line = saver.stdout.readline()
            try:
                saver.wait(chance.random() * 0.005)
            except subprocess.TimeoutExpired:
                saver.send_signal(signal.SIGKILL)
            rest = saver.stdout.read().split()

        arguments, damage = StateFile(str(path)).load()

        last = int(rest[-1] if rest else line)
        assert damage == ""
        assert arguments in ([str(last)] * 2000, [str(last + 1)] * 2000)
