"""Run commands one after the other in one bash, at a terminal where a page says so."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pages._blocks import Command

#: How long one command of a page may take, in seconds: only what hangs is stopped by it.
PATIENCE = 120.0
TYPED = re.compile(r"\[y/N\] ?(.*)")
#: Runs a program at a terminal of its own and answers its questions; its output is the terminal's.
AT_A_TERMINAL = """
import os, pty, sys
answers, command = sys.argv[1].split(chr(31)), sys.argv[2]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "-c", command])
seen = b""
while True:
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        break
    if not chunk:
        break
    seen += chunk
    if seen.rstrip().endswith(b"[y/N]") and answers:
        seen += b" "
        os.write(terminal, answers.pop(0).encode() + b"\\n")
sys.stdout.write(seen.decode().replace("\\r\\n", "\\n").replace("[y/N]  ", "[y/N] "))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def at_a_terminal(command: Command) -> str:
    """Return the shell command that runs *command* at a terminal and types what it shows."""
    answers = "\x1f".join(TYPED.findall(command.output))
    return shlex.join([sys.executable, "-c", AT_A_TERMINAL, answers, command.text])


class Shell:
    """A bash that keeps its folder and variables from one command to the next."""

    def __init__(self, folder: pathlib.Path, env: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=env,
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[str, int]:
        """Return what *command* printed, stderr included, and its exit code."""
        assert self._bash.stdin
        assert self._bash.stdout
        # `(exit $code)` gives the command the $? of the one before it.
        line = f"{{ (exit $code)\n{command}\n}} </dev/null\ncode=$?; printf '\\0%d\\n' $code\n"
        self._bash.stdin.write(line.encode())
        self._bash.stdin.flush()
        output, until = b"", time.monotonic() + PATIENCE
        while not (end := re.search(rb"\0(\d+)\n$", output)):
            left = max(0.0, until - time.monotonic())
            ready = select.select([self._bash.stdout], [], [], left)[0]
            chunk = self._bash.stdout.read1() if ready else b""
            assert chunk, f"$ {command}\n{output.decode()}\nno end after {PATIENCE:.0f} s"
            output += chunk
        return output[: end.start()].decode(), int(end[1])

    def close(self) -> None:
        """End the shell, with what it may have left in the background, and wait for it."""
        assert self._bash.stdin
        assert self._bash.stdout
        self._bash.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._bash.wait(timeout=5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        self._bash.stdout.close()
