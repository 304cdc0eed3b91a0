"""Asking a command of the system: an argv list, a timeout, no output of ours, no exception."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

#: How long one command may take, in seconds.
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended; *code* is -1 when it could not be run or took too long."""

    code: int
    out: bytes = b""
    err: bytes = b""

    def __bool__(self) -> bool:
        """Whether it ended with 0."""
        return self.code == 0

    @property
    def text(self) -> str:
        """What it printed, as text."""
        return self.out.decode(errors="replace").strip()


def run(*argv: str, feed: bytes | None = None, seconds: float = PATIENCE) -> Said:
    """Run *argv* in the C locale with *feed* on its stdin."""
    try:
        done = subprocess.run(
            argv,
            input=b"" if feed is None else feed,
            capture_output=True,
            timeout=seconds,
            check=False,
            env={**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""},
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return Said(-1)
    return Said(done.returncode, done.stdout, done.stderr)
