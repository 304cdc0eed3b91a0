"""The packages of scripts/ for the tests that read them."""

from __future__ import annotations

import importlib.util
import pathlib
import sys

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "scripts"


def load(name: str, folder: pathlib.Path = SCRIPTS) -> None:
    """Make the package *name* of scripts/ (or of another *folder*) importable.

    Not by sys.path: beside it lie scripts that other tests must not be able to import.
    """
    spec = importlib.util.spec_from_file_location(name, folder / name / "__init__.py")
    assert spec
    assert spec.loader
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
