"""Hash a package folder as git would list it: the one public way from files to a digest."""

from __future__ import annotations

import os

from otumat_sign._blobs import heads, maker
from otumat_sign._listing import digest, refuse_link_name, refuse_names
from otumat_sign._tree import locate, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal, TypeAlias

    Algorithm: TypeAlias = Literal["sha1", "sha256"]

__all__ = ["hash_pkg"]


def hash_pkg(
    *,
    pkgpath: str | os.PathLike[str],
    algorithm: Algorithm = "sha1",
    prefix: str = "",
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

    Raises:
        PackageNotFoundError: Nothing is at *pkgpath* (also a FileNotFoundError).
        EmptyPackageError: The package has no files (also a ValueError).
        RefusedPathError: A link as package, a FIFO, socket or device anywhere, or a name that
            git refuses (also a ValueError).
        UnreadableFileError: The operating system said no (also an OSError).
        ChangedFileError: A file changed while it was read (also an OSError).
        ValueError: *algorithm* or *prefix* makes no sense.
    """
    return digests(pkgpath, [algorithm], prefix=prefix)[0]


def digests(
    pkgpath: str | os.PathLike[str], algorithms: Sequence[Algorithm], *, prefix: str = ""
) -> list[str]:
    """Return `hash_pkg` for each of *algorithms*; every file is read once."""
    makers = [maker(algorithm) for algorithm in algorithms]
    root = locate(pkgpath)
    name = os.path.basename(root)  # noqa: PTH119 -- bytes
    before = _folders(prefix)
    files = scan(root)
    cut = len(root) - len(name)
    listed = [before + path[cut:] for path in files]
    refuse_names(listed)
    columns = heads(files, makers)
    for path, column in zip(listed, columns, strict=True):
        if column[0].startswith(b"120000"):
            refuse_link_name(path)
    return [
        digest([column[at] for column in columns], listed, make) for at, make in enumerate(makers)
    ]


def _folders(prefix: str) -> bytes:
    if not prefix:
        return b""
    parts = prefix.rstrip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        message = f"prefix {prefix!r} is not a relative path of folders, such as 'src'"
        raise ValueError(message)
    return os.fsencode("/".join(parts)) + b"/"
