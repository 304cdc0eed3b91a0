"""Isolation for the laws of the repository: no test sees the developer's home or opt-outs."""

from __future__ import annotations

import os
import pathlib

import pytest


@pytest.fixture(autouse=True)
def _isolation(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a home of its own, outside CI and with no opt-out set."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in list(os.environ):
        if name.startswith(("OTUMAT_", "XDG_")) or name in {"CI", "DO_NOT_TRACK", "GITHUB_ACTIONS"}:
            monkeypatch.delenv(name)


@pytest.fixture(name="root", scope="session")
def _root() -> pathlib.Path:
    """The root of the repository."""
    return pathlib.Path(__file__).resolve().parents[1]
