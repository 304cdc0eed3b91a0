"""A program at a real terminal."""

import contextlib
import os
import pathlib
import select
import signal
import subprocess
import sys
import time


class Terminal:
    """A program in a session of its own whose controlling terminal is a real pty."""

    # The child takes the terminal itself: forking by hand warns in threaded test runs.
    START = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )

    def __init__(self, argv, env):
        import pty

        self.fd, inner = pty.openpty()
        self.text = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.START, *argv],
            # pytest names itself to its children, which rightly keeps us from asking them.
            env={k: v for k, v in {**os.environ, **env}.items() if k != "PYTEST_CURRENT_TEST"},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)

    def _read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self.fd, 65536)
        except OSError:  # EIO: the last program on the terminal has gone
            return False
        self.text += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)

    def expect(self, text, seconds=20):
        """Wait until *text* was shown."""
        end = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < end, f"{text!r} not in {self.text!r}"
            assert self._read(0.2) or text in self.text, f"{text!r} not in {self.text!r}"
        return self

    def send(self, text):
        """Type *text*, as a person does: once the program waits for it.

        A Ctrl-C between the question and the read would only be noticed at the next key.
        """
        end = time.monotonic() + 5
        while self._runs() and time.monotonic() < end:
            time.sleep(0.01)
        os.write(self.fd, text.encode())
        return self

    def _runs(self):
        """Say whether the program does something else than wait; no where nobody tells."""
        try:
            told = pathlib.Path(f"/proc/{self.process.pid}/stat").read_bytes()
        except OSError:
            return False
        return told.rpartition(b")")[2].split()[:1] == [b"R"]

    def hang_up(self):
        """Close the terminal, as a lost connection does."""
        os.close(self.fd)
        self.fd = -1

    def wait(self, seconds=20):
        """Read to the end; return the exit status."""
        end = time.monotonic() + seconds
        while self.fd >= 0 and self._read(0.1):
            if self.process.poll() is not None:
                while self._read(0.05) and select.select([self.fd], [], [], 0.05)[0]:
                    pass
                break
            assert time.monotonic() < end, self.text
        return self.process.wait(max(0.1, end - time.monotonic()))

    def end(self):
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        if self.fd >= 0:
            os.close(self.fd)
