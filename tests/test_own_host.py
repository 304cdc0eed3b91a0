"""The host that docs/own-host.md shows keeps every rule of the protocol."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import time

import pytest

EXAMPLE = pathlib.Path(__file__).resolve().parents[1] / "examples" / "own-host" / "host.py"
PAGE = EXAMPLE.parents[2] / "docs" / "own-host.md"

pytestmark = pytest.mark.service


@pytest.fixture(name="url")
def _url(tmp_path):
    """The address of the example, running."""
    said = tmp_path / "said"
    with said.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, EXAMPLE, "--port", "0", "--store", tmp_path / "usage.sqlite3"],
            stdout=out,
        )
    try:
        deadline = time.monotonic() + 60
        while not said.read_text().endswith("\n"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield said.read_text().split()[-1]
    finally:
        process.kill()
        process.wait()


def test_the_example_keeps_every_rule(url):
    from otumat_usage.host._conformance import RULES, examine_server

    findings = list(examine_server(url, "demo"))

    assert [finding for finding in findings if finding.state != "ok"] == []
    assert len(findings) == len(RULES)


def test_the_page_names_rules_that_exist():
    import re

    from otumat_usage.host._conformance import RULES

    named = set(re.findall(r"`--rule ([a-z-]+)`", PAGE.read_text(encoding="utf-8")))
    assert named
    assert named <= {rule.name for rule in RULES}
