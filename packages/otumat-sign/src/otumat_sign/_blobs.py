r"""Turn files into the heads of git's listing lines: the hot loop, one open file at a time.

Git hashes a file as the blob ``b"blob " + size + b"\0" + content`` and lists it as
``MODE ID 0<TAB>PATH`` (git-ls-files(1), git-hash-object(1)). This module makes everything
before the path. It must import nothing of this package at module level.
"""

from __future__ import annotations

import os
from errno import EACCES, ELOOP, EMLINK, ENOENT, ENOTDIR, EPERM
from hashlib import sha1, sha256
from stat import S_ISLNK, S_ISREG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import NoReturn, Protocol

    class Digest(Protocol):
        """The part of a hashlib object that is used here."""

        def update(self, data: bytes | memoryview, /) -> None: ...
        def hexdigest(self) -> str: ...

    Maker = Callable[[bytes], Digest]

#: Files up to this size are read at once, larger ones through one buffer of this size: above
#: it, the page faults of a fresh bytes object cost more than the copy.
BUFFER_SIZE = 128 * 1024

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


def _open_portably(path: bytes, flags: int) -> int:
    """Open a file; refuse a link in the words of a POSIX system."""
    if os.path.islink(path):  # noqa: PTH114 -- bytes
        raise OSError(ELOOP, "is a link", path)
    return os.open(path, flags)


_open: Callable[[bytes, int], int] = os.open if _POSIX else _open_portably


def maker(algorithm: str) -> Maker:
    """Return the constructor of a hash that is used to name content, not as a defence."""
    constructor = {"sha1": sha1, "sha256": sha256}[algorithm]
    # A FIPS build of OpenSSL refuses SHA-1 unless it is told so; elsewhere nothing changes.
    try:
        constructor()
    except ValueError:
        return lambda data: constructor(data, usedforsecurity=False)
    return constructor


def blob_id(data: bytes, make: Maker) -> bytes:
    """Return the id that git gives to *data* as a blob, in hexadecimal."""
    digest = make(b"blob %d\0" % len(data))
    digest.update(data)
    return digest.hexdigest().encode()


def heads(paths: Iterable[bytes], makers: Sequence[Maker]) -> list[tuple[bytes, ...]]:
    """Return ``MODE ID 0<TAB>`` of each of *paths*, once for each of *makers*.

    Raises:
        RefusedPathError: a path is neither a file nor a link.
        ChangedFileError: a file vanished or changed while it was read.
        UnreadableFileError: the operating system said no.
    """
    result = []
    buffer = memoryview(bytearray(BUFFER_SIZE))
    open_, fstat, read, close = _open, os.fstat, os.read, os.close
    for path in paths:
        try:
            handle = open_(path, _FLAGS)
        except OSError as error:
            result.append(_link_heads(path, error, makers))
            continue
        try:
            before = fstat(handle)
            size = before.st_size
            if not S_ISREG(before.st_mode):
                _refuse(path)
            header = b"blob %d\0" % size
            digests = [make(header) for make in makers]
            if size < BUFFER_SIZE:
                data = read(handle, size + 1)
                got = len(data)
                for digest in digests:
                    digest.update(data)
            else:
                got = _stream(handle, digests, buffer)
            after = fstat(handle)
        except OSError as error:
            _raise_unreadable(path, error)
        finally:
            close(handle)
        if got != size or after.st_mtime_ns != before.st_mtime_ns:
            _raise_changed(path)
        mode = b"100755" if before.st_mode & 0o100 and _POSIX else b"100644"
        result.append(tuple([b"%b %b 0\t" % (mode, d.hexdigest().encode()) for d in digests]))
    return result


def _stream(handle: int, digests: Sequence[Digest], buffer: memoryview) -> int:
    """Feed a large file to *digests* through *buffer*; return how many bytes it had."""
    total = 0
    with os.fdopen(handle, "rb", buffering=0, closefd=False) as file:
        while got := file.readinto(buffer):
            part = buffer[:got]
            for digest in digests:
                digest.update(part)
            total += got
    return total


def _link_heads(path: bytes, error: OSError, makers: Sequence[Maker]) -> tuple[bytes, ...]:
    """Hash a link as git does, by the bytes it holds, or raise why *path* cannot be opened."""
    if error.errno not in _IS_LINK:
        _raise_unreadable(path, error)
    try:
        target = os.readlink(path)  # noqa: PTH115 -- bytes
    except OSError as second:
        _raise_unreadable(path, second)
    return tuple([b"120000 %b 0\t" % blob_id(target, make) for make in makers])


def kind(mode: int) -> str:
    """Name what *mode* says a path is, for a message."""
    from stat import S_ISBLK, S_ISCHR, S_ISFIFO, S_ISSOCK

    kinds = {
        S_ISLNK: "a symbolic link",
        S_ISFIFO: "a FIFO",
        S_ISSOCK: "a socket",
        S_ISCHR: "a device",
        S_ISBLK: "a device",
    }
    return next((name for test, name in kinds.items() if test(mode)), "neither file nor link")


def _refuse(path: bytes) -> NoReturn:
    from otumat_sign.exceptions import RefusedPathError

    message = f"{os.fsdecode(path)} is {kind(os.lstat(path).st_mode)}: it has no content to sign"
    raise RefusedPathError(message)


def _raise_changed(path: bytes) -> NoReturn:
    from otumat_sign.exceptions import ChangedFileError

    message = f"{os.fsdecode(path)} changed while it was read: try again when nothing writes to it"
    raise ChangedFileError(message)


def _raise_unreadable(path: bytes, error: OSError) -> NoReturn:
    from otumat_sign.exceptions import UnreadableFileError

    if error.errno in (ENOENT, ENOTDIR):
        _raise_changed(path)
    hint = ": change its mode or leave it out" if error.errno in (EACCES, EPERM) else ""
    message = f"cannot read {os.fsdecode(path)}: {error.strerror}{hint}"
    raise UnreadableFileError(message) from error
