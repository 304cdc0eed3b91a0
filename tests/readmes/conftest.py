"""Make the package `pages` importable: the pages that people read, and how their blocks are run."""

from __future__ import annotations

import pathlib
import sys

from .._scripts import load

load("pages", pathlib.Path(__file__).parent)

if sys.platform == "win32":  # the pages speak to a POSIX shell
    collect_ignore_glob = ["test_*.py"]
