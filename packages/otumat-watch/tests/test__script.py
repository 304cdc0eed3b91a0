"""Laws of scripts: found and checked before the first change."""

import os
import sys

import pytest

from otumat_watch._script import command_for, unsafe_for_batch, windows_command
from otumat_watch.exceptions import ScriptError, ScriptNotExecutableError, ScriptNotFoundError

posix = pytest.mark.skipif(os.name == "nt", reason="executable bits")


@pytest.fixture(name="place")
def _place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def place(name, content, mode=0o644):
        path = tmp_path / name
        path.write_bytes(content)
        path.chmod(mode)
        return str(path)

    return place


@posix
@pytest.mark.parametrize(
    ("name", "content", "mode", "interpreter"),
    [
        ("s.py", b"print()", 0o644, [sys.executable]),
        ("s.py", b"print()", 0o755, [sys.executable]),
        ("s.py", b"#!/bin/sh -e\n", 0o644, ["/bin/sh", "-e"]),
        ("s.py", b"#!/bin/sh -e\n", 0o755, []),
        ("s.sh", b"echo", 0o644, ["/bin/sh"]),
        ("s.sh", b"#! /bin/sh  -e -x \n", 0o644, ["/bin/sh", "-e -x"]),
        ("s", b"echo", 0o755, ["/bin/sh"]),
        ("s", b"", 0o755, ["/bin/sh"]),
        ("s", b"#!/bin/sh", 0o755, []),
        ("s", b"\x7fELF\0", 0o755, []),
    ],
)
def test_a_script_gets_its_interpreter(place, name, content, mode, interpreter):
    path = place(name, content, mode)

    assert command_for(path) == [*interpreter, path]
    assert command_for(f"./{name}") == [*interpreter, path]


@posix
@pytest.mark.parametrize(
    ("name", "content", "mode", "error", "words"),
    [
        ("s", b"echo", 0o644, ScriptNotExecutableError, "chmod"),
        ("s", b"#!/bin/sh\n", 0o644, ScriptNotExecutableError, "chmod"),
        ("s", b"#!/no/such\n", 0o755, ScriptNotFoundError, "'/no/such'"),
        ("s", b"#!\n", 0o755, ScriptNotFoundError, "interpreter"),
        ("s.sh", b"#!/bin/sh\r\n", 0o755, ScriptNotFoundError, "end as on Windows"),
    ],
)
def test_what_cannot_run_is_refused_with_the_cure(place, name, content, mode, error, words):
    with pytest.raises(error, match=words):
        command_for(place(name, content, mode))


def test_what_is_not_there_or_no_file_is_refused(tmp_path):
    with pytest.raises(ScriptNotFoundError, match="does not exist"):
        command_for(str(tmp_path / "no"))
    with pytest.raises(ScriptNotExecutableError, match="is a folder"):
        command_for(str(tmp_path))
    with pytest.raises(ScriptNotFoundError, match="no path"):
        command_for("")


@posix
def test_a_fifo_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ScriptNotExecutableError, match="regular"):
        command_for(str(tmp_path / "fifo"))


@posix
def test_a_bare_name_is_looked_up_in_path_first_and_then_here(place, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    here = place("tool", b"#!/bin/sh\n", 0o755)
    assert command_for("tool") == [here]

    on_path = place("bin/tool", b"#!/bin/sh\n", 0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    assert command_for("tool") == [on_path]


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="needs another user to be")
def test_a_script_that_cannot_be_read_is_run_if_it_can_be():
    os.seteuid(65534)
    try:
        with pytest.raises((ScriptError, ScriptNotFoundError)):
            command_for("/etc/shadow")
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("a.py", [sys.executable]),
        ("a.exe", []),
        ("a.BAT", []),
        ("a.cmd", []),
        ("a.ps1", ["powershell", "-NoProfile", "-ExecutionPolicy", "Bypass", "-File"]),
    ],
)
def test_on_windows_the_suffix_decides(name, before):
    assert windows_command(name) == [*before, name]


def test_on_windows_another_suffix_is_refused():
    with pytest.raises(ScriptNotExecutableError, match=r"\.ps1"):
        windows_command("a.sh")


@pytest.mark.parametrize(
    "argument", ['a"b', "%PATH%", "a&calc", "a|b", "a>b", "a^b", "a!b", "a\nb"]
)
def test_what_cmd_would_interpret_is_refused_for_batch_files_only(argument):
    assert unsafe_for_batch(["c:\\s.BAT", "fine", argument]) == argument
    assert unsafe_for_batch(["s.cmd", "fine", "a b", ""]) == ""
    assert unsafe_for_batch(["s.exe", argument]) == ""
