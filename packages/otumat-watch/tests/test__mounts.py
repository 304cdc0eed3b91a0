"""Laws of mounts that are written from elsewhere."""

import pytest

from otumat_watch._mounts import blind_mount, parse_mounts, read_mounts

# Lines as proc(5) has them; the third mount lies over the second.
TEXT = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:35 / /mnt/a\040b rw shared:5 master:1 - nfs4 host:/x rw
41 40 0:36 / /mnt/a\040b rw - tmpfs tmpfs rw
42 22 0:37 / /home/me/remote rw - fuse.sshfs me@host: rw
43 22 8:1 / /mnt/stick rw - fuseblk /dev/sda1 rw
44 22 0:39 / /mnt/share rw - cifs //host/share rw
broken line
"""
MOUNTS = parse_mounts(TEXT)


def test_broken_lines_are_left_out_and_escapes_undone():
    assert MOUNTS[1] == ("/mnt/a b", "nfs4")
    assert len(MOUNTS) == 6


@pytest.mark.parametrize(
    ("path", "below", "wanted"),
    [
        ("/etc/passwd", False, None),
        ("/mnt/a b/file", False, None),
        ("/mnt/stick/file", False, None),
        ("/home/me/remote/f", False, ("/home/me/remote", "fuse.sshfs")),
        ("/home/me/remote", False, ("/home/me/remote", "fuse.sshfs")),
        ("/home/me/remote-not", False, None),
        ("/mnt/share/x/y", False, ("/mnt/share", "cifs")),
        ("/home", False, None),
        ("/home", True, ("/home/me/remote", "fuse.sshfs")),
    ],
)
def test_the_mount_a_path_is_on_decides(path, below, wanted):
    assert blind_mount(path, MOUNTS, below=below) == wanted


def test_without_any_mounts_nothing_is_blind():
    assert blind_mount("/x", []) is None


def test_this_machines_mounts_are_read():
    mounts = read_mounts()
    assert all(point.startswith("/") for point, _ in mounts)
