"""The lowest versions are read from what is installed, and a dependency without one is a "no"."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tasks._facts import ROOT


@pytest.fixture(name="floors")
def _floors(tmp_path):
    """Install a distribution that requires the lines given, and ask for its floors."""

    def ask(*requires: str) -> subprocess.CompletedProcess[str]:
        info = tmp_path / "demo-1.dist-info"
        info.mkdir()
        lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: demo\nVersion: 1\n{lines}")
        return subprocess.run(
            [sys.executable, ROOT / "scripts" / "tasks" / "floors.py", "demo"],
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return ask


def test_every_dependency_is_held_to_its_floor(floors):
    done = floors("b-lib <3,>=2.10", "a-lib[extra]>=1", 'host-lib>=4; extra == "host"')

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["a-lib==1", "b-lib==2.10", "host-lib==4"]


def test_ours_and_what_is_not_for_here_are_left_out(floors):
    done = floors(
        "otumat-sign>=0.1", 'other>=1; sys_platform == "plan9"', 'oidc>=1; extra == "oidc"', "a>=1"
    )

    assert done.stdout.split() == ["a==1"]


def test_a_dependency_without_a_floor_is_named(floors):
    done = floors("a>=1", "loose", "capped<2")

    assert done.returncode == 1
    assert done.stderr == "a dependency without a floor: capped, loose\n"
