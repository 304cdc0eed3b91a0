"""Copy a PostgreSQL store with PostgreSQL's own programs, pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from otumat_usage.host._errors import StoreUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from otumat_usage.host._sql import URL

__all__ = ["dump", "load"]


def dump(url: URL, target: Path) -> None:
    """Write the database at *url* to *target*, in pg_dump's own format.

    Raises:
        StoreUnavailable: the program is missing, or failed.
    """
    _run(url, "pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--file={target}")
    _run(None, "pg_restore", "--list", str(target))


def load(url: URL, source: Path) -> None:
    """Put what `dump` wrote in the place of the database at *url*, all of it or nothing.

    Raises:
        StoreUnavailable: the program is missing, or failed, or *source* is no such copy.
    """
    listed = _run(None, "pg_restore", "--list", str(source))
    if " TABLE DATA " not in listed or " token_family " not in listed:
        raise StoreUnavailable(f"{source} is no backup of a host")
    options = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error")
    _run(url, "pg_restore", *options, "--no-owner", "--no-acl", str(source))


def _run(url: URL | None, program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        raise StoreUnavailable(f"{program} is missing: install PostgreSQL's client programs")
    environment = dict(os.environ)
    command = [program, *arguments]
    if url is not None:
        # The password goes by the environment: every user of the machine sees the arguments.
        if url.password:
            environment["PGPASSWORD"] = str(url.password)
        bare = url.set(drivername="postgresql", password=None)
        command += ["--dbname", bare.render_as_string()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise StoreUnavailable(f"{program} failed: {lines[0]}")
    return done.stdout
