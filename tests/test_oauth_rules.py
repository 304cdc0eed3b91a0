"""docs/oauth-rules.md is true: every rule has a test on either side, and each test exists."""

from __future__ import annotations

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "oauth-rules.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| RFC ")
]
THERE = {
    name
    for path in (ROOT / "packages" / "otumat-usage" / "tests" / "host").glob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
}


def test_every_row_names_a_test_that_keeps_the_rule_and_one_that_tries_to_break_it():
    assert len(ROWS) > 40
    for rule, demand, *sides in ROWS:
        assert len(sides) == 2, rule
        for side in sides:
            assert re.findall(r"`(test_\w+)`", side), (rule, demand)


def test_every_test_that_is_named_exists():
    named = set(re.findall(r"`(test_\w+)`", PAGE)) - {"test_oauthlib"}

    assert named <= THERE, sorted(named - THERE)


def test_every_standard_that_the_host_claims_has_rules():
    covered = {rule.partition(",")[0] for rule, *_ in ROWS}

    numbers = (6749, 6750, 7009, 7636, 8252, 8414, 8628, 9207, 9700)
    assert covered == {f"RFC {number}" for number in numbers}
