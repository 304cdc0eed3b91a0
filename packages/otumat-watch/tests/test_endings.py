"""However the watching ends, it is soon, and nothing that it started is left."""

import json
import os
import signal
import sys
import time

import pytest

from ._runs import POLITE, STUBBORN, is_alive, pids
from ._saves import change

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(os.name == "nt", reason="shell scripts and POSIX signals"),
]


class TestEndings:
    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    @pytest.mark.parametrize("body", [POLITE, STUBBORN], ids=["polite", "stubborn"])
    def test_the_whole_group_is_gone_in_two_seconds(
        self, watch, file, tmp_path, make_script, until, signum, body
    ):
        watching = watch(file, script=make_script(body))
        change(file)
        processes = pids(tmp_path, until)

        code, seconds = watching.stop(signum)

        assert code == 128 + signum
        assert seconds < 2
        assert not any(map(is_alive, processes))

    def test_a_second_ctrl_c_does_not_wait(self, watch, file, tmp_path, make_script, until):
        watching = watch(file, script=make_script(STUBBORN))
        change(file)
        processes = pids(tmp_path, until)
        begin = time.monotonic()

        # Two at once may arrive as one; people are slower, and press until it ends.
        while watching.process.poll() is None:
            watching.process.send_signal(signal.SIGINT)
            time.sleep(0.05)

        assert time.monotonic() - begin < 0.9
        assert watching.process.returncode == 130
        assert not any(map(is_alive, processes))

    def test_a_stopped_script_is_ended_too(self, watch, file, tmp_path, make_script, until):
        watching = watch(file, script=make_script(POLITE))
        change(file)
        processes = pids(tmp_path, until)
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)

        watching.stop()

        assert not any(map(is_alive, processes))

    def test_children_left_behind_by_earlier_runs_are_ended_with_the_watching(
        self, watch, file, tmp_path, make_script, until
    ):
        script = make_script("#!/bin/sh\nsleep 1000 >/dev/null &\necho $! > child\necho 1 > parent")
        watching = watch(file, script=script)
        change(file)
        watching.run()
        [_, child] = pids(tmp_path, until)
        assert is_alive(child)

        watching.stop()

        assert not is_alive(child)

    def test_an_idle_watching_ends_at_once(self, watch, file):
        watching = watch(file)

        code, seconds = watching.stop(signal.SIGINT)

        assert (code, seconds < 1.5) == (130, True)

    def test_nohup_is_respected(self, file, make_script):
        import subprocess

        argv = [sys.executable, "-m", "otumat_watch.cli", "--json", "-f", file, "-s", make_script()]
        with subprocess.Popen(["nohup", *argv], stdout=subprocess.PIPE, stderr=-3) as process:
            process.stdout.readline()
            process.send_signal(signal.SIGHUP)
            change(file)

            assert json.loads(process.stdout.readline())["event"] == "start"
            process.terminate()

    def test_a_reader_that_goes_away_ends_it_with_one_line(self, watch, file):
        watching = watch(file)
        watching.process.stdout.close()

        change(file)

        assert watching.process.wait(10) == 2
        assert watching.process.stderr.read() == b"Error: nobody reads the output any more\n"
