"""What this machine has: the Pythons that answer, and the tools that a session needs."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tasks._facts import SUPPORTED

if TYPE_CHECKING:
    import nox

#: Where Debian puts the servers' programs, which are in no PATH: a folder a version.
DEBIAN_POSTGRESQL = pathlib.Path("/usr/lib/postgresql")


def found_pythons() -> list[str]:
    """Return the supported Pythons that answer on this machine, else the one that runs nox."""
    found = []
    for version in SUPPORTED:
        python = shutil.which(f"python{version}")
        # A pyenv shim exists for every installed version but answers only for the active ones.
        if (
            python
            and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            found.append(version)
    return found or [f"{sys.version_info.major}.{sys.version_info.minor}"]


def need(session: nox.Session, *tools: str) -> None:
    """End the session with one line where a tool that it needs is missing."""
    for tool in tools:
        if shutil.which(tool) is None:
            session.error(f"this session needs `{tool}`: install it (Debian: apt install {tool})")


def need_postgresql(session: nox.Session, debian: pathlib.Path = DEBIAN_POSTGRESQL) -> None:
    """End the session with one line where PostgreSQL's own programs are missing."""
    if not list(debian.glob("*/bin/initdb")):
        need(session, "initdb")
