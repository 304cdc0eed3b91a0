"""One run of the script: a process group of its own, its output, its end (POSIX)."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from otumat_watch.exceptions import ScriptError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Process", "withhold_descriptors"]

_CHUNK = 64 * 1024
_MOST_CHUNKS = 32
_STDERR = 2
#: As waitpid says exit code 255: an end that is not known is no success.
_UNKNOWN = 255 << 8
#: Python ignores these two; a script expects the system's defaults.
_DEFAULTED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT)


class Process:
    """A started script."""

    def __init__(self, argv: list[str], environment: Mapping[str, str], *, cap: int) -> None:
        """Start *argv* and keep at most *cap* + 1 bytes of its output.

        `posix_spawn` returns when the child has become the script (it is a vfork), and no module
        has to be imported at the moment of the change. Every descriptor that Python made is
        close-on-exec already (PEP 446).

        Raises:
            ScriptError: The system refused.
        """
        self._cap = cap
        self.output = bytearray()
        self.exit_code: int | None = None
        self._stdout, write_end = _pipe()
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, write_end, 1),
        ]
        try:
            self.pid = os.posix_spawn(
                argv[0], argv, environment,
                file_actions=actions, setpgroup=0, setsigmask=(), setsigdef=_DEFAULTED,
            )  # fmt: skip
        except OSError as error:
            os.close(self._stdout)
            raise ScriptError(error.errno, error.strerror, argv[0]) from error
        finally:
            os.close(write_end)
        self._pidfd = _pidfd(self.pid)

    def descriptors(self) -> list[int]:
        """Return what becomes readable when there is output or the end."""
        return [fd for fd in (self._stdout, self._pidfd) if fd >= 0]

    def is_observable(self) -> bool:
        """Tell whether a descriptor announces the end; else ask `ended()` now and then."""
        return self._pidfd >= 0

    def read(self) -> None:
        """Take in the output that is there; what exceeds the cap is dropped, not kept waiting.

        One call takes more than a pipe holds, but not for ever from a script that never pauses.
        """
        for _ in range(_MOST_CHUNKS):
            if self._stdout < 0:
                return
            try:
                data = os.read(self._stdout, _CHUNK)
            except BlockingIOError:
                return
            if not data:
                os.close(self._stdout)
                self._stdout = -1
                return
            self.output += data[: max(0, self._cap + 1 - len(self.output))]

    def ended(self) -> bool:
        """Tell whether the script has ended; its output is then complete."""
        if self.exit_code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # whoever started us ignores SIGCHLD: nobody knows the end
                pid, status = self.pid, _UNKNOWN
            if not pid:
                return False
            self.exit_code = os.waitstatus_to_exitcode(status)
            if self._pidfd >= 0:
                os.close(self._pidfd)
                self._pidfd = -1
            self.read()
            # A child left behind may go on writing; that is read so that it does not block, and
            # dropped, because the state is what was printed until the script's end.
            self._cap = -1
        return True

    def send(self, signum: int) -> bool:
        """Send *signum* to the whole group; False if nobody of it is left."""
        try:
            os.killpg(self.pid, signum)
        except ProcessLookupError:
            return False
        except PermissionError:  # somebody is left, and is somebody else's (sudo)
            return True
        return True

    def is_gone(self) -> bool:
        """Tell whether nobody of the group is left and nobody holds the output open."""
        self.read()
        return self.ended() and self._stdout < 0 and not self.has_group()

    def has_group(self) -> bool:
        """Tell whether somebody of the group still lives.

        Somebody dead whom nobody has buried yet does not count: after the script's end its
        children are init's, and in a container init may be slow or none.
        """
        return self.send(0) and (not sys.platform.startswith("linux") or _lives(self.pid))

    def ask_to_end(self) -> None:
        """Ask the whole group to end; who is stopped is woken to hear it."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)


def _pipe() -> tuple[int, int]:
    try:
        read_end, write_end = os.pipe()
    except OSError as error:
        raise ScriptError(error.errno, error.strerror) from error
    os.set_blocking(read_end, False)
    return read_end, write_end


def withhold_descriptors() -> None:
    """Keep what this process inherited beside the standard three from its scripts.

    Python's own descriptors are withheld already; `subprocess` closes the others at each start,
    `posix_spawn` cannot.
    """
    with suppress(OSError):
        for name in os.listdir("/dev/fd"):  # noqa: PTH208 -- names
            with suppress(OSError):
                if int(name) > _STDERR:
                    os.set_inheritable(int(name), False)


def _lives(group: int) -> bool:
    """Look through /proc for a living member of *group* (proc(5): fields 3 and 5 of stat)."""
    for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 -- names, thousands
        with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
            # The second field is the program's name and may hold anything but ends with the last ).
            state, _, found = file.read().rpartition(b")")[2].split()[:3]
            if int(found) == group and state not in b"ZX":
                return True
    return False


def _pidfd(pid: int) -> int:
    """Return a descriptor that is readable when *pid* ends; -1 before Linux 5.3 and elsewhere."""
    try:
        return os.pidfd_open(pid)  # type: ignore[attr-defined, unused-ignore]
    except (AttributeError, OSError):
        return -1
