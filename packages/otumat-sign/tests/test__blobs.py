"""The hot loop reads what is there, or says that it could not."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from hashlib import sha1, sha256

import pytest

from otumat_sign import ChangedFileError, RefusedPathError, UnreadableFileError
from otumat_sign._blobs import (
    BUFFER_SIZE,
    _raise_unreadable,
    _readv_portably,
    _stream,
    blob_id,
    heads,
    kind,
    new,
)

SIZES = [0, 1, 100, 4096, BUFFER_SIZE - 1, BUFFER_SIZE, BUFFER_SIZE + 1, 3 * BUFFER_SIZE]


def _expected(data, make=sha1, mode="100644"):
    return f"{mode} {make(b'blob %d%c%b' % (len(data), 0, data)).hexdigest()} 0\t"


@pytest.fixture(name="age")
def _age():
    """Let files look as if nobody had touched them for an hour, which nobody can set: wait less.

    The time of the last change cannot be set back, so the loop's own margin is what is moved.
    """

    def later(monkeypatch):
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3600)

    return later


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_hashed_whole_whether_the_file_is_new_or_old(
    tmp_path, monkeypatch, age, size, settled
):
    data = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(data)
    if settled:
        age(monkeypatch)

    assert heads([os.fsencode(path)], ["sha1", "sha256"]) == [
        [_expected(data)],
        [_expected(data, sha256)],
    ]


@pytest.mark.parametrize("settled", [True, False])
def test_the_owners_x_bit_alone_makes_a_file_executable(tmp_path, monkeypatch, age, settled):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    if settled:
        age(monkeypatch)
    for mode, listed in (
        (0o755, "100755"),
        (0o645, "100644"),
        (0o700, "100755"),
        (0o674, "100644"),
    ):
        path.chmod(mode)
        assert heads([os.fsencode(path)], ["sha1"])[0] == [_expected(b"x", mode=listed)]


def test_a_link_is_the_bytes_it_holds(tmp_path):
    path = tmp_path / "link"
    path.symlink_to("nowhere/\udcff")

    assert heads([os.fsencode(path)], ["sha1"])[0] == [_expected(b"nowhere/\xff", mode="120000")]


def test_the_id_of_nothing_is_the_one_everybody_knows():
    assert blob_id(b"", "sha1") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_an_unknown_algorithm_is_named():
    with pytest.raises(ValueError, match="'md5' is not one of git's"):
        new("md5")


def test_a_file_that_vanished_since_the_listing_changed(tmp_path):
    with pytest.raises(ChangedFileError, match="gone"):
        heads([os.fsencode(tmp_path / "gone")], ["sha1"])


def test_a_folder_that_took_a_files_place_is_a_change(tmp_path):
    with pytest.raises(ChangedFileError):
        heads([os.fsencode(tmp_path)], ["sha1"])


def test_a_fifo_that_took_a_files_place_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(RefusedPathError, match="a FIFO"):
        heads([os.fsencode(tmp_path / "fifo")], ["sha1"])


def test_what_may_not_be_read_is_named_with_what_to_do():
    """root may read everything, so the system's refusal is made here."""
    refusal = PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with pytest.raises(UnreadableFileError, match="secret: Permission denied: change its mode"):
        _raise_unreadable(b"secret", refusal)


def test_a_name_that_is_too_long_is_unreadable(tmp_path):
    with pytest.raises(UnreadableFileError, match=os.strerror(errno.ENAMETOOLONG)):
        heads([os.fsencode(tmp_path / ("a" * 300))], ["sha1"])


@pytest.mark.parametrize("how", ["grow", "shrink", "rewrite"])
def test_a_file_that_is_written_while_it_is_read_is_never_hashed(tmp_path, how):
    """A writer that never rests: a result is only ever that of a state before or after."""
    path = tmp_path / "file"
    size = 20 * BUFFER_SIZE
    path.write_bytes(bytes(size))
    stop = threading.Event()

    def write():
        with path.open("r+b", buffering=0) as file:
            turn = 0
            while not stop.is_set():
                turn += 1
                if how == "rewrite":
                    file.seek(0)
                    file.write(b"%d" % turn)
                else:
                    file.truncate(size + turn % 7 if how == "grow" else size - turn % 7)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        deadline = time.monotonic() + 20
        with pytest.raises(ChangedFileError, match="file changed while it was read"):  # noqa: PT012
            while time.monotonic() < deadline:
                heads([os.fsencode(path)], ["sha1"])
    finally:
        stop.set()
        writer.join()


def test_a_file_that_grows_as_fast_as_it_is_read_is_given_up(tmp_path):
    """What comes beyond its size is not read to its end, which may never come."""
    path = tmp_path / "file"
    path.write_bytes(bytes(10))
    fed = []

    class Growing:
        def update(self, data):
            fed.append(len(data))
            if len(fed) < 50:
                with path.open("ab") as file:
                    file.write(bytes(2 * len(data)))

    handle = os.open(path, os.O_RDONLY)
    try:
        assert _stream(handle, 10, [Growing()]) > 10
    finally:
        os.close(handle)
    assert len(fed) <= 3


def test_no_more_of_a_file_is_held_than_the_buffer(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * BUFFER_SIZE))
    fed = []

    class Fed:
        def update(self, data):
            fed.append(len(data))

    handle = os.open(path, os.O_RDONLY)
    try:
        assert _stream(handle, 3 * BUFFER_SIZE, [Fed()]) == 3 * BUFFER_SIZE
    finally:
        os.close(handle)
    assert max(fed) == BUFFER_SIZE


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        (stat.S_IFIFO, "a FIFO"),
        (stat.S_IFSOCK, "a socket"),
        (stat.S_IFCHR, "a device"),
        (stat.S_IFBLK, "a device"),
        (stat.S_IFLNK, "a symbolic link"),
        (stat.S_IFDIR, "a folder"),
        (0, "neither file nor link"),
    ],
)
def test_kinds_have_names(mode, name):
    assert kind(mode) == name


@pytest.mark.parametrize("size", [0, 10, 4096])
def test_where_there_is_no_readv_reading_is_the_same(tmp_path, size):
    """Windows has none; the substitute needs nothing of it."""
    (tmp_path / "file").write_bytes(b"x" * size)
    buffer = bytearray(1024)
    with (tmp_path / "file").open("rb", buffering=0) as file:
        got = _readv_portably(file.fileno(), [buffer])

    assert got == min(size, 1024)
    assert buffer == (b"x" * got).ljust(1024, b"\0")
