"""Laws of the command line."""

# Bytes as names and descriptors need os.path and os.
# ruff: noqa: PTH115, PTH123

import contextlib
import importlib.metadata
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click.testing
import pytest

from otumat_watch.cli import main, watch_command

TALLY = '#!/bin/sh\necho "$@" >> seen\necho $(($1+1))\necho tail\n'


@pytest.fixture(name="run")
def _run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*argv, **kwargs):
        return subprocess.run(
            [sys.executable, "-m", "otumat_watch.cli", *argv],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            **kwargs,
        )

    return run


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_what_nobody_reads_ends_with_2_and_silence(word):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "otumat_watch.cli", word],
        stdout=writing, stderr=subprocess.PIPE, check=False, timeout=20,
    )  # fmt: skip
    os.close(writing)

    assert (done.stderr, done.returncode) == (b"", 2)


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        ([], "Missing option '-f'"),
        (["-f", "x"], "Missing option '-s'"),
        (["-f", "x", "-s", "no-such"], "no-such does not exist"),
        (["-f", "x", "-s", "."], "is a folder"),
        (["-f", "", "-s", "ok.sh"], "is no path"),
        (["-f", "/dev/null", "-s", "ok.sh"], "neither a file nor a folder"),
        (["-f", "x", "-s", "ok.sh", "-i", "0"], "-i"),
        (["-f", "x", "-s", "ok.sh", "-i", "nan"], "nan"),
        (["-f", "x", "-s", "ok.sh", "--settle", "nan"], "nan"),
        (["-f", "x", "-s", "ok.sh", "--timeout", "inf"], "inf"),
        (["-f", "x", "-s", "ok.sh", "-q", "-v"], "exclude"),
        (["-f", "x", "-s", "ok.sh", "--on-error", "no"], "on-error"),
        (["-f", "x", "-s", "ok.sh", "--state", "no/where"], "folder does not exist"),
        (["-f", "x", "-s", "ok.sh", "--no-such"], "--no-such"),
        (["-f", "x", "-s", "new\nline"], r"new\nline"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_2(tmp_path, monkeypatch, capsys, argv, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ok.sh").write_text("")
    monkeypatch.setattr(sys, "argv", ["otumat-watch", *argv])

    with pytest.raises(SystemExit) as ended:
        main()

    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert re.fullmatch(r"Error: .*\n", printed.err)
    assert line in printed.err


def test_below_the_group_the_same_command_says_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    result = click.testing.CliRunner().invoke(watch_command, ["-f", "x", "-s", "no-such"])

    assert result.exit_code == 2
    assert result.output.startswith("Error: no-such does not exist")
    assert "--version" not in [name for option in watch_command.params for name in option.opts]


def test_the_command_alone_tells_its_version(run):
    version = importlib.metadata.version("otumat-watch")

    assert run("--version").stdout == f"otumat-watch {version}\n"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_has_an_example(run, option):
    assert "otumat watch -f data.csv" in run(option).stdout


class Terminal:
    """The command at a terminal of its own."""

    def __init__(self, argv, cwd):
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "otumat_watch.cli", *argv],
            cwd=cwd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""

    def read_until(self, words):
        while words not in self.text:
            self.text += os.read(self._master, 4096).decode()

    def close(self):
        self.process.wait(10)
        os.close(self._master)


@pytest.mark.service
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
class TestOutput:
    @pytest.fixture(name="place")
    def _place(self, tmp_path, make_script):
        make_script(TALLY, "tally.sh")
        return tmp_path

    @pytest.fixture(name="session")
    def _session(self, place):
        """Return all that is printed on stdout and stderr for two changes and a SIGTERM."""

        def session(*options):
            argv = [sys.executable, "-m", "otumat_watch.cli", *options]
            argv += ["-f", "f", "-s", "tally.sh", "0"]
            with subprocess.Popen(
                argv, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as watcher:
                self.until_armed(watcher)
                for count in (1, 2):
                    (place / "f").write_text("x")
                    deadline = time.monotonic() + 10
                    while self.count(place) < count or self.has_child(watcher):
                        assert time.monotonic() < deadline
                watcher.send_signal(signal.SIGTERM)
                out, err = watcher.communicate(timeout=10)
                assert watcher.returncode == 128 + signal.SIGTERM
            return out, err

        return session

    @staticmethod
    def until_armed(watcher):
        """Wait until the process sleeps with an inotify instance, whatever it prints or not."""
        folder = Path(f"/proc/{watcher.pid}/fd")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError):
                links = [os.readlink(each) for each in folder.iterdir()]
                stat = Path(f"/proc/{watcher.pid}/stat").read_text().rpartition(")")[2]
                if "anon_inode:inotify" in links and stat.split()[0] == "S":
                    return
        raise AssertionError("it was never armed")

    @staticmethod
    def has_child(watcher):
        with open(f"/proc/{watcher.pid}/task/{watcher.pid}/children") as file:
            return bool(file.read())

    @staticmethod
    def count(place):
        try:
            return len((place / "seen").read_text().splitlines())
        except FileNotFoundError:
            return 0

    def test_a_run_is_one_line_with_time_path_exit_code_and_duration(self, session, place):
        out, err = session()

        first, *runs, last = out.splitlines()
        assert re.fullmatch(r"Watching f by inotify and .*; each change runs .*tally.sh", first)
        assert last == "Stopped: SIGTERM"
        assert re.fullmatch(r"\d\d:\d\d:\d\d  f created  exit 0  \d+\.\d\d s", runs[0])
        assert re.fullmatch(r"\d\d:\d\d:\d\d  f modified  exit 0  \d+\.\d\d s", runs[1])
        assert len(runs) == 2
        assert err == ""
        assert (place / "seen").read_text() == "0\n1 tail\n"

    def test_quiet_prints_nothing_of_runs_that_succeed(self, session):
        assert session("-q") == ("", "")

    def test_quiet_prints_runs_that_fail(self, session, make_script):
        make_script("#!/bin/sh\necho >> seen\nexit 3\n", "tally.sh")

        out, _ = session("-q")

        assert "exit 3" in out
        assert "failed; the state stays" in out

    def test_verbose_prints_the_begin_and_the_state(self, session):
        out, _ = session("-v")

        assert "run 1 starts with 0" in out
        assert "the state is now 1 tail" in out

    def test_json_is_one_object_per_event(self, session):
        out, err = session("--json")

        events = [json.loads(line) for line in out.splitlines()]
        assert [event["event"] for event in events] == [
            "watching",
            "start",
            "run",
            "start",
            "run",
            "stopped",
        ]
        assert events[4]["arguments"] == ["2", "tail"]
        assert events[4]["problem"] is None
        assert err == ""

    @pytest.mark.parametrize("no_color", [False, True])
    def test_colour_is_for_terminals_that_want_it(self, place, monkeypatch, no_color):
        if no_color:
            monkeypatch.setenv("NO_COLOR", "1")
        terminal = Terminal(["-f", "f", "-s", "tally.sh"], place)
        terminal.read_until("Watching")
        (place / "f").write_text("x")
        terminal.read_until("exit 0")
        terminal.process.send_signal(signal.SIGINT)
        terminal.close()

        assert ("\x1b[" in terminal.text) is not no_color

    @pytest.mark.parametrize("closed", [1, 2])
    def test_who_closed_a_stream_is_watched_for_all_the_same(self, place, closed):
        command = f'exec "$0" -m otumat_watch.cli --once --initial -f f -s tally.sh {closed}>&-'
        done = subprocess.run(
            ["sh", "-c", command, sys.executable], cwd=place, check=False, timeout=20
        )

        assert done.returncode == 0
        assert (place / "seen").exists()

    def test_ctrl_c_at_the_terminal_is_130_and_no_traceback(self, place):
        terminal = Terminal(["-f", "f", "-s", "tally.sh"], place)
        terminal.read_until("Watching")
        terminal.process.send_signal(signal.SIGINT)
        terminal.read_until("Stopped: SIGINT")
        terminal.close()

        assert terminal.process.returncode == 130
        assert "Traceback" not in terminal.text
