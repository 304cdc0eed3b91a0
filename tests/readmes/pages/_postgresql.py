"""A PostgreSQL on loopback, as an operator has one elsewhere, with an empty set of databases."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator

from pages._reader import free_port


@contextlib.contextmanager
def running() -> Iterator[dict[str, str]]:
    """Start a server and yield the variables with which its clients find it under any name."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    assert initdb, "no PostgreSQL: install the Debian package postgresql"
    programs = pathlib.Path(initdb).resolve().parent
    # Short, as a socket's path must be; not below a folder that only root can enter.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="otumat-pg-", dir="/tmp"))
    begin: list[str] = []
    if os.getuid() == 0:  # which the server refuses to run as
        shutil.chown(folder, "nobody")
        begin = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    data, port = folder / "data", free_port()
    subprocess.run(
        [*begin, programs / "initdb", "-D", data, "-U", "otumat", "--auth=trust", "--no-sync"],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    server = subprocess.Popen(
        [*begin, programs / "postgres", "-D", data, "-k", folder, f"-p{port}",
         "-clisten_addresses=127.0.0.1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    env = {"PGHOSTADDR": "127.0.0.1", "PGPORT": str(port), "PGUSER": "otumat",
           "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}  # fmt: skip
    try:
        until = time.monotonic() + 60
        while subprocess.run([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)],
                             check=False).returncode:  # fmt: skip
            assert server.poll() is None, "PostgreSQL did not start"
            assert time.monotonic() < until, "PostgreSQL does not answer"
            time.sleep(0.05)
        yield env
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(60)
        shutil.rmtree(folder)
