"""Hash a package folder as git would list it: the one public way from files to a digest."""

from __future__ import annotations

import os

from otumat_sign._blobs import blob_id, heads
from otumat_sign._listing import lines, quote_all, refuse_links, refuse_names
from otumat_sign._tree import locate, scan
from otumat_sign.exceptions import EmptyPackageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal, TypeAlias

    Algorithm: TypeAlias = Literal["sha1", "sha256"]

__all__ = ["hash_pkg"]

_SLICE = 2048


def hash_pkg(
    *,
    pkgpath: str | os.PathLike[str],
    algorithm: Algorithm = "sha1",
    prefix: str | None = None,
    workers: int | None = None,
) -> str:
    """Return the hash of a package's content, in hexadecimal.

    It is what ``git add . --all; git ls-files -s PKG | git hash-object --stdin`` prints in the
    folder that holds PKG, made from the files alone. Folders called ``__pycache__`` are left
    out, and nothing else. See git-ls-files(1), git-hash-object(1).

    Args:
        pkgpath: The package's folder, or the file of a single-module package.
        algorithm: ``"sha1"``, or ``"sha256"`` for what a repository made with
            ``git init --object-format=sha256`` says.
        prefix: The folders that git would print before the package's name, "/" between them:
            ``"src"`` for ``git ls-files -s src/PKG``. Nothing by default.
        workers: How many processes may read and hash, this one included. One by default; more
            help from some thousand files or some hundred megabytes on. The result is the same.

    Raises:
        PackageNotFoundError: Nothing is at *pkgpath* (also a FileNotFoundError).
        EmptyPackageError: The package has no files (also a ValueError).
        RefusedPathError: A link as package, a FIFO, socket or device anywhere, or a name that
            git refuses (also a ValueError).
        UnreadableFileError: The operating system said no (also an OSError).
        ChangedFileError: A file changed while it was read (also an OSError).
        ValueError: *algorithm*, *prefix* or *workers* makes no sense.
    """
    return digests(pkgpath, [algorithm], prefix=prefix, workers=workers)[0]


def digests(
    pkgpath: str | os.PathLike[str],
    algorithms: Sequence[str],
    *,
    prefix: str | None = None,
    workers: int | None = None,
) -> list[str]:
    """Return `hash_pkg` for each of *algorithms*; every file is read once."""
    if workers is not None and workers < 1:
        message = f"workers must be 1 or more, not {workers}"
        raise ValueError(message)
    above = _folders(prefix)
    root = locate(pkgpath)
    files = scan(root)
    if not files:
        message = "the package has no files: its hash would be that of every empty folder"
        raise EmptyPackageError(message)
    cut = len(root) - len(os.path.basename(root))  # noqa: PTH119 -- bytes
    for _, listed in _slices(files, cut, above):
        refuse_names(listed)
    if workers is None or workers == 1:
        columns = heads(files, algorithms)
    else:
        from otumat_sign import _workers

        columns = _workers.heads(files, algorithms, workers)
    listings: list[list[bytes]] = [[] for _ in algorithms]
    for part, listed in _slices(files, cut, above):
        refuse_links(columns[0][part], listed)
        names = quote_all(listed)
        for listing, column in zip(listings, columns, strict=True):
            listing.append(lines(column[part], names))
    return [
        blob_id(b"".join(listing), algorithm)
        for listing, algorithm in zip(listings, algorithms, strict=True)
    ]


def _slices(files: Sequence[bytes], cut: int, above: bytes) -> Iterator[tuple[slice, list[bytes]]]:
    """Yield where *files* are and how they are listed, some at a time: never all names twice."""
    for start in range(0, len(files), _SLICE):
        part = slice(start, start + _SLICE)
        yield part, [above + path[cut:] for path in files[part]]


def _folders(prefix: str | None) -> bytes:
    if not prefix:
        return b""
    parts = prefix.removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        message = f"prefix {prefix!r} is not a relative path of folders, such as 'src'"
        raise ValueError(message)
    return os.fsencode("/".join(parts)) + b"/"
