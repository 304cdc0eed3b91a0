"""Two builds of one commit: the same bytes, or a refusal that names what differs."""

from __future__ import annotations

import io
import pathlib
import tarfile
import zipfile

import pytest

from release import _build, _commit
from release._refused import Refused

#: A build hook that writes WHAT into the package.
HOOK = """\
import os, pathlib, time
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        pathlib.Path(self.root, "src/otumat_watch/made.py").write_text(f"x = {WHAT!r}\\n")
"""


def _wheel(path, content: dict[str, str]):
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in content.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return path


def _sdist(path, content: dict[str, str]):
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, text in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(("make", "name"), [(_wheel, "x.whl"), (_sdist, "x.tar.gz")])
class TestSame:
    def test_equal_archives_pass(self, tmp_path, make, name):
        files = {"a.py": "1"}

        _build.same(make(tmp_path / "1" / name, files), make(tmp_path / "2" / name, files), "twice")

    def test_a_difference_is_named(self, tmp_path, make, name):
        one = make(tmp_path / "1" / name, {"a.py": "1", "b.py": "1"})
        other = make(tmp_path / "2" / name, {"a.py": "1", "b.py": "2", "c.py": "3"})

        with pytest.raises(Refused, match=rf"^{name}: twice, the bytes differ: b\.py, c\.py$"):
            _build.same(one, other, "twice")

    def test_another_order_is_a_difference(self, tmp_path, make, name):
        one = make(tmp_path / "1" / name, {"a.py": "1", "b.py": "1"})
        other = make(tmp_path / "2" / name, {"b.py": "1", "a.py": "1"})

        with pytest.raises(Refused, match="only in their order"):
            _build.same(one, other, "twice")


def test_the_two_circumstances_differ_in_what_a_build_could_see(tmp_path):
    files = [_commit.File(pathlib.PurePosixPath("a"), b"1", executable=True)]
    one = _build.check_out(files, tmp_path / "1", _build.ONE) / "a"
    other = _build.check_out(files, tmp_path / "2", _build.OTHER) / "a"

    assert one.read_bytes() == other.read_bytes()
    assert one.stat().st_mode != other.stat().st_mode
    assert one.stat().st_mtime != other.stat().st_mtime
    assert {_build.ONE.env[name] != _build.OTHER.env[name] for name in _build.ONE.env} == {True}


def test_a_command_that_fails_is_told_by_its_last_line(tmp_path):
    command = ["sh", "-c", "echo first >&2; echo last >&2; exit 3"]

    with pytest.raises(Refused, match=r"^sh .*: last$"):
        _build.run(command, cwd=tmp_path, where=_build.ONE, epoch=0)


@pytest.mark.interop
class TestTwice:
    def test_a_plain_project_gives_the_same_bytes(self, repository, project, commit, tmp_path):
        commit()
        files = _commit.files(repository, "packages/otumat-watch")

        sdist, wheel = _build.twice(project, files, 1_700_000_000, tmp_path / "work")

        assert (sdist.name, wheel.name) == (project.sdist, project.wheel)
        with zipfile.ZipFile(wheel) as archive:
            assert {info.date_time for info in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}

    @pytest.mark.parametrize("what", ["time.time_ns()", "os.getcwd()", "os.environ['TZ']",
                                      "os.stat('LICENSE').st_mtime",
                                      "os.stat('LICENSE').st_mode"])  # fmt: skip
    def test_what_depends_on_time_place_or_person_is_refused(
        self, repository, project, commit, tmp_path, what
    ):
        (project.folder / "hatch_build.py").write_text(HOOK.replace("WHAT", what))
        with (project.folder / "pyproject.toml").open("a") as file:
            file.write("[tool.hatch.build.targets.wheel.hooks.custom]\n")
        commit()
        files = _commit.files(repository, "packages/otumat-watch")

        with pytest.raises(Refused, match=r"the bytes differ: otumat_watch.*/RECORD, .*made\.py"):
            _build.twice(project, files, 1_700_000_000, tmp_path / "work")
