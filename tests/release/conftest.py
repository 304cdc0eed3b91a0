"""A project folder that the release scripts can be pointed at, and a git that needs no settings."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from .._scripts import load

load("release")

from release import _project  # noqa: E402

if sys.platform == "win32":  # releases are made on Linux: umask, modes, sha256sum
    collect_ignore_glob = ["test_*.py"]

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "otumat-watch"
version = "1.2.3"
description = "Watch."
requires-python = ">=3.10"
license = "MIT"
license-files = ["LICENSE"]
dependencies = ["click>=8.1", "Watch_Files>=1; sys_platform != 'linux'"]
[project.optional-dependencies]
more = ["httpx[http2]>=0.27"]
[project.scripts]
otumat-watch = "otumat_watch:main"
[tool.hatch.build.targets.wheel]
packages = ["src/otumat_watch"]
sbom-files = ["sbom.cdx.json"]
"""


@pytest.fixture(name="repository")
def _repository(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder laid out as ours, with one distribution at 1.2.3 whose changelog is dated."""
    root = tmp_path / "repository"
    package = root / "packages" / "otumat-watch"
    (package / "src" / "otumat_watch").mkdir(parents=True)
    (package / "src" / "otumat_watch" / "__init__.py").write_text("def main(): ...\n")
    (package / "src" / "otumat_watch" / "py.typed").touch()
    (package / "LICENSE").write_text("MIT\n")
    (package / "pyproject.toml").write_text(PYPROJECT)
    (package / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3 - 2026-11-30\n\n- Watches.\n")
    (package / "sbom.cdx.json").write_text("{}\n")
    return root


@pytest.fixture(name="project")
def _a_project(repository: pathlib.Path) -> _project.Project:
    return _project.read(repository, "otumat-watch")


@pytest.fixture(name="commit")
def _commit_everything(repository: pathlib.Path):
    """Commit all that is in the repository, at a fixed time; return git for more."""

    def git(*args: str) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        env = {"GIT_COMMITTER_DATE": "1700000000 +0000", "GIT_AUTHOR_DATE": "1700000000 +0000"}
        return subprocess.run(
            ["git", *who, *args], cwd=repository, env=env | {"PATH": "/usr/bin:/bin"},
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    def commit():
        if not (repository / ".git").exists():
            git("init", "-q")
        git("add", "--all")
        git("commit", "-q", "-m", "all")
        return git

    return commit
