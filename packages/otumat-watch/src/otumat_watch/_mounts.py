"""Which mounts are written from elsewhere, so that this kernel cannot tell of every change.

Reads the text of `/proc/self/mountinfo` (proc(5)); the text is an argument, so that this runs and
is tested everywhere.
"""

# os.path, because pathlib folds what it should not and is slow to load.
# ruff: noqa: PTH118, PTH123

from __future__ import annotations

import os
import re

__all__ = ["blind_mount", "read_mounts"]

#: `fuseblk` is not here: its blocks are a local disk's, all its writes pass this kernel.
# fmt: off
_ELSEWHERE = frozenset({
    "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "fuse",
    "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
    "orangefs", "prl_fs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs",
    "vmhgfs",
})
# fmt: on
_ESCAPE = re.compile(r"\\([0-7]{3})")


def read_mounts() -> list[tuple[str, str]]:
    """Return (mount point, file system type) of every mount, later ones over earlier ones."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            text = os.fsdecode(file.read())
    except OSError:
        return []
    return parse_mounts(text)


def parse_mounts(text: str) -> list[tuple[str, str]]:
    """Return (mount point, file system type) of every line of *text*."""
    mounts = []
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if separator and len(fields) > 4:  # noqa: PLR2004 -- the fifth field is the mount point
            point = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4])
            mounts.append((point, after.split(" ")[0]))
    return mounts


def blind_mount(
    path: str, mounts: list[tuple[str, str]], *, below: bool = False
) -> tuple[str, str] | None:
    """Return the mount that hides changes of *path* from this kernel; None if none does.

    Args:
        path: What is watched; links are followed.
        mounts: What `read_mounts` returned.
        below: Whether everything below *path* is watched too.
    """
    real = os.path.realpath(path)
    over = [mount for mount in mounts if _is_below(real, mount[0])]
    # Of two mounts on one point the later one is on top: max keeps the first of equals.
    candidates = [max(reversed(over), key=lambda mount: len(mount[0]))] if over else []
    if below:
        candidates += [mount for mount in mounts if _is_below(mount[0], real)]
    for mount in candidates:
        if mount[1] in _ELSEWHERE or mount[1].startswith("fuse."):
            return mount
    return None


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))
