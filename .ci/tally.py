"""Add up the JUnit reports of a folder and end with the line that a build server reads."""

from __future__ import annotations

import pathlib
import sys
import xml.etree.ElementTree as ET

passed = failed = skipped = 0
for report in sorted(pathlib.Path(sys.argv[1]).glob("*.xml")):
    for suite in ET.parse(report).getroot().iter("testsuite"):
        count = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
        bad = count["failures"] + count["errors"]
        print(f"{report.stem}: {count['tests']} tests, {bad} failed, {suite.get('time')} s")
        failed += bad
        skipped += count["skipped"]
        passed += count["tests"] - bad - count["skipped"]
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
