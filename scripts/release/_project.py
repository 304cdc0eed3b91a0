"""Read what a distribution says about itself: its pyproject.toml and its changelog."""

from __future__ import annotations

import datetime as dt
import pathlib
import re
import sys
from dataclasses import dataclass

from release._refused import Refused

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Leaves first: the last one depends on the others.
DISTS = ("otumat-sign", "otumat-usage", "otumat-watch", "otumat")
TAG = re.compile(r"(?P<dist>otumat(?:-[a-z]+)?)-v(?P<version>[0-9][0-9a-z.]*)")
_RELEASE = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")
_HEADING = re.compile(r"^## +(.*?) *$", re.MULTILINE)
_DATED = re.compile(r"(?P<version>\S+) - (?P<date>\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class Project:
    """One of the four distributions, as its folder describes it."""

    folder: pathlib.Path
    name: str
    version: str
    licence: str
    description: str
    dependencies: tuple[str, ...]
    extras: dict[str, tuple[str, ...]]

    @property
    def module(self) -> str:
        """The import name."""
        return self.name.replace("-", "_")

    @property
    def stem(self) -> str:
        """How the names of its sdist and wheel begin."""
        return f"{self.module}-{self.version}"

    @property
    def wheel(self) -> str:
        """The name of its wheel."""
        return f"{self.stem}-py3-none-any.whl"

    @property
    def sdist(self) -> str:
        """The name of its source archive."""
        return f"{self.stem}.tar.gz"

    @property
    def tag(self) -> str:
        """The tag that releases this version."""
        return f"{self.name}-v{self.version}"


def read(root: pathlib.Path, dist: str) -> Project:
    """Return the distribution *dist* of the repository *root*."""
    if dist not in DISTS:
        raise Refused(f"{dist}: no such distribution: give one of {', '.join(DISTS)}")
    folder = root / "packages" / dist
    table = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return Project(
        folder=folder,
        name=table["name"],
        version=table["version"],
        licence=table["license"],
        description=table["description"],
        dependencies=tuple(table.get("dependencies", ())),
        extras={name: tuple(rows) for name, rows in table.get("optional-dependencies", {}).items()},
    )


def dist_of(tag: str) -> str:
    """Return the distribution that *tag* releases."""
    found = TAG.fullmatch(tag)
    if not found or found["dist"] not in DISTS:
        raise Refused(f"{tag}: not a release tag: it is DIST-vVERSION, such as otumat-sign-v1.0.0")
    return found["dist"]


def check_tag(project: Project, tag: str) -> None:
    """Hold *tag* to the version of *project*, which must be no development version."""
    if dist_of(tag) != project.name:
        raise Refused(f"{tag}: this tag releases {dist_of(tag)}, not {project.name}")
    if tag != project.tag:
        raise Refused(
            f"{tag}: packages/{project.name}/pyproject.toml says version {project.version}:"
            f" tag {project.tag}, or mend the version and tag again"
        )
    if not _RELEASE.fullmatch(project.version):
        raise Refused(
            f"{tag}: {project.version} is a development version: set the version to release"
            f" in packages/{project.name}/pyproject.toml"
        )


def check_changelog(project: Project) -> None:
    """Hold the first heading of the changelog to this version and a date."""
    name = f"packages/{project.name}/CHANGELOG.md"
    headings = _HEADING.findall((project.folder / "CHANGELOG.md").read_text(encoding="utf-8"))
    head = headings[0] if headings else "(no heading)"
    found = _DATED.fullmatch(head)
    if not found or found["version"] != project.version:
        raise Refused(
            f'{name}: begins with "{head}", expected "{project.version} - YYYY-MM-DD":'
            ' date what stands under "Unreleased"'
        )
    try:
        dt.date.fromisoformat(found["date"])
    except ValueError:
        raise Refused(f"{name}: {found['date']} is no day of the calendar") from None


def check_leaves(project: Project, tags: set[str]) -> None:
    """Hold a release of the meta-package to leaves that have been released before it."""
    for requirement in project.dependencies:
        found = re.match(r"(otumat-[a-z]+)>=([^,;\s]+)", requirement)
        if found and f"{found[1]}-v{found[2]}" not in tags:
            raise Refused(
                f"{project.tag}: needs {found[1]}>={found[2]}, but there is no tag"
                f" {found[1]}-v{found[2]}: release the leaves first"
            )
