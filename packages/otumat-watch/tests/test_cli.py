"""Laws of the command line."""

import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.service


def test_state_is_carried_over_two_changes_and_sigterm_ends_it(tmp_path):
    watched, seen = tmp_path / "f", tmp_path / "seen"
    watched.write_text("a")
    script = tmp_path / "s.sh"
    script.write_text(f'#!/bin/sh\necho "$@" >> {seen}\necho $(($1+1))\necho tail\n')
    argv = [sys.executable, "-m", "otumat_watch.cli", "-f", str(watched), "-s", str(script), "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as watcher:
        watcher.stdout.readline()
        for count in (1, 2):
            watched.write_text("b" * count)
            deadline = time.monotonic() + 10
            while not (seen.exists() and len(seen.read_text().splitlines()) == count):
                assert time.monotonic() < deadline

        watcher.send_signal(signal.SIGTERM)

        assert watcher.wait(5) == 128 + signal.SIGTERM
    assert seen.read_text() == "0\n1 tail\n"
