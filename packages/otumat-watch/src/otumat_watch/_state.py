"""What a run printed, as the arguments of the next run."""

from otumat_watch.exceptions import StateError, StateTooLargeError

__all__ = ["CAP", "arguments_from"]

#: Bytes of output that are kept at most.
CAP = 1024 * 1024
#: Linux passes no single argument longer than this (MAX_ARG_STRLEN, with its final NUL).
LINE_CAP = 131_071


def arguments_from(output: bytes) -> list[str]:
    r"""Return the lines of *output*: UTF-8, other bytes kept as surrogates, `\r\n` as `\n`.

    An empty line is an empty argument; no output is no argument.

    Raises:
        StateTooLargeError: More than the system passes as arguments.
        StateError: A NUL byte, which no argument can hold.
    """
    if len(output) > CAP:
        raise StateTooLargeError(f"printed more than {CAP} bytes")
    if b"\0" in output:
        raise StateError("printed a NUL byte, which no argument can hold")
    lines = output.split(b"\n")
    if not lines[-1]:
        del lines[-1]
    if any(len(line) > LINE_CAP for line in lines):
        raise StateTooLargeError(f"printed a line of more than {LINE_CAP} bytes")
    return [line.removesuffix(b"\r").decode("utf-8", "surrogateescape") for line in lines]
