"""Laws of the generator."""

import logging
import socket
import threading

import pytest

from otumat_watch import Change, TargetError, changes
from otumat_watch._changes import _select, wait_for


class Stop:
    def __init__(self):
        self.is_over = False

    def is_set(self):
        return self.is_over


def test_a_change_between_the_call_and_the_first_next_is_not_lost(tmp_path):
    path = tmp_path / "f"
    watched = changes(path)
    path.write_text("x")

    assert next(watched) == Change(str(path), "created")
    watched.close()


def test_several_paths_are_watched(tmp_path):
    watched = changes(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b").write_text("x")

    assert next(watched).path == str(tmp_path / "b")
    watched.close()


def test_what_changes_while_the_caller_is_busy_is_told_once(tmp_path):
    path = tmp_path / "f"
    stop = Stop()
    watched = changes(path, stop=stop)
    for number in range(50):
        path.write_text(str(number))

    assert next(watched).event == "created"
    stop.is_over = True
    assert list(watched) == []


def test_stop_ends_it_from_another_thread(tmp_path):
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()

    assert list(changes(tmp_path / "f", stop=stop)) == []


def test_a_stop_is_asked_soon_though_nothing_happens(tmp_path):
    stop = Stop()
    waits = []

    def wait(_, timeout):
        waits.append(timeout)
        stop.is_over = True

    assert list(changes(tmp_path / "f", interval=60, stop=stop, wait=wait)) == []
    assert 0 < waits[0] <= 0.1


def test_clock_and_wait_are_arguments(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")
    waits = []

    def wait(descriptors, timeout):
        waits.append((list(descriptors), timeout))
        if len(waits) == 1:
            path.write_text("newer")

    times = iter(range(0, 1000, 2))
    watched = changes(path, poll=True, interval=3, clock=lambda: next(times), wait=wait)

    assert next(watched) == Change(str(path), "modified")
    assert waits[0] == ([], 1.0)
    watched.close()


def test_what_cannot_be_watched_is_refused_at_the_call():
    with pytest.raises(TargetError):
        changes("")


def test_why_something_is_polled_is_logged(tmp_path, caplog, monkeypatch):
    mounts = [("/", "nfs4")]
    monkeypatch.setattr("otumat_watch._mounts.read_mounts", lambda: mounts)
    stop = Stop()
    stop.is_over = True
    with caplog.at_level(logging.WARNING, "otumat_watch"):
        assert list(changes(tmp_path / "f", stop=stop)) == []

    assert "/ is nfs4" in caplog.text
    assert caplog.text.rstrip().endswith("polling instead")


@pytest.mark.parametrize("wait", [wait_for, _select])
def test_waiting_ends_with_what_is_readable_or_with_the_time(wait):
    one, other = socket.socketpair()
    with one, other:
        assert wait([one.fileno()], 0.01) == []
        other.send(b"x")
        assert wait([one.fileno()], 10) == [one.fileno()]
    assert wait([], 0.0) == []
