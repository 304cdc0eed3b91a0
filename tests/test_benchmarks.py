"""Every benchmark is described, and its command begins."""

from __future__ import annotations

import pathlib
import re
import runpy
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
#: Area and program.
AREAS = runpy.run_path(str(ROOT / "scripts" / "tasks" / "_facts.py"))["BENCHMARKS"]


def test_the_table_names_each_area_once_with_its_command():
    rows = re.findall(
        r"^\| `nox -s bench -- ([\w-]+)` \| [^|]+ \|",
        (ROOT / "benchmarks" / "README.md").read_text(),
        re.MULTILINE,
    )

    assert rows == list(AREAS)


@pytest.mark.service
@pytest.mark.parametrize("area", AREAS)
def test_help_works_without_any_peer(area, tmp_path):
    program = ROOT / "benchmarks" / AREAS[area]
    empty = tmp_path / "empty"
    empty.mkdir()

    done = subprocess.run(
        [sys.executable, program, "--help"],
        cwd=empty, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")
    assert not list(empty.iterdir())


SERVES = """
import sys, time
from answers import postgresql
with postgresql() as address:
    print(address.partition("host=")[2], flush=True)
    time.sleep(300)
"""


@pytest.mark.service
@pytest.mark.postgresql
def test_a_benchmark_that_is_told_to_end_leaves_no_server_behind():
    program = subprocess.Popen(
        [sys.executable, "-c", SERVES],
        cwd=ROOT / "benchmarks" / "host", stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    folder = pathlib.Path(program.stdout.readline().strip())
    server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    assert pathlib.Path(f"/proc/{server}").exists()

    program.terminate()
    program.communicate(timeout=60)

    assert program.returncode == 128 + signal.SIGTERM
    assert not pathlib.Path(f"/proc/{server}").exists()
    assert not folder.exists()
