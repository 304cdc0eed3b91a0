"""Build one distribution from the commit, twice over, and hold the bytes to each other."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release import _commit
from release._refused import Refused

if TYPE_CHECKING:
    from release._project import Project


@dataclass(frozen=True)
class Circumstances:
    """What must not show in the bytes: where, when and by whom something is built."""

    folder: str
    umask: int
    file_time: int
    reverse: bool
    env: dict[str, str]


ONE = Circumstances(
    "one", 0o022, 1_000_000_000, False, {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}
)
OTHER = Circumstances(
    "an other/d\u00e9ep",
    0o077,
    1_700_000_001,
    True,
    {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"},
)


def run(
    command: list[str],
    *,
    cwd: pathlib.Path,
    where: Circumstances,
    epoch: int,
    secret: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run *command* under the given circumstances; refuse what it refuses, with its last line."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "PY"))}
    env |= (
        dict(secret or {})
        | where.env
        | {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONDONTWRITEBYTECODE": "1"}
    )
    done = subprocess.run(
        command, cwd=cwd, env=env, umask=where.umask, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise Refused(f"{pathlib.Path(command[0]).name} {' '.join(command[1:4])}: {said}")
    return done


def check_out(
    files: list[_commit.File], target: pathlib.Path, where: Circumstances
) -> pathlib.Path:
    """Write *files* under *target*, with the times, modes and order of the circumstances."""
    for file in sorted(files, key=lambda file: file.path, reverse=where.reverse):
        path = target / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        path.chmod((0o777 if file.executable else 0o666) & ~where.umask)
        os.utime(path, (where.file_time, where.file_time))
    return target


def twice(
    project: Project, files: list[_commit.File], epoch: int, work: pathlib.Path
) -> tuple[pathlib.Path, pathlib.Path]:
    """Build sdist and wheel in two circumstances, and the wheel from the sdist; all must agree.

    Returns:
        The sdist and the wheel.
    """
    made = []
    for where in (ONE, OTHER):
        tree = check_out(files, work / where.folder / project.name, where)
        made.append(_hatchling(tree, where, epoch))
    for name in (project.sdist, project.wheel):
        same(made[0] / name, made[1] / name, "built twice from one commit")
    unpacked = work / "from sdist"
    with tarfile.open(made[0] / project.sdist) as tar:
        tar.extractall(unpacked, filter="data")
    again = _hatchling(unpacked / project.stem, OTHER, epoch, "wheel")
    same(made[0] / project.wheel, again / project.wheel, "built from the tree and from the sdist")
    return made[0] / project.sdist, made[0] / project.wheel


def wheel(project: Project, root: pathlib.Path, epoch: int, work: pathlib.Path) -> pathlib.Path:
    """Build the wheel of *project* once: a sibling that a check needs beside it."""
    tree = check_out(_commit.files(root, f"packages/{project.name}"), work / project.name, ONE)
    return _hatchling(tree, ONE, epoch, "wheel") / project.wheel


def same(one: pathlib.Path, other: pathlib.Path, how: str) -> None:
    """Refuse two archives that differ in a byte, naming the entries that do."""
    if one.read_bytes() != other.read_bytes():
        entries = _wheel_entries if one.suffix == ".whl" else _sdist_entries
        raise Refused(f"{one.name}: {how}, the bytes differ: {_difference(entries, one, other)}")


def _hatchling(tree: pathlib.Path, where: Circumstances, epoch: int, *targets: str) -> pathlib.Path:
    wanted = [word for target in targets for word in ("-t", target)]
    command = [sys.executable, "-m", "hatchling", "build", "-d", "built", *wanted]
    run(command, cwd=tree, where=where, epoch=epoch)
    return tree / "built"


def _difference(
    entries: Callable[[pathlib.Path], dict[str, object]], one: pathlib.Path, other: pathlib.Path
) -> str:
    ours, theirs = entries(one), entries(other)
    names = [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
    return ", ".join(sorted(names)[:5]) or "only in their order or compression"


def _wheel_entries(path: pathlib.Path) -> dict[str, object]:
    with zipfile.ZipFile(path) as archive:
        return {
            info.filename: (info.date_time, info.external_attr, archive.read(info))
            for info in archive.infolist()
        }


def _sdist_entries(path: pathlib.Path) -> dict[str, object]:
    with tarfile.open(path) as archive:
        return {
            member.name: (member.mtime, member.mode, member.uname, read.read() if read else b"")
            for member in archive
            for read in [archive.extractfile(member)]
        }
