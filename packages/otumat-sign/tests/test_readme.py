"""The README's recipe, as it travels in the distribution's metadata, is what happens."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(sys.platform == "win32", reason="the recipe is for a POSIX shell"),
]


@pytest.fixture(name="readme")
def _readme():
    text = metadata("otumat-sign").get_payload()
    assert isinstance(text, str)
    return text


@pytest.fixture(name="environment")
def _environment(monkeypatch, tmp_path):
    """Commands are found beside the Python that runs the tests, and print 80 columns."""
    monkeypatch.setenv(
        "PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def _blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def _steps(text):
    """Yield each command of the console blocks with the output that it must print."""
    for block in _blocks(text, "console"):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = step.partition("\n")
            yield command, output


@pytest.mark.usefixtures("environment")
def test_the_recipe_prints_what_the_readme_shows(readme):
    steps = [(command, output) for command, output in _steps(readme) if "--help" not in command]
    assert sum("openssl dgst -sha256 -verify" in command for command, _ in steps) == 1
    assert sum("openssl dgst -sha256 -sign" in command for command, _ in steps) == 1

    for command, expected in steps:
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
        pattern = expected.replace("[", "[[]").replace("\n...\n", "\n*\n")
        assert fnmatch.fnmatchcase(done.stdout, pattern), (command, done.stdout)


@pytest.mark.usefixtures("environment")
def test_every_program_runs(readme):
    programs = _blocks(readme, "python")
    assert programs

    for program in programs:
        assert len(program.splitlines()) <= 10
        subprocess.run([sys.executable, "-c", program], check=True)
