"""Exactly the files that must be there, with the bytes of the commit."""

from __future__ import annotations

import pathlib
import tarfile
import zipfile

import pytest

from release import _commit, _contents, _sbom
from release._refused import Refused

METADATA = "Metadata-Version: 2.4\nName: otumat-watch\nVersion: 1.2.3\nLicense-Expression: MIT\n"


@pytest.fixture(name="tracked")
def _tracked(project) -> dict[str, bytes]:
    _sbom.write(project)
    paths = [path for path in project.folder.rglob("*") if path.is_file()]
    return {path.relative_to(project.folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(name="entries")
def _entries(tracked) -> dict[str, bytes]:
    info = "otumat_watch-1.2.3.dist-info"
    return {
        "otumat_watch/__init__.py": tracked["src/otumat_watch/__init__.py"],
        "otumat_watch/py.typed": b"",
        f"{info}/METADATA": METADATA.encode(),
        f"{info}/WHEEL": b"",
        f"{info}/entry_points.txt": b"",
        f"{info}/licenses/LICENSE": tracked["LICENSE"],
        f"{info}/sboms/sbom.cdx.json": tracked["sbom.cdx.json"],
        f"{info}/RECORD": b"",
    }


def _check_wheel(project, tracked, entries, folder: pathlib.Path) -> None:
    with zipfile.ZipFile(folder / project.wheel, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    _contents._check_wheel(project, tracked, folder / project.wheel)


class TestWheel:
    def test_what_must_be_there_and_nothing_else_is_taken(
        self, project, tracked, entries, tmp_path
    ):
        _check_wheel(project, tracked, entries, tmp_path)

    @pytest.mark.parametrize("stray", ["otumat_watch/__pycache__/x.pyc", "tests/test_x.py",
                                       "otumat_watch-1.2.3.dist-info/otumat_watch.sig",
                                       "otumat_watch-nspkg.pth"])  # fmt: skip
    def test_a_stray_file_is_refused(self, project, tracked, entries, tmp_path, stray):
        with pytest.raises(Refused, match=f"stray: {stray}"):
            _check_wheel(project, tracked, entries | {stray: b""}, tmp_path)

    @pytest.mark.parametrize("end", ["__init__.py", "py.typed", "LICENSE", "sbom.cdx.json"])
    def test_a_missing_file_is_refused(self, project, tracked, entries, tmp_path, end):
        left = {name: data for name, data in entries.items() if not name.endswith(end)}

        with pytest.raises(Refused, match=f"missing: .*{end}"):
            _check_wheel(project, tracked, left, tmp_path)

    @pytest.mark.parametrize("end", ["__init__.py", "LICENSE", "sbom.cdx.json"])
    def test_bytes_that_are_not_the_commits_are_refused(
        self, project, tracked, entries, tmp_path, end
    ):
        other = {n: data + b"\n" if n.endswith(end) else data for n, data in entries.items()}

        with pytest.raises(Refused, match=f"{end}: not the bytes of the commit"):
            _check_wheel(project, tracked, other, tmp_path)

    @pytest.mark.parametrize("line", METADATA.splitlines()[1:])
    def test_metadata_that_says_otherwise_is_refused(
        self, project, tracked, entries, tmp_path, line
    ):
        name = "otumat_watch-1.2.3.dist-info/METADATA"
        entries[name] = entries[name].replace(line.encode(), f"{line}x".encode())

        with pytest.raises(Refused, match=f"METADATA says {line}x, expected"):
            _check_wheel(project, tracked, entries, tmp_path)

    def test_a_wheel_without_py_typed_is_refused_though_the_commit_has_none(
        self, project, tracked, entries, tmp_path
    ):
        del tracked["src/otumat_watch/py.typed"], entries["otumat_watch/py.typed"]

        with pytest.raises(Refused, match=r"py\.typed: missing"):
            _check_wheel(project, tracked, entries, tmp_path)

    def test_the_bill_of_another_version_is_refused(self, project, tracked, entries, tmp_path):
        bill = tracked["sbom.cdx.json"].replace(b"@1.2.3", b"@1.2.2")
        tracked["sbom.cdx.json"] = bill
        entries["otumat_watch-1.2.3.dist-info/sboms/sbom.cdx.json"] = bill

        with pytest.raises(Refused, match=r"is about pkg:pypi/otumat-watch@1\.2\.2"):
            _check_wheel(project, tracked, entries, tmp_path)


class TestSdist:
    @staticmethod
    def _check(project, tracked, folder, names, mode=0o644) -> None:
        with tarfile.open(folder / project.sdist, "w") as archive:
            for name in names:
                member = tarfile.TarInfo(f"otumat_watch-1.2.3/{name}")
                member.mode = mode
                archive.addfile(member)
        _contents._check_sdist(project, tracked, folder / project.sdist)

    def test_all_that_is_tracked_is_taken(self, project, tracked, tmp_path):
        self._check(project, tracked, tmp_path, [*tracked, "PKG-INFO"])

    def test_a_stray_and_a_missing_file_are_refused(self, project, tracked, tmp_path):
        with pytest.raises(Refused, match=r"stray: .*/secret\.pem"):
            self._check(project, tracked, tmp_path, [*tracked, "PKG-INFO", "secret.pem"])
        with pytest.raises(Refused, match=r"missing: .*/PKG-INFO"):
            self._check(project, tracked, tmp_path, [*tracked])

    def test_modes_that_show_the_builders_umask_are_refused(self, project, tracked, tmp_path):
        with pytest.raises(Refused, match="mode 644 or 755"):
            self._check(project, tracked, tmp_path, [*tracked, "PKG-INFO"], mode=0o600)


@pytest.mark.interop
def test_a_readme_that_an_index_cannot_show_is_refused(project, tracked, tmp_path):
    """`twine check --strict`, for real: a wheel and an sdist without a description."""
    from release import _build

    files = [
        _commit.File(pathlib.PurePosixPath(name), data, executable=False)
        for name, data in tracked.items()
    ]
    sdist, wheel = _build.twice(project, files, 1_700_000_000, tmp_path)

    with pytest.raises(Refused, match=r"twine check --strict: .*long_description"):
        _contents.check(project, files, sdist, wheel)
