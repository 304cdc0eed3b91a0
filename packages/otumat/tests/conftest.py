"""Plugins made on the spot: real dist-info folders that importlib.metadata finds."""

from __future__ import annotations

import importlib
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable

import pytest


@pytest.fixture(autouse=True)
def _isolation(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a home of its own, outside CI and with no opt-out set."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    for name in list(os.environ):
        if name.startswith(("OTUMAT_", "XDG_")) or name in {"CI", "DO_NOT_TRACK"}:
            monkeypatch.delenv(name)


@pytest.fixture(name="plugin")
def _plugin(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pathlib.Path]:
    """Install a distribution that offers one `otumat.commands` entry point, first on the path."""

    def install(
        dist: str, command: str, value: str, module: str, source: str, folder: str = "site"
    ) -> pathlib.Path:
        site = tmp_path / folder
        info = site / f"{dist.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[otumat.commands]\n{command} = {value}\n")
        (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        return site

    return install


@pytest.fixture(name="otumat")
def _otumat(tmp_path: pathlib.Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed command as a user does, with the plugins of the test installed."""

    def run(*args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "otumat", *args],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path / "site")} | (env or {}),
        )

    return run
