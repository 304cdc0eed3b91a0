"""Laws of what a person at a terminal sees of long work."""

import os
import sys
import threading

import pytest

from otumat_sign._cli_progress import working

needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="it has no pseudo-terminals")


@pytest.fixture
def terminal(monkeypatch):
    """Yield what gives stderr a terminal, what that has shown so far, and its news."""
    import pty

    ours, theirs = pty.openpty()
    shown = bytearray()
    news = threading.Condition()

    def listen():
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError:
                data = b""
            if not data:
                return
            with news:
                shown.extend(data)
                news.notify_all()

    thread = threading.Thread(target=listen)
    thread.start()
    with os.fdopen(theirs, "w") as stderr:
        # Not here: pytest puts its own stderr in place between the set-up and the test.
        yield lambda: monkeypatch.setattr(sys, "stderr", stderr), shown, news
    thread.join()
    os.close(ours)


@needs_pty
def test_long_work_is_told_and_wiped_when_it_ends(terminal):
    use, shown, news = terminal
    use()
    with working("hashing\x1b[2J x"), news:
        assert news.wait_for(lambda: b"2 s" in shown, 60)

    with news:
        assert news.wait_for(lambda: shown.endswith(b"\r\x1b[K"), 60)
    assert b"hashing?[2J x: 1 s" in shown


@needs_pty
def test_a_line_never_wraps_and_ends_with_what_tells_most(terminal):
    use, shown, news = terminal
    use()
    with working("hashing /" + "a" * 200 + "/package"), news:
        assert news.wait_for(lambda: b"1 s" in shown, 60)

    lines = bytes(shown).split(b"\r\x1b[K")
    assert {len(line) for line in lines if line} == {79}
    assert lines[1].endswith(b"a/package: 1 s")


@needs_pty
def test_short_work_is_not_told(terminal):
    use, shown, _ = terminal
    use()
    with working("hashing"):
        pass

    assert not shown


def test_nobody_is_told_where_stderr_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)

    with working("hashing"):
        pass


def test_a_log_is_told_nothing(capsys):
    before = threading.active_count()
    with working("hashing"):
        assert threading.active_count() == before

    assert capsys.readouterr().err == ""


@needs_pty
def test_what_goes_wrong_goes_on(terminal):
    use, *_ = terminal
    use()
    with pytest.raises(KeyError), working("hashing"):
        raise KeyError
