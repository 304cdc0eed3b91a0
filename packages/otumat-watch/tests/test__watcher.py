"""Laws of where changes come from; in this process, on real files."""

# Bytes as names and descriptors need os.path and os.
# ruff: noqa: PTH123

import os
import pathlib
import resource
import sys
import time

import pytest

from otumat_watch import WatcherUnavailableError
from otumat_watch._changes import wait_for
from otumat_watch._inotify import Inotify
from otumat_watch._watcher import Watcher

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify")


class Clock:
    """Time that only goes forward when it is told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture(name="clock")
def _clock():
    return Clock()


@pytest.fixture(name="open_watcher")
def _open_watcher(clock, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened = []

    def open_watcher(*specs, **knobs):
        opened.append(Watcher(specs, clock=clock, **knobs))
        return opened[-1]

    yield open_watcher
    for watcher in opened:
        watcher.close()


@pytest.fixture(name="after")
def _after(clock):
    def after(watcher, seconds):
        """Let *seconds* pass in small steps and return all changes."""
        changes = []
        end = clock.now + seconds
        while clock.now < end:
            clock.now += 0.05
            watcher.read(clock.now)
            changes += watcher.take(clock.now)
        return changes

    return after


@pytest.fixture(name="file")
def _file(tmp_path):
    (tmp_path / "file").write_text("old")
    return tmp_path / "file"


class TestPolling:
    def test_it_looks_every_interval_and_says_so(self, open_watcher, after, file, clock):
        watcher = open_watcher("file", poll=True, interval=2)
        file.write_text("newer")

        assert watcher.how == "polling every 2 s"
        assert watcher.fileno() is None
        assert watcher.deadline() == clock.now + 2
        assert after(watcher, 1.9) == []
        assert after(watcher, 0.3) == [("file", "modified")]
        assert after(watcher, 5) == []

    def test_deletion_and_return_are_seen(self, open_watcher, after, file):
        watcher = open_watcher("file", poll=True, interval=1)
        file.unlink()
        assert after(watcher, 1.2) == [("file", "deleted")]
        file.write_text("x")

        assert after(watcher, 1.2) == [("file", "created")]

    def test_a_replaced_file_of_the_same_size_and_time_is_seen_by_its_inode(
        self, open_watcher, after, file
    ):
        watcher = open_watcher("file", poll=True, interval=1)
        before = file.stat()
        other = file.with_name("other")
        other.write_text("new")
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(file)

        assert after(watcher, 1.2) == [("file", "modified")]

    def test_its_blind_spot_is_closed_by_content(self, open_watcher, after, file):
        blind = open_watcher("file", poll=True, interval=1)
        watcher = open_watcher("file", poll=True, interval=1, by_content=True)
        before = file.stat()
        with file.open("r+") as stream:
            stream.write("new")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

        assert after(blind, 1.2) == []
        assert after(watcher, 1.2) == [("file", "modified")]

    def test_a_file_that_grows_is_told_when_it_rests(self, open_watcher, after, file, clock):
        watcher = open_watcher("file", poll=True, interval=1, settle=0.1)
        clock.now += 1
        with file.open("a") as stream:
            for _ in range(10):
                stream.write("x")
                stream.flush()
                assert after(watcher, 0.05) == []

        assert after(watcher, 1) == [("file", "modified")]

    def test_folders_and_globs_are_looked_through(self, open_watcher, after, tmp_path):
        (tmp_path / "d" / "e").mkdir(parents=True)
        (tmp_path / "d" / "old").write_text("x")
        watcher = open_watcher("d", "*.txt", poll=True, interval=1)
        (tmp_path / "d" / "e" / "new").write_text("x")
        (tmp_path / "d" / "old").unlink()
        (tmp_path / "a.txt").write_text("x")
        (tmp_path / "a.not").write_text("x")

        assert set(after(watcher, 1.2)) == {
            ("d/e/new", "created"),
            ("d/old", "deleted"),
            ("./a.txt", "created"),
        }
        assert after(watcher, 3) == []


@linux
class TestNative:
    def test_it_says_what_it_does(self, open_watcher, clock, file):
        assert open_watcher("file").how == "inotify and a safety look every 5 s"
        quiet = open_watcher("file", safety_poll=False)

        assert quiet.how == "inotify"
        assert quiet.deadline() is None, "nothing wakes up"
        assert open_watcher("file").deadline() == clock.now + 5
        assert file.exists()

    def test_a_save_is_due_at_once(self, open_watcher, file, clock):
        watcher = open_watcher("file")
        file.write_text("new")
        wait_for([watcher.fileno()], 5)
        watcher.read(clock.now)

        assert watcher.unreported() == {"file"}
        assert watcher.take(clock.now) == [("file", "modified")]

    def test_the_safety_look_sees_what_no_event_tells(self, open_watcher, after, tmp_path, file):
        (tmp_path / "elsewhere").mkdir()
        os.link(file, tmp_path / "elsewhere" / "link")
        watcher = open_watcher("file", interval=1)
        (tmp_path / "elsewhere" / "link").write_text("through")

        assert after(watcher, 0.9) == []
        assert after(watcher, 0.3) == [("file", "modified")]
        assert after(watcher, 3) == []

    def test_the_safety_look_at_a_tree_reports_nothing_twice(self, open_watcher, after, tmp_path):
        (tmp_path / "d").mkdir()
        for number in range(20):
            (tmp_path / "d" / str(number)).write_text("x")
            os.utime(tmp_path / "d" / str(number), (1, 1))
        watcher = open_watcher("d", interval=0.1)
        (tmp_path / "d" / "1").write_text("y")
        assert after(watcher, 0.3) == [("d/1", "modified")]
        (tmp_path / "d" / "2").unlink()

        assert after(watcher, 0.3) == [("d/2", "deleted")]
        assert after(watcher, 2) == []

    def test_the_safety_look_at_many_files_rests_between_slices(
        self, open_watcher, clock, tmp_path
    ):
        (tmp_path / "d").mkdir()
        for number in range(450):
            (tmp_path / "d" / str(number)).write_text("x")
            os.utime(tmp_path / "d" / str(number), (1, 1))
        watcher = open_watcher("d", interval=1)
        rests = []
        clock.now += 1
        while not rests or rests[-1] != 1:
            watcher.read(clock.now)
            rests.append(watcher.deadline() - clock.now)
            clock.now = watcher.deadline()

        assert len(rests) == 3, "two full slices and the rest"
        assert watcher.take(clock.now) == []

    def test_a_full_queue_of_the_kernel_loses_no_change(self, open_watcher, after, tmp_path, file):
        """Linux keeps fs.inotify.max_queued_events and drops the rest, the last save among them."""
        with open("/proc/sys/fs/inotify/max_queued_events") as limit:
            enough = int(limit.read()) + 100
        (tmp_path / "d").mkdir()
        watcher = open_watcher("file", "d")
        names = [tmp_path / "noise-a", tmp_path / "noise-b"]
        for name in names:
            name.write_text("")
        for number in range(enough):
            os.utime(names[number % 2])
        before = file.stat()
        with file.open("r+") as stream:
            stream.write("new")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        (tmp_path / "d" / "sub").mkdir()

        assert set(after(watcher, 0.3)) == {("file", "modified"), ("d", "modified")}
        (tmp_path / "d" / "sub" / "f").write_text("x")
        assert after(watcher, 0.3) == [("d/sub/f", "created")]

    def test_a_way_that_moves_again_and_again_keeps_no_watch_on_where_it_was(
        self, open_watcher, after, tmp_path
    ):
        """Each folder that is watched counts against fs.inotify.max_user_watches."""
        folder = tmp_path / "d"
        folder.mkdir()
        (folder / "f").write_text("0")
        watcher = open_watcher("d/f")
        facts = pathlib.Path(f"/proc/self/fdinfo/{watcher.fileno()}")
        before = facts.read_text().count("inotify wd")
        for number in range(3):
            folder.rename(tmp_path / f"was-{number}")
            folder.mkdir()
            (folder / "f").write_text(str(number))

            assert after(watcher, 0.3) == [("d/f", "modified")]
        assert facts.read_text().count("inotify wd") == before

    @pytest.mark.mounts  # it takes what the whole account has, so nothing may run beside it
    def test_used_up_instances_are_told_of_and_polling_takes_over(self, open_watcher, after, file):
        hoarded = []

        def hoard():
            while True:
                hoarded.append(Inotify())

        with pytest.raises(WatcherUnavailableError, match="max_user_instances"):
            hoard()
        try:
            watcher = open_watcher("file", interval=1)
        finally:
            for each in hoarded:
                each.close()

        assert "max_user_instances" in watcher.reasons[0]
        assert watcher.how == "polling every 1 s"
        file.write_text("newer")
        assert after(watcher, 1.2) == [("file", "modified")]

    def test_used_up_descriptors_do_not_end_it(self, open_watcher, file):
        open_watcher("file")  # imports need descriptors too
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        try:
            watcher = open_watcher("file")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

        assert watcher.how == "polling every 5 s"
        assert file.exists()

    def test_used_up_watches_are_told_of_and_polling_takes_over(
        self, open_watcher, after, tmp_path, monkeypatch
    ):
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / "f").write_text("x")
        watcher = open_watcher("d", interval=1)
        full = OSError(28, "No space left on device")

        def refuse(*_):
            raise full

        monkeypatch.setattr(watcher._source._inotify, "add", refuse)
        (tmp_path / "d" / "new").mkdir()
        (tmp_path / "d" / "new" / "g").write_text("x")
        (tmp_path / "d" / "f").write_text("y")

        assert set(after(watcher, 0.3)) == {("d/f", "modified"), ("d/new/g", "created")}
        assert "max_user_watches" in watcher.reasons[0]
        assert watcher.fileno() is None
        (tmp_path / "d" / "f").write_text("polled")
        assert after(watcher, 1.2) == [("d/f", "modified")]

    def test_a_folder_on_a_blind_mount_is_polled_and_the_others_are_not(
        self, open_watcher, tmp_path, monkeypatch, file
    ):
        mounts = [("/", "ext4"), (str(tmp_path / "remote"), "nfs4")]
        monkeypatch.setattr("otumat_watch._mounts.read_mounts", lambda: mounts)
        (tmp_path / "remote").mkdir()
        watcher = open_watcher("file", "remote/f")

        assert watcher.how == "inotify and a safety look every 5 s and polling every 5 s"
        assert "is nfs4" in watcher.reasons[0]
        assert file.exists()

    @pytest.mark.service
    def test_a_tree_of_50_000_files_is_armed_soon_and_told_of_at_once(
        self, open_watcher, tmp_path, clock
    ):
        for folder in range(100):
            (tmp_path / "t" / str(folder)).mkdir(parents=True)
            for number in range(500):
                os.close(os.open(f"{tmp_path}/t/{folder}/{number}", os.O_CREAT))
        begin = time.perf_counter()
        watcher = open_watcher("t")
        seconds = time.perf_counter() - begin
        (tmp_path / "t" / "42" / "7").write_text("x")
        watcher.read(clock.now)

        assert seconds < 5
        assert watcher.take(clock.now) == [("t/42/7", "modified")]
