"""One run of the script on Windows: the same face as `_process.Process`."""

from __future__ import annotations

import socket
import subprocess
import threading
from contextlib import suppress
from errno import EINVAL

from otumat_watch._script import unsafe_for_batch
from otumat_watch.exceptions import ScriptError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Process", "withhold_descriptors"]

_CHUNK = 64 * 1024


class Process:
    """A started script; threads wait for it: neither pipes nor processes can be polled."""

    def __init__(self, argv: list[str], environment: Mapping[str, str], *, cap: int) -> None:
        """Start *argv* and keep at most *cap* + 1 bytes of its output.

        Raises:
            ScriptError: The system refused.
        """
        if unsafe := unsafe_for_batch(argv):
            reason = f"cmd.exe would not pass on {unsafe!r} as it is; use a .py or .ps1 script"
            raise ScriptError(EINVAL, reason, argv[0])
        self._cap = cap
        self.output = bytearray()
        self.exit_code: int | None = None
        self._read_end, self._write_end = socket.socketpair()
        self._read_end.setblocking(False)
        self._write_end.setblocking(False)
        try:
            self._child = subprocess.Popen(
                argv,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            self._read_end.close()
            self._write_end.close()
            raise ScriptError(error.errno, error.strerror, argv[0]) from error
        self.pid = self._child.pid
        self._reader = threading.Thread(target=self._take_in, daemon=True)
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._reader.start()
        self._waiter.start()

    def descriptors(self) -> list[int]:
        """Return what becomes readable at the end."""
        return [self._read_end.fileno()] if self.exit_code is None else []

    def is_observable(self) -> bool:
        """Tell that the descriptor announces the end."""
        return True

    def read(self) -> None:
        """Empty the descriptor; the thread takes in the output."""
        with suppress(OSError):
            while self._read_end.recv(64):
                pass

    def ended(self) -> bool:
        """Tell whether the script has ended; its output is then complete."""
        if self.exit_code is None and (code := self._child.poll()) is not None:
            self._reader.join(0.5)  # longer only if a child left behind holds the pipe
            self.exit_code = code
            self._cap = -1
            self._read_end.close()
            self._write_end.close()
        return self.exit_code is not None

    def is_gone(self) -> bool:
        """Tell whether the script has ended; Windows does not tell of its children."""
        return self.ended()

    def has_group(self) -> bool:
        """Tell whether the script still runs."""
        return not self.ended()

    def ask_to_end(self) -> None:
        """End the whole tree: there is no gentle way that every program hears."""
        self.send(9)

    def send(self, signum: int) -> bool:
        """End the whole tree unless *signum* is 0; False if the script has ended."""
        if self._child.poll() is not None:
            return False
        if signum:
            subprocess.run(
                ["taskkill", "/T", "/F", "/PID", str(self.pid)],  # noqa: S607 -- in System32
                check=False,
                capture_output=True,
            )
        return True

    def _take_in(self) -> None:
        stream = self._child.stdout
        while stream is not None and (data := stream.read1(_CHUNK)):  # type: ignore[attr-defined]
            self.output += data[: max(0, self._cap + 1 - len(self.output))]

    def _wait(self) -> None:
        self._child.wait()
        with suppress(OSError):
            self._write_end.send(b"\0")


def withhold_descriptors() -> None:
    """Do nothing: handles are withheld unless they are passed on."""
