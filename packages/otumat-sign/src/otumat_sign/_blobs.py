r"""Turn files into the heads of git's listing lines: the hot loop, one open file at a time.

Git hashes a file as the blob ``b"blob " + size + b"\0" + content`` and lists it as
``MODE ID 0<TAB>PATH`` (git-ls-files(1), git-hash-object(1)). This module makes everything
before the path. Workers import it alone, so it must import nothing of this package at its top.
"""

from __future__ import annotations

import os
import time
from errno import EACCES, EAGAIN, ELOOP, EMLINK, ENOENT, ENOTDIR, EPERM
from hashlib import sha1, sha256
from stat import S_ISREG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import NoReturn, Protocol

    class Digest(Protocol):
        """The part of a hashlib object that is used here."""

        def copy(self) -> Digest: ...
        def update(self, data: bytes | memoryview, /) -> None: ...
        def hexdigest(self) -> str: ...


#: One buffer of this size takes all files in turn: it stays in the processor's cache. A file
#: below this size is read by one call.
BUFFER_SIZE = 256 * 1024
#: A file whose last change is older than this many seconds before the start of the work has
#: not changed since: coarser than any file system's clock (FAT counts in steps of 2 s) and the
#: cut to whole seconds together.
SETTLED = 3

#: Never follow a link, never block on a FIFO that has taken a file's place, never translate.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)
#: Windows has neither O_NOFOLLOW nor executable bits; git there lists every file as 100644.
_POSIX = hasattr(os, "O_NOFOLLOW")
#: What open(2) with O_NOFOLLOW says of a link: Linux and macOS, FreeBSD.
_IS_LINK = (ELOOP, EMLINK)
#: The type and owner's x bit of st_mode, and what git makes of them.
_TYPE_AND_X = 0o170100
_MODES = {0o100000: "100644", 0o100100: "100755" if _POSIX else "100644"}
#: Where os.stat_result has the time of the last change: ctime, which nobody can set back; on
#: Windows that field is the time of creation, so mtime.
_CHANGED = 9 if _POSIX else 8


def _open_portably(path: bytes, flags: int) -> int:
    """Open a file; refuse a link in the words of a POSIX system."""
    if os.path.islink(path):  # noqa: PTH114 -- bytes
        raise OSError(ELOOP, "is a link", path)
    return os.open(path, flags)


def _readv_portably(handle: int, buffers: list[bytearray]) -> int:
    """Read into the first of *buffers* as readv(2) does, where that is not to be had."""
    data = os.read(handle, len(buffers[0]))
    buffers[0][: len(data)] = data
    return len(data)


_open: Callable[[bytes, int], int] = os.open if _POSIX else _open_portably
_readv: Callable[[int, list[bytearray]], int] = getattr(os, "readv", _readv_portably)


def new(algorithm: str) -> Digest:
    """Return an empty hash; it names content here and defends nothing (so FIPS allows it)."""
    try:
        make = {"sha1": sha1, "sha256": sha256}[algorithm]
    except KeyError:
        message = f"algorithm {algorithm!r} is not one of git's: sha1, sha256"
        raise ValueError(message) from None
    return make(usedforsecurity=False)


def blob_id(data: bytes, algorithm: str) -> str:
    """Return the id that git gives to *data* as a blob, in hexadecimal."""
    digest = new(algorithm)
    digest.update(b"blob %d\0" % len(data))
    digest.update(data)
    return digest.hexdigest()


def heads(paths: Sequence[bytes], algorithms: Sequence[str]) -> list[list[str]]:
    """Return ``MODE ID 0<TAB>`` of each of *paths*: one column for each of *algorithms*.

    One open, read, fstat and close for a small file. The fstat comes last: where it says that
    the file has not changed for `SETTLED` seconds, what was read is what was there. Everything
    else (links, large files, recent changes, trouble) is left to `_careful`.

    Raises:
        RefusedPathError: a path is neither a file nor a link.
        ChangedFileError: a file vanished or changed while it was read.
        UnreadableFileError: the operating system said no.
    """
    empty = [new(algorithm) for algorithm in algorithms]
    columns: list[list[str]] = [[] for _ in algorithms]
    copy, add = empty[0].copy, columns[0].append
    others = [(digest.copy, column.append) for digest, column in zip(empty, columns)][1:]  # noqa: B905
    open_, readv, fstat, close = _open, _readv, os.fstat, os.close
    full, modes, changed, mask = BUFFER_SIZE, _MODES, _CHANGED, _TYPE_AND_X
    buffer = bytearray(full)
    whole, into = memoryview(buffer), [buffer]
    limit = int(time.time()) - SETTLED
    for path in paths:
        try:
            handle = open_(path, _FLAGS)
            try:
                size = readv(handle, into)
                stat = fstat(handle)
            finally:
                close(handle)
        except OSError:
            mode = None
        else:
            mode = modes.get(stat[0] & mask)
        if mode is None or size != stat[6] or size == full or stat[changed] > limit:
            for column, head in zip(columns, _careful(path, empty)):  # noqa: B905
                column.append(head)
            continue
        header, data = b"blob %d\0" % size, whole[:size]
        digest = copy()
        digest.update(header)
        digest.update(data)
        add(f"{mode} {digest.hexdigest()} 0\t")
        for copy_other, add_other in others:
            digest = copy_other()
            digest.update(header)
            digest.update(data)
            add_other(f"{mode} {digest.hexdigest()} 0\t")
    return columns


