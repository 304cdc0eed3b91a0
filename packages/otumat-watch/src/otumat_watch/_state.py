"""What a run printed, as the arguments of the next run."""

from __future__ import annotations

import os

from otumat_watch.exceptions import StateError, StateTooLargeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["arguments_from", "output_cap"]

#: Bytes of output that are kept at most, whatever the system would pass.
_MOST = 1024 * 1024
#: Linux passes no single argument longer than this (MAX_ARG_STRLEN less its final NUL).
_LONGEST = 131_071
#: CreateProcess takes a command line of 32,767 characters.
_MOST_ON_WINDOWS = 30_000
#: What the kernel and the interpreter's own arguments need beside ours.
_SLACK = 8192
_POINTER = 8


def output_cap(environment: Mapping[str, str]) -> int:
    """Return how many bytes of arguments the system passes beside *environment*."""
    if os.name == "nt":
        return _MOST_ON_WINDOWS
    used = sum(
        len(os.fsencode(name)) + len(os.fsencode(value)) + 2 + _POINTER
        for name, value in environment.items()
    )
    return max(0, min(_MOST, os.sysconf("SC_ARG_MAX") - used - _SLACK))


def arguments_from(output: bytes, *, cap: int) -> list[str]:
    r"""Return the lines of *output*: UTF-8, other bytes kept as surrogates, `\r\n` as `\n`.

    An empty line is an empty argument; no output is no argument.

    Args:
        output: All that a run printed, or its first *cap* + 1 bytes.
        cap: Bytes that fit, each argument with its NUL and its pointer.

    Raises:
        StateTooLargeError: More than the system passes as arguments.
        StateError: A NUL byte, which no argument can hold.
    """
    if len(output) > cap:
        raise StateTooLargeError(f"printed more than {cap} bytes")
    if b"\0" in output:
        raise StateError("printed a NUL byte, which no argument can hold")
    lines = output.split(b"\n")
    if not lines[-1]:
        del lines[-1]
    if len(output) + _POINTER * len(lines) > cap:
        raise StateTooLargeError(f"printed {len(lines)} lines, more than fit into {cap} bytes")
    if any(len(line) > _LONGEST for line in lines):
        raise StateTooLargeError(f"printed a line of more than {_LONGEST} bytes")
    return [line.removesuffix(b"\r").decode("utf-8", "surrogateescape") for line in lines]
