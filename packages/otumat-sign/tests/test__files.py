"""A reader sees the old content or the new one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from otumat_sign._files import create, replace


def _parts_that_fail():
    yield b"half"
    raise RuntimeError


def test_a_failed_replacement_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        replace(path, _parts_that_fail())

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_replaced_file_keeps_its_mode_and_a_new_one_follows_the_umask(tmp_path):
    path = tmp_path / "file"
    old = os.umask(0o027)
    try:
        replace(path, [b"new"])
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o755)
    replace(path, [b"a", b"b"])

    assert path.stat().st_mode & 0o777 == 0o755
    assert path.read_bytes() == b"ab"


def test_a_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to("file")
    replace(tmp_path / "link", [b"x"])

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"x"


def test_a_device_is_written_to_and_never_replaced():
    before = Path(os.devnull).stat()
    replace(os.devnull, [b"x"])

    assert Path(os.devnull).stat().st_rdev == before.st_rdev


def test_a_new_file_is_never_an_old_one(tmp_path):
    create(tmp_path / "key", b"x", mode=0o600)

    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        create(tmp_path / "key", b"y", mode=0o600)
