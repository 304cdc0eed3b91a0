"""Laws of signals as a descriptor."""

import os
import signal
import threading

import pytest

from otumat_watch._changes import wait_for
from otumat_watch._signals import Signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process there")


def test_a_signal_wakes_and_is_noted_and_the_old_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        wait_for([signals.fileno()], 5)
        signals.drain()

        assert signals.received == [signal.SIGTERM]
        assert signals.names() == "SIGTERM"

    assert signal.getsignal(signal.SIGTERM) == before


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.received == []
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_nothing_is_installed():
    seen = []

    def enter():
        with Signals() as signals:
            seen.append(signals.fileno())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()

    assert len(seen) == 1
