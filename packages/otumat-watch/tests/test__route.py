"""Laws of the way to a path."""

# Bytes as names and descriptors need os.path and os.
# ruff: noqa: PTH118

import os
import sys

import pytest

from otumat_watch._route import route

pytestmark = pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="for inotify")


def ways(path, root):
    below = len(str(root)) + 1
    steps = [step for step in route(str(path)) if step.folder.startswith(str(root))]
    return [
        (os.path.join(step.folder, step.name)[below:], step.is_fixed, step.is_last)
        for step in steps
    ]


def test_folders_are_fixed_and_the_file_is_last(tmp_path):
    (tmp_path / "a").mkdir()

    assert ways(tmp_path / "a" / "f", tmp_path) == [("a", True, False), ("a/f", False, True)]


def test_the_way_ends_at_the_first_missing_name(tmp_path):
    assert ways(tmp_path / "a" / "b" / "f", tmp_path) == [("a", False, False)]


def test_a_link_is_a_step_and_its_target_another(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    assert ways(tmp_path / "link" / "f", tmp_path) == [
        ("link", False, False),
        ("real", True, False),
        ("real/f", False, True),
    ]


def test_two_dots_after_a_link_are_the_targets_parent(tmp_path):
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "x" / "y")

    assert ways(f"{tmp_path}/link/../f", tmp_path)[-1] == ("x/f", False, True)


def test_a_loop_of_links_ends(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    assert len(route(str(tmp_path / "a"))) < 100


def test_a_dot_is_no_step(tmp_path):
    assert ways(f"{tmp_path}/./f", tmp_path) == [("f", False, True)]
