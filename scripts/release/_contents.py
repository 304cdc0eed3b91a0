"""Hold an sdist and a wheel to exactly the files that they must contain."""

from __future__ import annotations

import email.parser
import json
import pathlib
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

from release import _commit, _sbom
from release._refused import Refused

if TYPE_CHECKING:
    from release._project import Project

_METADATA = ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE", f"sboms/{_sbom.FILE}")


def check(
    project: Project, files: list[_commit.File], sdist: pathlib.Path, wheel: pathlib.Path
) -> None:
    """Refuse a missing or stray file, wrong metadata, or what an index would not take."""
    by_path = {str(file.path): file.data for file in files}
    _check_sdist(project, by_path, sdist)
    _check_wheel(project, by_path, wheel)
    command = [sys.executable, "-m", "twine", "--no-color", "check", "--strict"]
    done = subprocess.run(
        [*command, sdist.name, wheel.name],
        cwd=sdist.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refused(f"twine check --strict: {' '.join((done.stdout + done.stderr).split())}")


def _check_sdist(project: Project, tracked: dict[str, bytes], sdist: pathlib.Path) -> None:
    with tarfile.open(sdist) as archive:
        members = {member.name: member for member in archive}
    expected = {f"{project.stem}/{path}" for path in (*tracked, "PKG-INFO")}
    _same_names(sdist.name, expected, set(members))
    for member in members.values():
        if not member.isfile() or member.mode not in {0o644, 0o755} or member.uid or member.gid:
            raise Refused(f"{sdist.name}: {member.name}: not a plain file of mode 644 or 755")


def _check_wheel(project: Project, tracked: dict[str, bytes], wheel: pathlib.Path) -> None:
    info = f"{project.stem}.dist-info"
    sources = {
        path.removeprefix("src/"): data
        for path, data in tracked.items()
        if path.startswith(f"src/{project.module}/")
    }
    with zipfile.ZipFile(wheel) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    points = {f"{info}/entry_points.txt"}
    _same_names(wheel.name, {*sources, *points, *(f"{info}/{n}" for n in _METADATA)}, set(content))
    sources[f"{info}/licenses/LICENSE"] = tracked["LICENSE"]
    sources[f"{info}/sboms/{_sbom.FILE}"] = tracked[_sbom.FILE]
    for name, data in sources.items():
        if content[name] != data:
            raise Refused(f"{wheel.name}: {name}: not the bytes of the commit")
    if f"{project.module}/py.typed" not in sources:
        raise Refused(f"{wheel.name}: {project.module}/py.typed: missing")
    _check_metadata(project, wheel.name, content[f"{info}/METADATA"])
    _check_bill(project, wheel.name, content[f"{info}/sboms/{_sbom.FILE}"])


def _check_metadata(project: Project, wheel: str, metadata: bytes) -> None:
    said = email.parser.BytesHeaderParser().parsebytes(metadata)
    for key, expected in (
        ("Name", project.name),
        ("Version", project.version),
        ("License-Expression", project.licence),
    ):
        if said[key] != expected:
            raise Refused(f"{wheel}: METADATA says {key}: {said[key]}, expected {expected}")


def _check_bill(project: Project, wheel: str, bill: bytes) -> None:
    named = json.loads(bill)["metadata"]["component"]["purl"]
    if named != f"pkg:pypi/{project.name}@{project.version}":
        raise Refused(f"{wheel}: {_sbom.FILE} is about {named}: run `nox -s sbom`")


def _same_names(archive: str, expected: set[str], found: set[str]) -> None:
    for names, what in ((expected - found, "missing"), (found - expected, "stray")):
        if names:
            raise Refused(f"{archive}: {what}: {', '.join(sorted(names)[:5])}")
