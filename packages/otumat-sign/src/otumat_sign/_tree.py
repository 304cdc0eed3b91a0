"""List the files of a package folder in git's order, without reading or following any."""

from __future__ import annotations

import os
from stat import S_ISDIR, S_ISLNK, S_ISREG

from otumat_sign._blobs import kind, refuse_kind
from otumat_sign.exceptions import (
    PackageNotFoundError,
    RefusedPathError,
    UnreadableFileError,
)

#: Python writes it where it can; it is left out by exact name, and only as a folder.
BYTECODE_FOLDER = b"__pycache__"


def locate(pkgpath: str | os.PathLike[str]) -> bytes:
    """Return the path of a package as bytes whose last component is the package's name.

    Raises:
        PackageNotFoundError: nothing is there.
        RefusedPathError: the package itself is a link, or neither a folder nor a file.
        UnreadableFileError: the operating system said no.
    """
    path = os.fsencode(pkgpath).rstrip(b"/" if os.sep == "/" else b"/\\")
    if os.path.basename(path) in (b"", b".", b".."):  # noqa: PTH119 -- bytes
        path = os.path.realpath(os.fsencode(pkgpath))
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"no package at {os.fsdecode(pkgpath)}: name its folder or its single .py file"
        raise PackageNotFoundError(message) from error
    except (OSError, ValueError) as error:
        message = f"cannot read {os.fsdecode(pkgpath)}: {getattr(error, 'strerror', error)}"
        raise UnreadableFileError(message) from error
    if S_ISLNK(mode):
        message = f"{os.fsdecode(path)} is a symbolic link: name the package it points to"
        raise RefusedPathError(message)
    if not (S_ISDIR(mode) or S_ISREG(mode)):
        message = f"{os.fsdecode(path)} is {kind(mode)}, not a package"
        raise RefusedPathError(message)
    return path


def scan(root: bytes) -> list[bytes]:
    """Return the files and links at and below *root*, ordered as git orders paths.

    Git compares whole paths byte by byte, so a folder sorts as if its name ended in "/". One
    stack of paths, folders marked by that "/", gives this order without sorting it all again.

    Raises:
        RefusedPathError: a FIFO, socket or device is among them.
        UnreadableFileError: a folder cannot be listed.
    """
    files: list[bytes] = []
    stack = [root + b"/" if os.path.isdir(root) else root]  # noqa: PTH112 -- bytes
    while stack:
        path = stack.pop()
        if path[-1:] != b"/":
            files.append(path)
            continue
        try:
            names, folders = _list(path)
        except OSError as error:
            message = f"cannot list {os.fsdecode(path)}: {error.strerror}"
            raise UnreadableFileError(message) from error
        if folders:
            stack += sorted(names + folders, reverse=True)
        else:
            files += sorted(names)
    return files


def _list(folder: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the files and links in *folder*, and the folders with a "/" at their end."""
    names, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                names.append(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                if entry.name != BYTECODE_FOLDER:
                    folders.append(entry.path + b"/")
            elif entry.is_symlink():
                names.append(entry.path)
            else:
                refuse_kind(entry.path, entry.stat(follow_symlinks=False).st_mode)
    return names, folders
