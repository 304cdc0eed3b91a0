"""The uploader started by a program that records, where no scheduler does it in time.

At most once per period, however many programs there are: whoever holds the lock puts the moment
off first. The child is nobody's: not a zombie of the program, without its streams or its session.
"""

from __future__ import annotations

import subprocess
import sys

from otumat_usage import _due, _lock, _task

#: POSIX: a shell that only starts the words after it and is gone, so that init adopts the child.
_ORPHAN = ("/bin/sh", "-c", '"$@" &', "otumat-usage")
_NULL = subprocess.DEVNULL


def start(home: str) -> bool:
    """Start an uploader if one is due and nobody else does; say whether. Never waits for it."""
    try:
        with _lock.held(f"{home}/job.lock") as ours:
            if not ours or not _due.passed(home):
                return False
            noted = _task.kept(home)
            _due.put_off(home, noted[0].period if noted else _task.LONGEST)
        python = _task.interpreter()
        if python is None:
            return False
        # Not isolated: it inherits what this program runs with, and asks for the same modules.
        _spawn([python, _task.script(), "--late", home], home)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _spawn(argv: list[str], folder: str) -> None:
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        child = subprocess.Popen(
            argv,
            cwd=folder,
            creationflags=flags,
            close_fds=True,
            stdin=_NULL,
            stdout=_NULL,
            stderr=_NULL,
        )
        child.returncode = 0  # nobody waits for it; without this its end warns in the program
        return
    shell = subprocess.Popen(
        [*_ORPHAN, *argv],
        cwd=folder,
        start_new_session=True,
        close_fds=True,
        stdin=_NULL,
        stdout=_NULL,
        stderr=_NULL,
    )
    try:
        shell.wait(5)  # it ends within a millisecond; left alone it would be a zombie
    except subprocess.TimeoutExpired:
        shell.kill()
        shell.wait(5)
