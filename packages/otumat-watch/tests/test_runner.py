"""Laws of runs: scripts of every kind, endings, state; real processes."""

# Bytes as names and descriptors need os.path and os.
# ruff: noqa: PTH123

import json
import os
import signal
import sys
import time

import pytest

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(os.name == "nt", reason="shell scripts and POSIX signals"),
]

#: Ignores the gentle signals, in the shell and in a child of it.
STUBBORN = (
    "#!/bin/sh\ntrap '' TERM INT HUP\n"
    "(trap '' TERM INT HUP; while :; do sleep 0.2; done) &\n"
    "echo $! > child\necho $$ > parent\n"
    "while :; do sleep 0.2; done\n"
)
POLITE = "#!/bin/sh\nsleep 1000 &\necho $! > child\necho $$ > parent\nwait\n"


@pytest.fixture(name="file")
def _file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old\n")
    return path


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids(tmp_path, until):
    def read():
        try:
            return [int((tmp_path / name).read_text()) for name in ("parent", "child")]
        except (FileNotFoundError, ValueError):
            return None

    return until(read)


def change(file):
    file.write_text(f"{time.monotonic_ns()}\n")


class TestState:
    def test_lines_of_output_are_the_next_arguments(self, watch, file, make_script):
        script = make_script('#!/bin/sh\nprintf "%s\\n" "$#" "$@" "" -x "a  b"\n')
        watching = watch(file, script=script, arguments=["first", "--second"])

        change(file)
        assert watching.run()["arguments"] == ["2", "first", "--second", "", "-x", "a  b"]
        change(file)

        assert watching.run()["arguments"][0] == "6"

    def test_an_unfinished_last_line_counts_and_windows_line_ends_do_not(
        self, watch, file, make_script
    ):
        watching = watch(file, script=make_script("#!/bin/sh\nprintf 'a\\r\\nb'\n"))

        change(file)

        assert watching.run()["arguments"] == ["a", "b"]

    def test_no_output_is_no_argument(self, watch, file, make_script):
        watching = watch(file, script=make_script("#!/bin/sh\n"), arguments=["a"])

        change(file)

        assert watching.run()["arguments"] == []

    def test_bytes_that_are_not_utf8_come_back_unchanged(self, watch, file, make_script):
        script = make_script(
            '#!/bin/sh\n[ "$OTUMAT_WATCH_RUN" = 1 ] && printf "\\377\\n" '
            '|| printf %s "$1" | od -An -tx1\n'
        )
        watching = watch(file, script=script)

        change(file)
        watching.run()
        change(file)

        assert watching.run()["arguments"] == [" ff"]

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ("echo new; exit 3", "failed"),
            ("echo new; kill -9 $$", "was killed"),
            ("head -c 10000000 /dev/zero | tr '\\0' x", "printed more than 1048576 bytes"),
            ("printf 'a\\0b\\n'", "NUL byte"),
            ("head -c 200000 /dev/zero | tr '\\0' x", "a line of more than"),
            ("yes | head -c 1000000", "more than fit"),
        ],
    )
    def test_a_run_that_fails_leaves_the_state(self, watch, file, make_script, body, problem):
        watching = watch(file, script=make_script(f"#!/bin/sh\n{body}\n"), arguments=["kept"])

        change(file)

        run = watching.run()
        assert problem in run["problem"]
        assert run["arguments"] == ["kept"]

    def test_the_largest_state_that_is_accepted_can_be_passed(self, watch, file, make_script):
        script = make_script(
            "#!/bin/sh\n[ $# = 0 ] && yes 12345678901234567890123 | head -n 30000 || echo $#\n"
        )
        watching = watch(file, script=script)

        change(file)
        assert len(watching.run()["arguments"]) == 30000
        change(file)

        assert watching.run()["arguments"] == ["30000"]

    def test_the_script_is_told_the_path_the_event_and_the_run(self, watch, tmp_path, make_script):
        script = make_script(
            '#!/bin/sh\nprintf "%s\\n" "$OTUMAT_WATCH_FILE" "$OTUMAT_WATCH_EVENT" '
            '"$OTUMAT_WATCH_RUN"\n'
        )
        watching = watch("later", script=script)

        (tmp_path / "later").write_text("x")

        assert watching.run()["arguments"] == [str(tmp_path / "later"), "created", "1"]

    def test_a_state_file_carries_the_state_over_a_restart(
        self, watch, file, tmp_path, make_script
    ):
        script = make_script("#!/bin/sh\necho $(($1 + 1))\nprintf '\\377\\n'\n")
        first = watch(file, script=script, options=["--state", "s.json"], arguments=["7"])
        change(file)
        first.run()
        first.stop(signal.SIGKILL)

        second = watch(file, script=script, options=["--state", "s.json"], arguments=["100"])
        change(file)

        assert second.run()["arguments"] == ["9", "\udcff"]
        assert sorted(path.name for path in tmp_path.glob("s.json*")) == ["s.json"]

    def test_a_damaged_state_file_is_told_of_and_kept_aside(
        self, watch, file, tmp_path, make_script
    ):
        (tmp_path / "s.json").write_text('{"otumat-watch-state": 1, "arg')
        script = make_script('#!/bin/sh\necho "$1"\n')
        watching = watch(file, script=script, options=["--state", "s.json"], arguments=["given"])

        assert "is damaged: kept as" in watching.wait_for("note")["text"]
        change(file)
        assert watching.run()["arguments"] == ["given"]
        [aside] = tmp_path.glob("s.json.damaged-*")
        assert aside.read_text() == '{"otumat-watch-state": 1, "arg'


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
        with open("/bin/true", "rb") as source, program.open("wb") as copy:
            copy.write(source.read())
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
