"""Ask git what the current commit holds, when it was made and which tags it has."""

from __future__ import annotations

import io
import pathlib
import subprocess
import tarfile
from dataclasses import dataclass

from release._refused import Refused


@dataclass(frozen=True)
class File:
    """One tracked file: its path in the repository, content and x bit."""

    path: pathlib.PurePosixPath
    data: bytes
    executable: bool


def epoch(root: pathlib.Path) -> int:
    """Return when the commit was made: what SOURCE_DATE_EPOCH has to be."""
    return int(_git(root, "log", "-1", "--format=%ct"))


def tags(root: pathlib.Path, *, here: bool = False) -> set[str]:
    """Return the tags of the repository, or with *here* those of this commit."""
    return set(_git(root, "tag", *(["--points-at", "HEAD"] if here else [])).split())


def changed(root: pathlib.Path, folder: str) -> list[str]:
    """Return what differs from the commit in *folder*, untracked files included."""
    return _git(root, "status", "--porcelain", "--", folder).splitlines()


def files(root: pathlib.Path, folder: str) -> list[File]:
    """Return the tracked files of *folder*, their paths relative to it."""
    archive = _git_bytes(root, "archive", "--format=tar", "HEAD", folder)
    found = []
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            if member.isdir():
                continue
            if not member.isfile():
                raise Refused(f"{member.name}: a link: a wheel cannot hold one")
            path = pathlib.PurePosixPath(member.name).relative_to(folder)
            data = tar.extractfile(member)
            found.append(File(path, data.read() if data else b"", bool(member.mode & 0o100)))
    return found


def _git(root: pathlib.Path, *args: str) -> str:
    return _git_bytes(root, *args).decode()


def _git_bytes(root: pathlib.Path, *args: str) -> bytes:
    done = subprocess.run(["git", *args], cwd=root, capture_output=True, check=False)
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise OSError(f"git {args[0]}: {message[-1]}")
    return done.stdout
