"""How a session runs pytest: with the settings of the root, from the tree or from a copy."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
from typing import TYPE_CHECKING

from tasks._facts import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    import nox


def run_pytest(
    session: nox.Session, *args: str, name: str | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Run pytest with the settings of the root; where OTUMAT_REPORTS names a folder, report there.

    The report is named after the session, or *name* where a session runs pytest twice.
    """
    report = []
    if reports := os.environ.get("OTUMAT_REPORTS"):
        label = re.sub(r"[^\w.-]+", "-", name or session.name).strip("-")
        report = [f"--junitxml={pathlib.Path(reports).resolve() / label}.xml"]
    session.run(
        "python", "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"),
        f"--rootdir={ROOT}", "-p", "no:cacheprovider", *report, *args, env=env,
    )  # fmt: skip


def copied_tests(session: nox.Session, dist: str) -> pathlib.Path:
    """Copy the tests of *dist* out of the tree, so that they can only meet the wheel."""
    target = pathlib.Path(session.create_tmp()).resolve() / dist / "tests"
    shutil.rmtree(target.parent, ignore_errors=True)
    shutil.copytree(
        ROOT / "packages" / dist / "tests", target, ignore=shutil.ignore_patterns("__pycache__")
    )
    return target
