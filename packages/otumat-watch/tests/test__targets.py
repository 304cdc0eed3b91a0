"""Laws of what -f names."""

# Bytes as names and descriptors need os.path and os.
# ruff: noqa: PTH103, PTH113, PTH120, PTH123, PTH207, PTH211

import glob
import os
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_watch._targets import files_below, parse_target
from otumat_watch.exceptions import TargetError


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def listed(spec):
    target = parse_target(spec)
    return {target.spelled(path) for path, _ in files_below(target)}


def plant(*names):
    for name in names:
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "w"):
            pass


@pytest.mark.parametrize("spec", ["", "a\0b"])
def test_what_is_no_path_is_refused(spec):
    with pytest.raises(TargetError, match="is no path"):
        parse_target(spec)


def test_a_socket_or_fifo_has_no_content_to_watch():
    os.mkfifo("fifo")
    with pytest.raises(TargetError, match="neither a file nor a folder"):
        parse_target("fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(TargetError):
            parse_target("s")


def test_a_name_that_exists_is_taken_literally():
    plant("[a]*.txt")

    target = parse_target("[a]*.txt")

    assert target.is_file
    assert target.spelled(target.root) == "[a]*.txt"


def test_a_missing_name_is_a_file_and_with_a_slash_at_its_end_a_folder():
    assert parse_target("later").is_file
    assert not parse_target("later/").is_file


def test_paths_are_spelled_as_the_user_spelled_them():
    plant("d/e/f")

    assert listed("d") == {"d/e/f"}
    assert listed("./d/") == {"./d/e/f"}
    assert listed("d/*/f") == {"d/e/f"}
    assert parse_target("d").spelled("/elsewhere") is None


def test_links_below_a_folder_are_not_followed():
    plant("d/f", "other/g")
    os.symlink("../other", "d/link")

    assert listed("d") == {"d/f", "d/link"}


@pytest.mark.parametrize(
    "pattern", ["**/*.py", "*/x.py", "a/**/x.py", "**", "*", "[ab]/?.py", "a/**", ".h/*", "**/.h/*"]
)
def test_a_glob_means_what_pythons_glob_means(pattern):
    plant("x.py", "a/x.py", "a/b/x.py", "a/b/c/x.py", "b/y.txt", ".h/x.py", "a/.h/x.py", "a/.x.py")
    wanted = {path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)}

    assert {os.path.normpath(path) for path in listed(pattern)} == wanted


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", ".h", "*", "**", "?", "[ab]"]), min_size=1, max_size=4),
    st.lists(st.sampled_from(["a", "b", ".h", "ab"]), min_size=1, max_size=4),
)
def test_a_folder_that_leads_to_a_match_is_entered(pattern, parts):
    target = parse_target("no-such-folder/" + "/".join([*pattern[:-1], pattern[-1] + "*"]))
    if target.covers("/".join(parts)):
        for depth in range(1, len(parts)):
            assert target.enters("/".join(parts[:depth]))


def test_a_folder_that_cannot_be_read_is_refused(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    if os.geteuid() == 0:
        closed = "/root"
        os.seteuid(65534)
    try:
        with pytest.raises(TargetError, match="cannot be read"):
            parse_target(str(closed))
    finally:
        os.seteuid(os.getuid())
