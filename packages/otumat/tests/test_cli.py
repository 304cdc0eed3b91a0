"""The `otumat` command as its users meet it: help, versions, and every way to go wrong."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from importlib import metadata

import click
import pytest

from otumat import _commands

pytestmark = pytest.mark.service

GREET = (
    "import click\n@click.command()\n@click.option('--fail', is_flag=True)\n"
    "def greet(fail):\n    'Say hello.'\n    1 / (0 if fail else 1)\n    click.echo('hello')\n"
)


class TestHelp:
    def test_lists_the_suite_in_its_order_and_hides_what_only_old_jobs_call(self, otumat):
        done = otumat("--help")

        listed = re.findall(r"^  (\w+) {2,}", done.stdout.split("Commands:")[1], re.MULTILINE)
        assert listed == ["watch", "hash", "sign", "verify", "keygen", "keyring", "usage"]
        assert (done.returncode, done.stderr) == (0, "")

    def test_imports_no_command(self, otumat, plugin):
        plugin("otumat-loud", "loud", "loud:command", "loud", "raise SystemExit('imported')")

        done = otumat("--help")

        assert "loud" in done.stdout
        assert "A command of otumat-loud." in done.stdout
        assert (done.returncode, done.stderr) == (0, "")

    def test_short_option_is_the_same(self, otumat):
        assert otumat("-h").stdout == otumat("--help").stdout

    @pytest.mark.parametrize("name", _commands.KNOWN)
    def test_describes_each_command_as_the_command_does(self, name):
        command = _commands.find()[name].load()

        assert _commands.KNOWN[name][1] == command.get_short_help_str(limit=200)
        assert command.hidden == (name in _commands.HIDDEN)

    @pytest.mark.parametrize("name", _commands.KNOWN)
    def test_of_each_command_can_be_read(self, otumat, name):
        done = otumat(name, "--help")

        assert done.stdout.startswith(f"Usage: otumat {name} ")
        assert (done.returncode, done.stderr) == (0, "")


class TestVersion:
    def test_names_all_installed_parts(self, otumat):
        done = otumat("--version")

        assert done.stdout.splitlines() == [
            f"{part} {metadata.version(part)}" for part in _commands.PARTS
        ]
        assert done.returncode == 0


class TestPlugin:
    def test_becomes_a_command(self, otumat, plugin):
        plugin("otumat-greet", "greet", "greet:greet", "greet", GREET)

        done = otumat("greet")

        assert (done.stdout, done.stderr, done.returncode) == ("hello\n", "", 0)

    @pytest.mark.parametrize(
        ("source", "why"),
        [
            ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
            ("def command(:", "SyntaxError: "),
            ("", "AttributeError: "),
            ("command = print", "TypeError: broken:command is no click command"),
        ],
        ids=["missing import", "syntax error", "missing name", "no command"],
    )
    def test_that_is_broken_says_so_in_one_line(self, otumat, plugin, source, why):
        plugin("otumat-broken", "broken", "broken:command", "broken", source)

        done = otumat("broken", "--any", "thing", "--help")

        assert done.stdout == ""
        assert done.stderr.startswith(
            f"Error: the command 'broken' of otumat-broken cannot be loaded ({why}"
        )
        assert done.stderr.endswith("pip install --force-reinstall otumat-broken\n")
        assert (done.stderr.count("\n"), done.returncode) == (1, 2)

    def test_that_is_found_first_on_the_path_keeps_a_name_that_two_offer(self, plugin):
        plugin("otumat-late", "greet", "late:greet", "late", GREET)
        plugin("otumat-early", "greet", "early:greet", "early", GREET, folder="before")

        assert _commands.find()["greet"].value == "early:greet"

    def test_cannot_take_the_place_of_a_command_of_the_suite(self, otumat, plugin):
        plugin("otumat-evil", "verify", "evil:command", "evil", "raise SystemExit(0)")

        done = otumat("verify", "--help")

        assert done.stdout.startswith("Usage: otumat verify ")

    def test_that_fails_unexpectedly_shows_no_traceback(self, otumat, plugin):
        plugin("otumat-greet", "greet", "greet:greet", "greet", GREET)

        done = otumat("greet", "--fail")

        assert done.stderr == (
            "Error: unexpected ZeroDivisionError: division by zero (OTUMAT_DEBUG=1 shows where)\n"
        )
        assert done.returncode == 2

    def test_that_is_interrupted_ends_with_one_line_and_130(self, otumat, plugin):
        source = "import click\n@click.command()\ndef wait():\n    raise KeyboardInterrupt\n"
        plugin("otumat-wait", "wait", "wait:wait", "wait", source)

        done = otumat("wait")

        assert (done.stdout, done.stderr.strip(), done.returncode) == ("", "Aborted.", 130)

    def test_that_fails_unexpectedly_shows_where_to_a_developer(self, otumat, plugin):
        plugin("otumat-greet", "greet", "greet:greet", "greet", GREET)

        done = otumat("greet", "--fail", env={"OTUMAT_DEBUG": "1"})

        assert "Traceback" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.parametrize("words", [["--help"], ["hash", "--help"]], ids=" ".join)
def test_a_reader_that_went_away_is_no_answer(words):
    """As in `otumat --help | head`: 1 would be a "no"."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "otumat", *words],
        stdout=writing, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(writing)

    assert (done.stderr, done.returncode) == (b"", 2)


class TestWrongUse:
    @pytest.mark.parametrize(
        ("args", "line"),
        [
            (["no-such"], "Error: No such command 'no-such'. (see 'otumat --help')"),
            (["--no-such"], "Error: No such option '--no-such'. (see 'otumat --help')"),
        ],
        ids=["command", "option"],
    )
    def test_is_one_line_and_exit_2(self, otumat, args, line):
        done = otumat(*args)

        assert (done.stdout, done.stderr, done.returncode) == ("", line + "\n", 2)

    def test_of_a_subcommand_is_one_line_too(self, otumat):
        done = otumat("hash", "--no-such-option")

        assert done.stderr.startswith("Error: No such option '--no-such-option'")
        assert (done.stderr.count("\n"), done.returncode) == (1, 2)

    def test_without_a_command_shows_help_and_is_not_success(self, otumat):
        done = otumat()

        assert "Commands:" in done.stderr
        assert done.returncode == 2


def test_a_part_that_is_not_installed_is_named_with_the_command_to_install_it(monkeypatch):
    monkeypatch.setattr(metadata, "entry_points", lambda **_: ())
    cli = importlib.import_module("otumat.cli")

    with pytest.raises(click.UsageError, match="otumat-watch, which is not installed: pip install"):
        cli.otumat.main(["watch"], standalone_mode=False)
