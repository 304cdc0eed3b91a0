"""Laws of runs: scripts of every kind, run when they are due; real processes."""

import os
import sys
import time
from pathlib import Path

import pytest

from ._runs import POLITE, is_alive, pids
from ._saves import change

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(os.name == "nt", reason="shell scripts and POSIX signals"),
]


class TestRuns:
    def test_initial_runs_once_before_any_change(self, watch, file):
        watching = watch(file, options=["--initial"])

        assert watching.run()["changes"][0]["event"] == "initial"

    def test_once_ends_with_0_after_a_run(self, watch, file):
        watching = watch(file, options=["--once"])

        change(file)

        assert watching.process.wait(10) == 0

    @pytest.mark.parametrize("option", [["--once"], ["--on-error", "stop"]])
    def test_a_failed_run_that_ends_the_watching_ends_it_with_1(
        self, watch, file, make_script, option
    ):
        watching = watch(file, script=make_script("#!/bin/sh\nexit 4\n"), options=option)

        change(file)

        assert watching.run()["exit_code"] == 4
        assert watching.process.wait(10) == 1

    def test_a_run_that_takes_too_long_is_ended_with_its_children(
        self, watch, file, tmp_path, make_script, until
    ):
        watching = watch(file, script=make_script(POLITE), options=["--timeout", "0.3"])

        change(file)

        run = watching.run()
        assert "ended after 0.3 s" in run["problem"]
        assert not any(map(is_alive, pids(tmp_path, until)))

    def test_a_script_that_never_stops_printing_is_ended_all_the_same(
        self, watch, file, make_script
    ):
        watching = watch(
            file, script=make_script("#!/bin/sh\nexec yes\n"), options=["--timeout", "0.3"]
        )

        change(file)

        assert "ended after 0.3 s" in watching.run()["problem"]
        assert watching.stop()[1] < 1

    def test_restart_ends_a_run_that_is_overtaken(self, watch, file, tmp_path, make_script, until):
        watching = watch(file, script=make_script(POLITE), options=["--restart"])
        change(file)
        before = pids(tmp_path, until)

        change(file)

        assert "overtaken" in watching.run()["problem"]
        assert not any(map(is_alive, before))
        until(lambda: pids(tmp_path, until) != before)

    def test_a_script_that_vanishes_is_a_failed_run_and_the_watching_goes_on(
        self, watch, file, make_script
    ):
        script = make_script()
        watching = watch(file, script=script)
        script.rename(script.with_name("away"))

        change(file)
        run = watching.run()
        assert run["exit_code"] is None
        assert "No such file" in run["problem"]
        script.with_name("away").rename(script)
        change(file)

        assert watching.run()["exit_code"] == 0

    def test_a_script_that_is_being_written_is_run_when_it_is_written(self, watch, file, tmp_path):
        """Linux refuses to run a program that somebody has open for writing (ETXTBSY)."""
        program = tmp_path / "program"
        program.write_bytes(Path("/bin/true").read_bytes())
        program.chmod(0o755)
        watching = watch(file, script=program)

        with program.open("ab"):
            change(file)
            time.sleep(0.1)  # the run must be due while the program is busy

        assert watching.run()["exit_code"] == 0

    def test_a_script_that_closes_its_output_early_is_waited_for(self, watch, file, make_script):
        script = make_script("#!/bin/sh\necho out\nexec >&-\nsleep 0.2\nexit 5\n")
        watching = watch(file, script=script)

        change(file)

        assert watching.run()["exit_code"] == 5

    def test_a_child_left_behind_on_stdout_blocks_nothing_and_lives(
        self, watch, file, tmp_path, make_script, until
    ):
        script = make_script(
            "#!/bin/sh\n(while [ ! -e go ]; do sleep 0.05; done; echo late; : > survived) &\n"
            "echo early\n"
        )
        watching = watch(file, script=script)

        change(file)
        assert watching.run()["arguments"] == ["early"]
        change(file)
        assert watching.run()["arguments"] == ["early"]
        (tmp_path / "go").touch()

        until((tmp_path / "survived").exists)

    def test_stdin_is_empty_and_stderr_is_ours(self, watch, file, make_script):
        watching = watch(file, script=make_script("#!/bin/sh\ncat\necho complaint >&2\n"))

        change(file)

        assert watching.run()["arguments"] == []
        watching.stop()
        assert b"complaint" in watching.process.stderr.read()

    def test_a_script_gets_no_descriptor_that_the_watching_inherited(self, file, make_script):
        import subprocess

        read, write = os.pipe()
        script = make_script(f"#!/bin/sh\n[ -e /dev/fd/{write} ] && echo leaked || echo closed")
        argv = [sys.executable, "-m", "otumat_watch.cli", "--json", "--initial", "--once"]
        done = subprocess.run(
            [*argv, "-f", file, "-s", script], pass_fds=[write], capture_output=True, check=True
        )
        os.close(read)
        os.close(write)

        assert b'"arguments":["closed"]' in done.stdout

    @pytest.mark.parametrize(
        ("name", "body", "mode"),
        [
            ("s.py", "import sys; print('ran')", 0o644),
            ("s.sh", "echo ran", 0o644),
            ("s.sh", "#!/bin/bash\n[[ 1 ]] && echo ran", 0o644),
            ("text", "echo ran", 0o755),
            ("py", f"#!{sys.executable}\nprint('ran')\n", 0o755),
        ],
    )
    def test_scripts_of_every_kind_run(self, watch, file, make_script, name, body, mode):
        script = make_script(body, name)
        script.chmod(mode)
        watching = watch(file, script=script)

        change(file)

        assert watching.run()["arguments"] == ["ran"]
