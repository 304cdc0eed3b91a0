"""Floors in Python: `file FOLDER NAME PROGRAM` watches one file, `tree FOLDER` arms a tree.

`tree FOLDER click` imports click first, as every command line of its kind does.
"""

import ctypes
import os
import struct
import sys

libc = ctypes.CDLL(None)
fd = libc.inotify_init1(os.O_CLOEXEC)


def watch(folder: str, mask: int) -> None:
    """Add one watch."""
    if libc.inotify_add_watch(fd, os.fsencode(folder), mask) < 0:
        sys.exit("no inotify watch left")


def file(folder: str, name: str, program: str) -> None:
    """Run *program* whenever the file was closed after a write or replaced."""
    watch(folder, 0x88)
    print("ready", flush=True)
    while True:
        data = os.read(fd, 65536)
        offset, hit = 0, False
        while offset < len(data):
            _, _, _, length = struct.unpack_from("iIII", data, offset)
            offset += 16
            hit |= data[offset : offset + length].rstrip(b"\0") == name.encode()
            offset += length
        if hit:
            os.waitpid(os.posix_spawn(program, [program], os.environ), 0)


def tree(root: str, *imports: str) -> None:
    """Add the watches that a tree needs, as simply as it can be done."""
    for name in imports:
        __import__(name)
    folders = [root]
    while folders:
        folder = folders.pop()
        watch(folder, 0x3CE)
        with os.scandir(folder) as entries:
            folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    print("ready", flush=True)
    os.read(fd, 65536)


{"file": file, "tree": tree}[sys.argv[1]](*sys.argv[2:])