def _careful(path: bytes, empty: Sequence[Digest]) -> list[str]:
    """Do the work of `heads` for one path, whatever it is, comparing fstat before and after."""
    try:
        handle = _open(path, _FLAGS)
    except OSError as error:
        return _link_heads(path, error, empty)
    digests = [digest.copy() for digest in empty]
    try:
        before = os.fstat(handle)
        regular = S_ISREG(before.st_mode)
        got = _stream(handle, before.st_size, digests) if regular else 0
        after = os.fstat(handle)
    except OSError as error:
        _raise_unreadable(path, error)
    finally:
        os.close(handle)
    if not regular:
        _refuse(path, before.st_mode)
    stamps = [(s.st_size, s.st_mtime_ns, s[_CHANGED], s.st_mode) for s in (before, after)]
    if got != before.st_size or stamps[0] != stamps[1]:
        _raise_changed(path)
    mode = _MODES[before.st_mode & _TYPE_AND_X]
    return [f"{mode} {digest.hexdigest()} 0\t" for digest in digests]


def _stream(handle: int, size: int, digests: Sequence[Digest]) -> int:
    """Feed a blob of *size* bytes to *digests*; return how many bytes the file really had."""
    for digest in digests:
        digest.update(b"blob %d\0" % size)
    total = 0
    buffer = memoryview(bytearray(min(size, BUFFER_SIZE - 1) + 1))
    with os.fdopen(handle, "rb", buffering=0, closefd=False) as file:
        while got := file.readinto(buffer):
            for digest in digests:
                digest.update(buffer[:got])
            total += got
            if total > size:
                break
    return total


def _link_heads(path: bytes, error: OSError, empty: Sequence[Digest]) -> list[str]:
    """Hash a link as git does, by the bytes it holds, or raise why *path* cannot be opened."""
    if error.errno not in _IS_LINK:
        _raise_unreadable(path, error)
    try:
        target = os.readlink(path)  # noqa: PTH115 -- bytes
    except OSError as second:
        _raise_unreadable(path, second)
    found = []
    for digest in (digest.copy() for digest in empty):
        digest.update(b"blob %d\0" % len(target))
        digest.update(target)
        found.append(f"120000 {digest.hexdigest()} 0\t")
    return found


def kind(mode: int) -> str:
    """Name what *mode* says a path is, for a message."""
    from stat import S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISLNK, S_ISSOCK

    kinds = {
        S_ISDIR: "a folder",
        S_ISLNK: "a symbolic link",
        S_ISFIFO: "a FIFO",
        S_ISSOCK: "a socket",
        S_ISCHR: "a device",
        S_ISBLK: "a device",
    }
    return next((name for test, name in kinds.items() if test(mode)), "neither file nor link")


def refuse_kind(path: bytes, mode: int) -> NoReturn:
    """Raise RefusedPathError: *path* is of a kind that git cannot hold."""
    from otumat_sign.exceptions import RefusedPathError

    message = f"{os.fsdecode(path)} is {kind(mode)}: it has no content to sign"
    raise RefusedPathError(message)


def _refuse(path: bytes, mode: int) -> NoReturn:
    """Raise for what is no file any more although it was one when the folder was listed."""
    if kind(mode) == "a folder":
        _raise_changed(path)
    refuse_kind(path, mode)


def _raise_changed(path: bytes) -> NoReturn:
    from otumat_sign.exceptions import ChangedFileError

    message = f"{os.fsdecode(path)} changed while it was read: try again when nothing writes to it"
    raise ChangedFileError(message)


def _raise_unreadable(path: bytes, error: OSError) -> NoReturn:
    from otumat_sign.exceptions import UnreadableFileError

    if error.errno in (ENOENT, ENOTDIR, EAGAIN):
        _raise_changed(path)
    hint = ": change its mode or leave it out" if error.errno in (EACCES, EPERM) else ""
    message = f"cannot read {os.fsdecode(path)}: {error.strerror}{hint}"
    raise UnreadableFileError(message) from error


def take(numbers: int) -> Iterator[int]:
    """Yield numbers from the pipe *numbers*, which others empty too, until there are no more."""
    while token := os.read(numbers, 4):
        yield int.from_bytes(token, "big")


def serve(numbers: int, size: int, algorithms: Sequence[str]) -> None:
    """Be a worker: hash chunks of *size* of the paths in file descriptor 0, write to 1."""
    import marshal

    paths = os.pread(0, os.fstat(0).st_size, 0).split(b"\0")
    with open(1, "wb", closefd=False) as output:
        for number in take(numbers):
            start = number * size
            marshal.dump((number, heads(paths[start : start + size], algorithms)), output)
