"""Signals that end the watching, as a descriptor to wait on."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType

__all__ = ["Signals"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class Signals:
    """While entered, notes the signals that ask us to end instead of dying of them.

    A signal that is ignored stays ignored (`nohup`, a shell's background job). Outside the main
    thread nothing is installed, because only there Python handles signals.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._before: dict[int, object] = {}
        self._read = self._write = -1
        self._wakeup = -1

    def __enter__(self) -> Signals:  # noqa: PYI034 -- typing.Self needs 3.11
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        try:
            self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        except ValueError:  # not the main thread
            return self
        for signum in [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]:
            if signal.getsignal(signum) != signal.SIG_IGN:
                self._before[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(ValueError):
            signal.set_wakeup_fd(self._wakeup)
        for signum, handler in self._before.items():
            signal.signal(signum, handler)  # type: ignore[arg-type]
        os.close(self._read)
        os.close(self._write)

    def fileno(self) -> int:
        """Return what becomes readable when a signal came."""
        return self._read

    def drain(self) -> None:
        """Empty the descriptor."""
        with suppress(BlockingIOError):
            while os.read(self._read, 512):
                pass

    def names(self) -> str:
        """Return the names of the signals that came, for people."""
        return ", ".join(signal.Signals(signum).name for signum in self.received)

    def _note(self, signum: int, _frame: FrameType | None) -> None:
        self.received.append(signum)
