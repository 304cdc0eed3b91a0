"""A tree that cannot be walked is an error with a name in it."""

from __future__ import annotations

import os
import shutil

import pytest

from otumat_sign import UnreadableFileError, hash_pkg
from otumat_sign._tree import locate, scan


def test_files_come_in_the_order_of_whole_paths(tmp_path):
    names = ["a b", "a!", "a-b", "a.py", "a/x", "a/y/z", "a0", "a~", "b/__pycache__/x", "c/d"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("a")
    root = os.fsencode(tmp_path)
    expected = sorted(os.fsencode(name) for name in [*names, "link"] if "__pycache__" not in name)

    assert [path[len(root) + 1 :] for path in scan(root)] == expected


def test_a_single_module_is_its_own_only_file(tmp_path):
    (tmp_path / "plugin.py").touch()
    path = os.fsencode(tmp_path / "plugin.py")

    assert scan(locate(tmp_path / "plugin.py")) == [path]


def test_a_tree_deeper_than_any_path_is_unreadable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pkg").mkdir()
    os.chdir("pkg")
    for _ in range(20):
        os.mkdir("d" * 250)  # noqa: PTH102 -- relative to where we are
        os.chdir("d" * 250)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UnreadableFileError, match=r"cannot list .*too long"):
        hash_pkg(pkgpath="pkg")
    shutil.rmtree(tmp_path / "pkg")
