"""Install a signed wheel as a stranger would, run it, and ask our own verifier about it."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from release._refused import Refused

if TYPE_CHECKING:
    from release._project import Project

_VERDICT = (
    "import pathlib, sys, otumat_sign\n"
    "verdict = otumat_sign.check(sys.argv[1], trusted=pathlib.Path(sys.argv[2]))\n"
    "sys.exit(None if verdict else f'{verdict.state}: {verdict.reasons}')"
)


class Venv:
    """A virtual environment of its own that meets nothing of the working tree."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self._uv("venv", "-q", "--python", sys.executable, str(folder))

    @property
    def site(self) -> pathlib.Path:
        """Where its packages are installed."""
        return pathlib.Path(
            self.run("python", "-I", "-c", "import sysconfig as s; print(s.get_path('purelib'))")
        )

    def install(self, *wheels: pathlib.Path, beside: pathlib.Path) -> None:
        """Install *wheels*, taking the siblings that they depend on from the folder *beside*."""
        python = str(self.folder / "bin" / "python")
        self._uv("pip", "install", "-q", "--python", python, "--no-cache", "--find-links",
                 str(beside), *map(str, wheels))  # fmt: skip

    def run(self, command: str, *args: str, expect: int = 0) -> str:
        """Run a command of this environment; refuse another exit code than *expect*."""
        done = subprocess.run(
            [str(self.folder / "bin" / command), *args],
            cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != expect:
            said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
            shown = " ".join((command, *args[:2]))
            raise Refused(f"{shown}: exit code {done.returncode}, expected {expect}: {said}")
        return done.stdout.strip()

    def _uv(self, *args: str) -> None:
        command = [sys.executable, "-m", "uv", *args]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"uv {args[0]}: {' '.join(done.stderr.split())}")


def check(
    project: Project, wheel: pathlib.Path, pub: pathlib.Path, siblings: pathlib.Path, venv: Venv
) -> None:
    """Refuse a wheel that does not run alone, or that `verify` and `check` do not trust.

    It is changed by one byte at the end, to see them refuse it.
    """
    venv.install(wheel, beside=siblings)
    said = venv.run(project.name, "--version")
    if not re.search(rf"(?<![\w.]){re.escape(project.version)}(?![\w.])", said):
        raise Refused(f"{project.name} --version: says {said!r}, expected {project.version}")
    venv.run("python", "-I", "-c", f"import {project.module}")
    command = "otumat" if project.name == "otumat" else "otumat-sign"
    if project.name not in {"otumat", "otumat-sign"}:
        (verifier,) = siblings.glob("otumat_sign-*.whl")
        venv.install(verifier, beside=siblings)
    venv.run(command, "verify", str(wheel), "-p", str(pub))
    venv.run(command, "verify", project.module, "-p", str(pub))
    venv.run("python", "-I", "-c", _VERDICT, project.module, str(pub))


def check_refusal(project: Project, pub: pathlib.Path, venv: Venv) -> None:
    """Change one byte of what is installed, and see that it is refused."""
    victim = venv.site / project.module / "py.typed"
    victim.unlink()  # it may be a link to a cache
    victim.write_bytes(b"\n")
    command = "otumat" if project.name == "otumat" else "otumat-sign"
    venv.run(command, "verify", project.module, "-p", str(pub), expect=1)
