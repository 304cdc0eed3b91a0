"""Real builds: our wheel built once, environments made once, frontends run as users run them."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

#: packages/ of the source tree: these tests build our own wheel from it.
PACKAGES = pathlib.Path(__file__).parents[4]


class Tools:
    """Runs uv and Python programs, with one cache for the whole session."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.packages = folder, PACKAGES
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTUMAT_", "PYTHON"))}
        caches = {name: str(folder / "cache") for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR")}
        self.env = kept | caches | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self._environments: dict[tuple[str, ...], pathlib.Path] = {}

    def run(self, *command, cwd=None, fails=False, **env):
        """Run a program; return what it printed, stderr included."""
        done = subprocess.run(
            [str(part) for part in command], cwd=cwd or self.folder, env=self.env | env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert (done.returncode != 0) is fails, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def uv(self, *arguments, **env):
        return self.run(sys.executable, "-m", "uv", *arguments, **env)

    def build_ours(self, *names: str) -> pathlib.Path:
        """Build our own wheels of *names* unless that was done; return their folder."""
        out = self.folder / "ours"
        for name in names:
            if not list(out.glob(f"{name.replace('-', '_')}-*.whl")):
                self.uv("build", "-q", "--wheel", "-o", out, PACKAGES / name)
        return out

    def environment(self, *requirements: str) -> pathlib.Path:
        """Return the Python of an environment with *requirements* and our wheel."""
        ours = self.build_ours("otumat-sign")
        if requirements not in self._environments:
            place = self.folder / f"venv{len(self._environments)}"
            python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
            self.uv("venv", "-q", "-p", sys.executable, place)
            self.uv("pip", "install", "-q", "-p", python, "--find-links", ours, "--prerelease",
                    "allow", "otumat-sign", "pip", *requirements)  # fmt: skip
            self._environments[requirements] = python
        return self._environments[requirements]


@pytest.fixture(scope="session")
def tools(tmp_path_factory):
    return Tools(tmp_path_factory.mktemp("builds"))


class Project:
    """A source folder that can be built."""

    def __init__(self, tools: Tools, folder: pathlib.Path, files: dict[str, str]) -> None:
        self.tools, self.folder, self.out = tools, folder, folder.parent / "out"
        table = files.get("pyproject.toml", 'build-backend = "setuptools.build_meta"')
        self.backend = table.partition('build-backend = "')[2].partition('"')[0]
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def wheel(self, python: pathlib.Path, **env: str) -> pathlib.Path:
        """Build a wheel as a frontend does: by the backend's hook, in a process of its own."""
        self._call(python, "build_wheel", **env)
        (wheel,) = self.out.glob("*.whl")
        return wheel

    def refused(self, python: pathlib.Path, **env: str) -> str:
        """Build a wheel that must not come out; return the output."""
        output = self._call(python, "build_wheel", fails=True, **env)
        assert not list(self.out.glob("*.whl"))
        return output

    def _call(self, python: pathlib.Path, hook: str, **options) -> str:
        self.out.mkdir(exist_ok=True)
        program = f"import sys; from {self.backend} import {hook}; {hook}(sys.argv[1])"
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        return self.tools.run(
            python, "-c", program, self.out, cwd=self.folder, PATH=path, **options
        )

    def pip_wheel(self, python: pathlib.Path, *options: str, **env: str) -> pathlib.Path:
        """Build a wheel through pip."""
        self.tools.run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", self.out, *options,
                       self.folder, **env)  # fmt: skip
        (wheel,) = self.out.glob("*.whl")
        return wheel

    def build(self, python: pathlib.Path, *options: str, **env: str) -> list[pathlib.Path]:
        """Build with `python -m build`; return what came out."""
        self.tools.run(python, "-m", "build", "-n", "-o", self.out, *options, self.folder, **env)
        return sorted(self.out.iterdir())


@pytest.fixture
def project(tools, tmp_path):
    """Write a project's files and return the `Project`."""

    def make(files: dict[str, str]) -> Project:
        return Project(tools, tmp_path / "project", files)

    return make


@pytest.fixture(scope="session")
def oldest():
    """The oldest setuptools that we support and that runs on this Python."""
    return "setuptools==61.0.0" if sys.version_info < (3, 12) else "setuptools==66.1.1"
