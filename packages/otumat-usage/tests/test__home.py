"""The folder is the one that platformdirs names, and packages have one spelling."""

import os

from otumat_usage import _home


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
