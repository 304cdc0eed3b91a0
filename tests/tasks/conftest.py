"""A session that writes down what it is asked for, in place of nox's, which no test needs."""

from __future__ import annotations

import pathlib

import pytest

from .._scripts import load

load("tasks")


class Session:
    """What the tasks use of `nox.Session`; building a wheel leaves an empty one."""

    class Ended(Exception):  # noqa: N818 -- an end, as a session's own `error` is
        """The session was ended with one line."""

    name = "alone-3.13(otumat-sign)"
    python = "3.13"

    def __init__(self, folder: pathlib.Path, venv_backend: str = "uv") -> None:
        self.folder = folder
        self.venv_backend = venv_backend
        self.ran: list[tuple[str, ...]] = []
        self.installed: list[tuple[str, ...]] = []

    def run(self, *command: str, **_: object) -> None:
        self.ran.append(command)
        if "--wheel" in command or "wheel" in command:
            folder, package = map(pathlib.Path, command[-2:])
            folder.mkdir(exist_ok=True)
            name = package.name.replace("-", "_")
            (folder / f"{name}-0.4-py3-none-any.whl").touch()

    def install(self, *what: str) -> None:
        self.installed.append(what)

    def error(self, line: str) -> None:
        raise self.Ended(line)

    def create_tmp(self) -> str:
        return str(self.folder)


@pytest.fixture(name="session")
def _session(tmp_path: pathlib.Path) -> Session:
    return Session(tmp_path)
