"""Room for a new spool: what waits for an uploader that never comes stays within a cap.

Loaded only where many files wait. The oldest go first, and what they held is counted.
"""

# pathlib and contextlib are not loaded in a program that records.
# ruff: noqa: PTH116

import os

from otumat_usage import _spool

#: What may wait: bytes on disk, and files.
MAX_BYTES = 2 * 1024 * 1024
MAX_FILES = 1024
_BLOCK = 4096


def make(folder: str, names: list[str]) -> int:
    """Remove the oldest of the spools *names* while too much waits; return how many events went."""
    # What is still a part is being made: to lock it here would fail its maker.
    whole = [name for name in sorted(names) if not name.endswith(_spool.PART)]
    sizes = [(name, _size(f"{folder}/{name}")) for name in whole]
    bytes_, files = sum([size for _, size in sizes]) + _spool.SEAL_BYTES, len(sizes) + 1
    gone = 0
    for name, size in sizes:
        if bytes_ <= MAX_BYTES and files <= MAX_FILES:
            break
        held = _discard(f"{folder}/{name}")
        if held >= 0:
            bytes_, files, gone = bytes_ - size, files - 1, gone + held
    return gone


def _size(path: str) -> int:
    """Return what a file takes on disk, roughly."""
    try:
        return -(-os.stat(path).st_size // _BLOCK) * _BLOCK
    except OSError:
        return 0


def _discard(path: str) -> int:
    """Remove a spool that no living process writes to; return how many events it held, or -1."""
    fd = _spool.claim(path)
    if fd < 0:
        return -1
    try:
        lines = os.read(fd, 4 * _spool.SEAL_BYTES).split(b"\n")[1:-1]
        _spool.remove(path)
        told = [int(line.rpartition(b"\t")[2]) for line in lines if line[:1] == b"!"]
    except (OSError, ValueError):
        return -1
    finally:
        os.close(fd)
    return len(lines) - len(told) + sum(told)
