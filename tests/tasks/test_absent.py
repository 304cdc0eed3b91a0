"""What can be imported is named, with exit code 1."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tasks._facts import ROOT


@pytest.mark.parametrize(
    ("modules", "code", "said"),
    [
        ([], 0, ""),
        (["no_such_module"], 0, ""),
        (["no_such_module", "json", "ast"], 1, "can be imported, and must not be: json, ast\n"),
    ],
    ids=["none", "absent", "present"],
)
def test_it_says_which_are_there(modules, code, said, tmp_path, monkeypatch):
    (tmp_path / "no_such_module.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # neither it nor this folder is looked into

    done = subprocess.run(
        [sys.executable, "-I", ROOT / "scripts" / "tasks" / "absent.py", *modules],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (code, said)
