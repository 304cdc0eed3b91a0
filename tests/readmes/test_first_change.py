"""CONTRIBUTING's first change, walked in a fresh clone; prints how long each step took."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import time

import pytest
from pages import ROOT, blocks, statements

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
#: What the page shows: how to begin, the test, the file, the test and the laws, and the sessions.
BEGIN, SEE_IT_FAIL, NEW_FILE, SEE_IT_PASS, _SESSIONS = blocks(CONTRIBUTING)
#: The home and the settings of the one who walks are their own: nothing here reads ours.
ENV = {name: value for name, value in os.environ.items() if not name.startswith(("OTUMAT_", "NOX"))}


@pytest.mark.first_change
@pytest.mark.timeout(1800)
def test_the_first_change_fails_and_passes_where_the_page_says_so(tmp_path: pathlib.Path) -> None:
    clone = tmp_path / "otumat"
    for each in statements(BEGIN):
        where = clone if clone.is_dir() else tmp_path
        assert _typed(each.text.replace("REPOSITORY", str(ROOT)), where)[0] == 0
    (name,) = re.findall(r"^rm (\S+)$", BEGIN.text, re.MULTILINE)
    expected = re.search(r"\(`(No module named [\w.]+)`\)", CONTRIBUTING.read_text())

    (see_it_fail,) = statements(SEE_IT_FAIL)
    code, said = _typed(see_it_fail.text, clone)
    assert code != 0
    assert expected
    assert expected[1] in said

    (clone / name).write_text(NEW_FILE.text)
    assert [_typed(each.text, clone)[0] for each in statements(SEE_IT_PASS)] == [0, 0]
    assert _typed("git status --porcelain", clone) == (0, "")


def _typed(command: str, folder: pathlib.Path) -> tuple[int, str]:
    """Run *command* as it is typed, say how long it took, and return its code and its output."""
    began = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=ENV, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    took = time.monotonic() - began
    sys.stdout.write(f"{took:6.1f} s  exit {done.returncode}  $ {command}\n")
    sys.stdout.write(done.stdout if done.returncode else "")
    return done.returncode, done.stdout
