"""What git says of the commit: only what is committed, when, under which tags."""

from __future__ import annotations

import pathlib

import pytest

from release import _commit
from release._refused import Refused

pytestmark = pytest.mark.interop
FOLDER = "packages/otumat-watch"


def test_only_what_is_committed_counts(repository, commit):
    commit()
    (repository / FOLDER / "LICENSE").write_text("changed\n")
    (repository / FOLDER / "stray.txt").write_text("not mine\n")

    files = {str(file.path): file.data for file in _commit.files(repository, FOLDER)}

    assert files["LICENSE"] == b"MIT\n"
    assert "stray.txt" not in files
    assert [line[3:] for line in _commit.changed(repository, FOLDER)] == [
        f"{FOLDER}/LICENSE",
        f"{FOLDER}/stray.txt",
    ]


def test_the_x_bit_comes_from_git(repository, commit):
    (repository / FOLDER / "run").write_text("#!/bin/sh\n")
    (repository / FOLDER / "run").chmod(0o700)
    commit()

    modes = {str(file.path): file.executable for file in _commit.files(repository, FOLDER)}

    assert modes["run"]
    assert not modes["LICENSE"]


def test_the_time_and_the_tags_are_the_commits(repository, commit):
    git = commit()
    git("tag", "otumat-watch-v1.2.3")
    (repository / "later").touch()
    commit()
    git("tag", "otumat-sign-v1.0.0")

    assert _commit.epoch(repository) == 1_700_000_000
    assert _commit.tags(repository) == {"otumat-watch-v1.2.3", "otumat-sign-v1.0.0"}
    assert _commit.tags(repository, here=True) == {"otumat-sign-v1.0.0"}


def test_a_link_is_refused(repository, commit):
    (repository / FOLDER / "link").symlink_to("LICENSE")
    commit()

    with pytest.raises(Refused, match="link: a link"):
        _commit.files(repository, FOLDER)


def test_a_folder_without_a_repository_is_an_error_in_one_line(tmp_path: pathlib.Path):
    with pytest.raises(OSError, match=r"^git log: [^\n]+$"):
        _commit.epoch(tmp_path)
