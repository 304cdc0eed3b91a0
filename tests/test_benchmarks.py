"""Every benchmark is described, and its command begins."""

from __future__ import annotations

import ast
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


def _areas() -> dict[str, str]:
    """Return the benchmarks of the task file: area and program."""
    (value,) = (
        node.value
        for node in ast.parse((ROOT / "noxfile.py").read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BENCHMARKS"
    )
    return ast.literal_eval(value)


def test_the_table_names_each_area_once_with_its_command():
    rows = re.findall(
        r"^\| `nox -s bench -- ([\w-]+)` \| [^|]+ \|",
        (ROOT / "benchmarks" / "README.md").read_text(),
        re.MULTILINE,
    )

    assert rows == list(_areas())


@pytest.mark.service
@pytest.mark.parametrize("area", _areas())
def test_help_works_without_any_peer(area, tmp_path):
    program = ROOT / "benchmarks" / _areas()[area]
    empty = tmp_path / "empty"
    empty.mkdir()

    done = subprocess.run(
        [sys.executable, program, "--help"],
        cwd=empty, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")
    assert not list(empty.iterdir())
