"""Share the hot loop among processes; the result is the same whatever becomes of them.

The workers are started anew, never forked: a fork would copy the locks of a host program's
threads. They and this process take the numbers of chunks from one pipe: a read of four bytes
from a pipe is atomic (pipe(7)), so that is the whole scheduler. A chunk that a worker does not
deliver, for whatever reason, is done again here, where its error has a caller.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from otumat_sign import _blobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence
    from typing import IO, TypeAlias

    Columns: TypeAlias = list[list[str]]
    Child: TypeAlias = tuple[subprocess.Popen[bytes], IO[bytes]]

MAXIMUM = 64
#: Few enough that the numbers of all chunks fit into the smallest pipe (4096 bytes).
_CHUNKS = 1024
_CHUNKS_PER_WORKER = 64
#: -I and -S: nothing of the user's environment or site runs. The module is found by its folder.
_PROGRAM = """\
import sys
sys.path.insert(0, sys.argv[1])
import _blobs
_blobs.serve(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
"""


def heads(paths: Sequence[bytes], algorithms: Sequence[str], workers: int) -> Columns:
    """Return `_blobs.heads`, made by up to *workers* processes, this one included."""
    workers = min(workers, len(paths), MAXIMUM)
    if workers <= 1 or not _can_start():
        return _blobs.heads(paths, algorithms)
    size = -(-len(paths) // min(workers * _CHUNKS_PER_WORKER, _CHUNKS))
    chunks = [paths[start : start + size] for start in range(0, len(paths), size)]
    numbers = _queue(len(chunks))
    try:
        done = _shared(chunks, algorithms, numbers, workers - 1)
    finally:
        os.close(numbers)
    columns: Columns = [[] for _ in algorithms]
    for number, chunk in enumerate(chunks):
        parts = done.get(number) or _blobs.heads(chunk, algorithms)
        for column, part in zip(columns, parts, strict=True):
            column.extend(part)
    return columns


def _can_start() -> bool:
    # In a frozen program sys.executable is that program, not Python. Windows passes no pipes.
    return os.name == "posix" and bool(sys.executable) and not getattr(sys, "frozen", False)


def _queue(count: int) -> int:
    """Return the reading end of a pipe that holds the numbers below *count* and then ends."""
    numbers, feed = os.pipe()
    try:
        os.write(feed, b"".join(number.to_bytes(4, "big") for number in range(count)))
    finally:
        os.close(feed)
    return numbers


def _shared(
    chunks: Sequence[Sequence[bytes]], algorithms: Sequence[str], numbers: int, helpers: int
) -> dict[int, Columns]:
    """Work with *helpers* on the queue *numbers* until it is empty; return what was done."""
    import tempfile

    children: list[Child] = []
    with tempfile.TemporaryFile() as listing:
        listing.write(b"\0".join(path for chunk in chunks for path in chunk))
        listing.flush()
        arguments = [str(numbers), str(len(chunks[0])), *algorithms]
        try:
            with suppress(OSError):  # none to be had: fewer do the same
                for _ in range(helpers):
                    children.append(_start(listing, arguments, numbers))  # noqa: PERF401
            done = {n: _blobs.heads(chunks[n], algorithms) for n in _blobs.take(numbers)}
            for process, output in children:
                process.wait()
                done.update(_results(output))
        finally:
            for process, output in children:
                process.kill()
                process.wait()
                output.close()
    return done


def _start(listing: IO[bytes], arguments: list[str], numbers: int) -> Child:
    import subprocess
    import tempfile

    output = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by the caller
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, os.path.dirname(__file__), *arguments],  # noqa: PTH120
            stdin=listing,
            stdout=output,
            stderr=subprocess.DEVNULL,
            pass_fds=[numbers],
        )
    except OSError:
        output.close()
        raise
    return process, output


def _results(output: IO[bytes]) -> Iterator[tuple[int, Columns]]:
    """Yield the chunks that a worker delivered whole."""
    import marshal

    output.seek(0)
    with suppress(EOFError, ValueError, TypeError):  # the end, or what a killed one left
        while True:
            yield marshal.load(output)  # noqa: S302 -- a nameless file that only a worker has
