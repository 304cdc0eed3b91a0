"""The folder is the one that platformdirs names, and packages have one spelling."""

import os
import sys

import pytest

from otumat_usage import _home

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps profiles apart itself")


def test_the_folder_and_the_paths_are_platformdirs_own(monkeypatch, tmp_path):
    import platformdirs

    for base in (None, "", "relative", str(tmp_path / "x"), str(tmp_path / "y") + "/"):
        if base is None:
            monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        else:
            monkeypatch.setenv("XDG_DATA_HOME", base)
        ours, theirs = _home.folder(), platformdirs.user_data_dir("otumat-usage", appauthor=False)
        if base != "relative":  # the XDG specification says to ignore it
            assert os.path.normpath(ours) == os.path.normpath(theirs)


def test_canonical_names_are_those_of_the_index():
    assert {_home.canonical(name) for name in ("Data_Joint", "data.joint", "DATA--JOINT")} == {
        "data-joint"
    }
    for name in ("", "..", "/", "a/b", "ü", "a b", "-", "x" * 101, "a\n"):
        assert _home.canonical(name) == ""


@posix
@pytest.mark.parametrize("mode", [0o770, 0o720, 0o707, 0o702], ids=oct)
def test_a_folder_that_others_may_write_to_is_not_ours(data, mode):
    """What lies in it could be somebody's trap (CWE-379)."""
    data.mkdir(parents=True)
    data.chmod(mode)

    assert not _home.is_ours(str(data))


@posix
def test_what_was_written_is_there_after_a_loss_of_power(data, forced):
    """A file that is renamed into place is, once its folder is on the disk; and so is a folder."""
    _home.make(str(data / "new"))
    _home.write(str(data / "new" / "answer"), b"no")

    assert forced(data.parent) == [{data.name}]
    assert forced(data) == [{"new"}]
    assert forced(data / "new") == [{"answer"}]


@posix
def test_a_link_is_not_ours_and_a_folder_that_others_may_read_is(data, tmp_path):
    data.mkdir(parents=True)
    data.chmod(0o755)
    (tmp_path / "link").symlink_to(data)

    assert _home.is_ours(str(data))
    assert not _home.is_ours(str(tmp_path / "link"))
