"""The commands: words, exit codes, and that nothing of weight is missing or loaded in vain."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.service


def test_without_a_package_there_is_nothing_to_say(console):
    assert "No package on this account" in console("status").stdout
    assert json.loads(console("status", "--json").stdout) == []
    assert "nothing to send" in console("upload").stdout
    assert "Nothing waits" in console("show").stderr
    assert "Nothing was sent" in console("sent").stderr


@pytest.mark.parametrize(
    ("args", "code", "line"),
    [
        (["nonsense"], 2, "Error: No such command 'nonsense'."),
        (["on", "unknown"], 2, "Error: unknown was never asked about on this account"),
        (["on", "a/b"], 2, "Error: 'a/b' is not the name of a package"),
        (["off"], 2, "Error: say which: otumat-usage off PACKAGE, or: otumat-usage off --all"),
        (
            ["off", "p", "--all"],
            2,
            "Error: say which: otumat-usage off PACKAGE, or: otumat-usage off --all",
        ),
        (["show", "unknown"], 2, "Error: unknown: not asked yet"),
    ],
)
def test_a_failure_is_one_line_and_a_code(console, args, code, line):
    assert console(*args, code=code).stderr == line + "\n"


@pytest.mark.usefixtures("agreed")
def test_status_of_one_package_answers_by_its_exit_code(console):
    assert console("status", "p", code=1).stdout.startswith("p: off, ")
    assert console("status", "other", code=1).stdout == "other: off, not asked yet\n"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.parametrize("words", [["status"], ["--help"], ["status", "--help"]], ids=" ".join)
def test_a_reader_that_went_away_is_no_answer(words):
    """As in `otumat-usage status | grep -q x`: 1 would say that nothing is recorded."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "otumat_usage", *words],
        stdout=writing, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(writing)

    assert (done.stderr, done.returncode) == (b"", 2)


@pytest.mark.parametrize(
    "command",
    ["status", "on", "off", "show", "sent", "upload", "export", "erase", "doctor"],
)
def test_every_command_explains_itself_with_an_example(console, command):
    text = console(command, "--help").stdout

    assert "example:\n" in text
    assert f"otumat-usage {command}" in text


def test_off_all_refuses_what_was_never_seen(console, python):
    assert "all other packages: off" in console("off", "--all").stdout

    done = python("""
        from otumat_usage import UsageAgent
        agent = UsageAgent(
            author="a", data_directory="d", package_name="new", host="https://x.example")
        print(agent.refusal())
    """)
    assert done.stdout == "the user said no to all packages\n"


def test_a_no_to_all_is_taken_back_by_name(console, data):
    console("off", "--all")

    assert f"rm '{data}/refused'" in console("on", "p", code=2).stderr


def test_without_the_extra_the_host_is_one_line(tmp_path):
    """What is not installed is not found, and --help still lists everything."""
    hide = (
        "import sys\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('starlette', 'sqlalchemy', 'msgspec', 'uvicorn'):\n"
        "            raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
        "from otumat_usage.cli import main\n"
        "main(sys.argv[1:])\n"
    )

    def run(*args):
        return subprocess.run(
            [sys.executable, "-c", hide, *args], capture_output=True, text=True, check=False
        )

    assert "report" in run("--help").stdout
    for args in (["report", "p", "-d", str(tmp_path)], ["host", "init", "-d", str(tmp_path / "h")]):
        done = run(*args)
        assert done.returncode == 2
        assert done.stderr.startswith("Error: ")
        assert "otumat-usage[host]" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("agreed")
def test_the_upload_of_0_3_makes_one_pass_and_exits():
    run = "from otumat_usage.cli import upload_legacy_command as c; c()"
    args = ["-a", "A", "-p", "p", "-d", "d", "-s", "2022-01-01T00:00:00.0", "-f", "12h"]

    def call(*args):
        return subprocess.run(
            [sys.executable, "-c", run, *args], capture_output=True, text=True, check=False
        )

    done = call(*args)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert call(*args[:-1], "soon").returncode == 2
    assert call(*args[:-4], "-s", "now", "-f", "12h").returncode == 2


@pytest.mark.usefixtures("agreed")
def test_a_shell_completes_commands_and_packages(console):
    assert "complete" in console(_OTUMAT_USAGE_COMPLETE="bash_source").stdout
    for words, found in (("otumat-usage exp", "export"), ("otumat-usage show ", "p")):
        number = str(words.count(" "))
        env = {"COMP_WORDS": words, "COMP_CWORD": number, "_OTUMAT_USAGE_COMPLETE": "bash_complete"}
        assert console(**env).stdout == f"plain,{found}\n"


def test_the_version_is_printed(console):
    import importlib.metadata

    version = importlib.metadata.version("otumat-usage")
    assert console("--version").stdout == f"otumat-usage {version}\n"
