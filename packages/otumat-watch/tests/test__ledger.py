"""Laws of evidence: what counts as a change, and is told once."""

# Bytes as names and descriptors need os.path and os.
# ruff: noqa: PTH101, PTH108, PTH116, PTH118, PTH123, PTH211

import os

import pytest

from otumat_watch._change import Change
from otumat_watch._ledger import Ledger, signature

LATER = 10.0


@pytest.fixture(name="path")
def _path(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    return str(path)


@pytest.fixture(name="ledger")
def _ledger(path):
    ledger = Ledger(settle=0.05, digest=None)
    ledger.record(path, signature(path))
    return ledger


def read_all(path):
    with open(path, "rb") as file:
        return file.read()


def test_a_write_that_leaves_size_and_time_equal_is_believed(ledger, path):
    ledger.wrote(path, 0.0)
    ledger.closed(path)

    assert ledger.take(0.0) == [Change(path, "modified")]


def test_a_look_does_not_put_off_what_events_then_tell(ledger, path):
    """A file that is saved again and again never looks the same twice."""
    for number in range(3):
        with open(path, "a") as file:
            file.write("more")
        ledger.glimpse(path, signature(path), 0.0, deep=False)
        with open(path, "a") as file:
            file.write("more")
        ledger.wrote(path, 0.0)
        ledger.closed(path)

        assert ledger.take(0.0) == [Change(path, "modified")], number


def test_a_look_does_not_put_off_what_came_by_rename(ledger, path):
    os.utime(path, (1, 1))
    ledger.glimpse(path, signature(path), 0.0, deep=False)
    os.utime(path, (2, 2))
    ledger.replaced(path)

    assert ledger.take(0.0) == [Change(path, "modified")]


def test_closing_without_a_write_is_nothing(ledger, path):
    ledger.closed(path)

    assert ledger.take(LATER) == []


def test_closing_after_the_pause_was_reported_is_nothing(ledger, path):
    ledger.wrote(path, 0.0)
    assert ledger.take(0.04) == []
    assert len(ledger.take(0.05)) == 1

    ledger.closed(path)

    assert ledger.take(LATER) == []


def test_closing_without_a_write_event_counts_if_the_file_differs(ledger, path):
    """A write through mmap has no event of its own."""
    os.utime(path, (1, 1))

    ledger.closed(path)

    assert ledger.take(0.0) == [Change(path, "modified")]


def test_a_new_mode_is_nothing_and_a_new_time_is_a_change(ledger, path):
    os.chmod(path, 0o600)
    ledger.attributes_changed(path)
    assert ledger.take(LATER) == []

    os.utime(path, (1, 1))
    ledger.attributes_changed(path)

    assert ledger.take(0.0) == [Change(path, "modified")]


def test_a_name_that_came_and_went_is_nothing(ledger, tmp_path):
    path = str(tmp_path / "brief")
    ledger.appeared(path, 0.0)
    ledger.vanished(path, 0.0)

    assert ledger.take(LATER) == []


def test_a_symbolic_link_is_complete_when_it_appears(ledger, path, tmp_path):
    link = str(tmp_path / "link")
    os.symlink(path, link)

    ledger.appeared(link, 0.0)

    assert ledger.take(0.0) == [Change(link, "created")]


def test_a_hard_link_is_complete_when_it_appears(ledger, path, tmp_path):
    link = str(tmp_path / "link")
    os.link(path, link)

    ledger.appeared(link, 0.0)

    assert ledger.take(0.0) == [Change(link, "created")]


def test_deleted_then_created_are_told_in_turn(ledger, path):
    os.unlink(path)
    ledger.vanished(path, 0.0)
    assert ledger.take(1.0) == [Change(path, "deleted")]

    with open(path, "w"):
        pass
    ledger.appeared(path, 1.0)

    assert ledger.take(2.0) == [Change(path, "created")]


def test_a_look_is_believed_when_a_second_look_agrees(ledger, path):
    with open(path, "a") as file:
        file.write("1")
        file.flush()
        assert ledger.glimpse(path, signature(path), 0.0, deep=False)
        file.write("2")
    assert ledger.take(0.05) == []

    assert ledger.take(0.10) == [Change(path, "modified")]


def test_a_look_at_a_path_that_waits_is_no_news(ledger, path):
    ledger.wrote(path, 0.0)

    assert not ledger.glimpse(path, None, 0.0, deep=False)


def test_listed_files_are_there_and_old_until_they_are_younger_than_the_list(tmp_path):
    old, other = tmp_path / "old", tmp_path / "other"
    for file in (old, other):
        file.write_text("x")
        os.utime(file, (1, 1))
    ledger = Ledger(settle=0.0, digest=None)
    ledger.list_folder(str(tmp_path), {"old", "other"})

    assert ledger.is_there(str(old))
    assert not ledger.differs(str(old))
    assert not ledger.glimpse(str(old), signature(str(old)), 0.0, deep=False)
    for file in (old, other):  # one that was looked at since, and one that was not
        file.write_text("y")
        assert ledger.differs(str(file))


def test_known_are_the_seen_and_the_listed_below_a_folder(ledger, path, tmp_path):
    below = str(tmp_path / "d")
    ledger.list_folder(below, {"x"})

    assert set(ledger.known()) == {path, os.path.join(below, "x")}
    assert ledger.known((os.path.join(below, ""),)) == [os.path.join(below, "x")]
    ledger.forget_lists(os.path.join(below, ""))
    assert ledger.known() == [path]


def test_everything_below_a_folder_vanishes_with_it(ledger, path, tmp_path):
    os.unlink(path)
    ledger.vanished_below((os.path.join(str(tmp_path), ""),), 0.0)

    assert ledger.take(1.0) == [Change(path, "deleted")]


class TestByContent:
    @pytest.fixture(name="ledger")
    def _ledger(self, path):
        ledger = Ledger(settle=0.0, digest=read_all)
        ledger.record(path, signature(path))
        return ledger

    def test_the_same_bytes_are_no_change(self, ledger, path):
        ledger.replaced(path)

        assert ledger.take(0.0) == []

    def test_other_bytes_are_a_change_and_the_new_measure(self, ledger, path):
        with open(path, "w") as file:
            file.write("new")
        ledger.replaced(path)
        assert ledger.take(0.0) == [Change(path, "modified")]

        ledger.replaced(path)

        assert ledger.take(0.0) == []

    def test_a_deep_look_sees_other_bytes_of_the_same_size_and_time(self, ledger, path):
        before = os.stat(path)
        with open(path, "r+") as file:
            file.write("new")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

        assert not ledger.glimpse(path, signature(path), 0.0, deep=False)
        assert ledger.glimpse(path, signature(path), 0.0, deep=True)

        assert ledger.take(1.0) == [Change(path, "modified")]

    def test_what_cannot_be_read_is_told_rather_than_dropped(self, path):
        ledger = Ledger(settle=0.0, digest=lambda _: None)
        ledger.record(path, signature(path))

        ledger.replaced(path)

        assert ledger.take(0.0) == [Change(path, "modified")]

    def test_listed_files_are_read_at_once(self, ledger, tmp_path):
        other = tmp_path / "other"
        other.write_text("x")
        ledger.list_folder(str(tmp_path), {"other"})

        ledger.replaced(str(other))

        assert ledger.take(0.0) == []
