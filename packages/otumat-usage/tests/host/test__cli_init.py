"""Laws of making a host: at a terminal three questions at most, elsewhere none."""

import os
import subprocess
import sys

import pytest

from otumat_usage.host import _packages
from otumat_usage.host._database import Database
from otumat_usage.host._settings import recall

PROGRAM = "import sys; from otumat_usage.host.cli import host_group; host_group(sys.argv[1:])"
QUESTIONS = ("Address: ", "Database: ", "Package: ")

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
service = pytest.mark.service


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "a host"


def made(folder):
    """Return the address and the packages of the host in *folder*."""
    database = Database.open(folder)
    with database.read() as connection:
        found = recall(connection, "url"), _packages.names(connection)
    database.close()
    return found


@posix
@service
def test_three_answers_make_a_host_and_the_next_commands_are_told(terminal, folder):
    shell = terminal(PROGRAM, "init", "-d", str(folder))
    shell.expect("Address: ").send("https://Usage.example.org/\n")
    shell.expect("Database: ").send("\n")
    shell.expect("Package: ").send("My_Package\n")

    assert shell.wait() == 0
    assert made(folder) == ("https://usage.example.org", ["my-package"])
    assert (folder / "host.sqlite3").exists()
    assert [shell.text.count(question) for question in QUESTIONS] == [1, 1, 1]
    assert f"otumat-usage host snippet my-package -d '{folder}'" in shell.text
    assert f"otumat-usage host serve -d '{folder}'" in shell.text


@posix
@service
def test_enter_takes_the_defaults(terminal, folder):
    shell = terminal(PROGRAM, "init", "-d", str(folder))
    for question in QUESTIONS:
        shell.expect(question).send("\n")

    assert shell.wait() == 0
    assert made(folder) == (None, [])


@posix
@service
def test_a_wrong_answer_is_told_and_asked_again(terminal, folder):
    shell = terminal(PROGRAM, "init", "-d", str(folder), "--package", "demo")
    shell.expect("Address: ").send("usage.example.org\n").expect("is no address: expected https://")
    shell.send("http://127.0.0.1:9999\n")
    shell.expect("Database: ").send("mysql://me:secret@x/y\n").expect("must be postgresql://")
    shell.send("\n")

    assert shell.wait() == 0
    assert made(folder) == ("http://127.0.0.1:9999", ["demo"])
    assert "Package: " not in shell.text


@posix
@service
def test_who_leaves_the_questions_has_made_nothing(terminal, folder):
    shell = terminal(PROGRAM, "init", "-d", str(folder))
    shell.expect("Address: ").send("https://usage.example.org\n")
    # Ctrl-C; readline may sleep through it until the next key.
    shell.expect("Database: ").send("\x03\n")

    assert shell.wait() != 0
    assert not folder.exists()


@posix
@service
def test_nothing_is_asked_where_nothing_is_left_open(terminal, folder):
    first = terminal(PROGRAM, "init", "-d", str(folder), "--yes")
    assert first.wait() == 0
    again = terminal(PROGRAM, "init", "-d", str(folder))
    assert again.wait() == 0

    assert first.text == f"made: {folder}\n"
    assert again.text == f"already there: {folder}\n"


@service
def test_without_a_terminal_nothing_is_asked(folder):
    words = ["init", "-d", folder, "--url", "https://usage.example.org", "--package", "demo"]
    done = subprocess.run(
        [sys.executable, "-m", "otumat_usage.host", *words],
        input="\n\n\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, f"made: {folder}\n", "")
    assert made(folder) == ("https://usage.example.org", ["demo"])


@service
def test_what_is_changed_of_a_host_that_was_there_is_told(folder):
    def init(*words):
        command = [sys.executable, "-m", "otumat_usage.host", "init", "-d", folder, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    init("--package", "demo")
    moved = init("--url", "https://new.example.org", "--package", "other")

    assert moved.stdout.splitlines() == [
        f"already there: {folder}",
        "public address: https://new.example.org",
        "package: other",
    ]
    assert made(folder) == ("https://new.example.org", ["demo", "other"])


@service
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--package", "not a name"], "is no package name"),
        (["--url", "ftp://x"], "is no address"),
        pytest.param(
            ["--database", "postgresql://x@127.0.0.1:1/none"],
            "cannot",
            marks=pytest.mark.postgresql,  # its driver is there where these run
        ),
    ],
)
def test_what_cannot_be_leaves_a_folder_in_which_it_can_be_tried_again(folder, words, said):
    command = [sys.executable, "-m", "otumat_usage.host", "init", "-d", folder]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}

    failed, done = (
        subprocess.run(
            each, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        for each in ([*command, *words], command)
    )

    assert (failed.returncode, failed.stdout) == (2, "")
    assert said in failed.stderr
    assert (done.returncode, done.stdout) == (0, f"made: {folder}\n")
