"""Make the package `pages` importable: the pages that people read, and how their blocks are run."""

from __future__ import annotations

import importlib.util
import pathlib
import sys

# Not by sys.path: what lies beside it must not be importable.
_INIT = pathlib.Path(__file__).with_name("pages") / "__init__.py"
_SPEC = importlib.util.spec_from_file_location("pages", _INIT)
assert _SPEC
assert _SPEC.loader
sys.modules["pages"] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(sys.modules["pages"])

if sys.platform == "win32":  # the pages speak to a POSIX shell
    collect_ignore_glob = ["test_*.py"]
