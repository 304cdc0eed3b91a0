"""Laws of the maintainer's commands, asked of a real process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from click.testing import CliRunner

from otumat_usage.host.cli import host_group

COMMAND = [sys.executable, "-m", "otumat_usage.host"]
REPORT = [sys.executable, "-c", "from otumat_usage.host.cli import *; report_command()"]


def run(*words, command=COMMAND):
    return subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def serving(folder, tmp_path):
    """Start a host on a free port; stop what is left of it afterwards."""
    started = []

    def start(*words):
        ready = tmp_path / f"ready-{len(started)}"
        process = subprocess.Popen(
            [*COMMAND, "serve", "-d", folder, "--port", "0", "--ready-file", ready, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "the host did not start in 30 s"
            time.sleep(0.02)
        return process, json.loads(ready.read_text())

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_importing_the_commands_loads_click_only():
    program = (
        "import sys, otumat_usage.host.cli; "
        "heavy = {'starlette', 'uvicorn', 'sqlalchemy', 'msgspec', 'jinja2', 'httpx', 'sqlite3'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )

    result = run("-c", program, command=[sys.executable])

    assert result.stdout.strip() == "[]", result.stderr


@pytest.mark.parametrize(
    "words", [["init"], ["serve"], ["add-package"], ["snippet"], ["admin-link"], []]
)
def test_every_command_has_help_with_an_example(words):
    result = CliRunner().invoke(host_group, [*words, "--help"])

    assert result.exit_code == 0
    assert "Example:" in result.output


@pytest.mark.service
def test_a_package_is_added_shown_and_reported(folder):
    added = run("add-package", "My_Package", "-d", folder)
    (folder / "events.json").write_text('{"plot": {"kind": "str"}}')
    declared = run("add-package", "other", "-d", folder, "--events", folder / "events.json")
    shown = run("snippet", "my.package", "-d", folder, "--url", "https://usage.example.org")
    report = run("my-package", "-d", folder, "--json", command=REPORT)

    assert added.stdout == "my-package: any event\n", added.stderr
    assert declared.stdout == "other: 1 declared event\n"
    compile(shown.stdout, "snippet", "exec")
    assert shown.stderr == ""
    assert 'host="https://usage.example.org"' in shown.stdout
    assert json.loads(report.stdout)["installs"] == 0
    if os.name == "posix":
        assert folder.stat().st_mode & 0o77 == 0
        assert (folder / "host.sqlite3").stat().st_mode & 0o77 == 0


@pytest.mark.service
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://127.0.0.1:8080", "this computer only"),
        ("http://x.example", "clients want https"),
    ],
)
def test_a_snippet_for_an_address_that_no_user_reaches_says_so(folder, address, why):
    run("add-package", "demo", "-d", folder)

    shown = run("snippet", "demo", "-d", folder, "--url", address)

    assert shown.returncode == 0
    assert f'host="{address}"' in shown.stdout
    assert why in shown.stderr
    assert "--url" in shown.stderr


@pytest.mark.service
@pytest.mark.parametrize(
    ("words", "command", "text"),
    [
        (["snippet", "demo", "-d", "{empty}"], COMMAND, "no host in"),
        (["demo", "-d", "{empty}"], REPORT, "no host in"),
        (["nothing", "-d", "{folder}"], REPORT, "no package 'nothing' at this host"),
        (["add-package", "not a name", "-d", "{folder}"], COMMAND, "is no package name"),
        (["add-package", "x", "--events", "{bad}", "-d", "{folder}"], COMMAND, "is no JSON"),
        (["init", "-d", "{folder}", "--url", "ftp://x"], COMMAND, "is no address"),
        (["init", "-d", "{bad}/x"], COMMAND, "cannot make the folder"),
        (["serve", "-d", "{folder}", "--trust-proxy", "proxy"], COMMAND, "--trust-proxy 'proxy'"),
        (["serve", "-d", "{folder}", "--allowed-host", "x:80"], COMMAND, "--allowed-host 'x:80'"),
        (["serve", "-d", "{folder}", "--ready-file", "{empty}/x"], COMMAND, "cannot write into"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(folder, tmp_path, words, command, text):
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    assert run("init", "-d", folder).returncode == 0
    places = {"empty": tmp_path / "empty", "folder": folder, "bad": bad}

    result = run(*(word.format(**places) for word in words), command=command)

    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert text in result.stderr


@pytest.mark.service
@pytest.mark.mounts
@pytest.mark.skipif(sys.platform != "linux", reason="mounts in a namespace of Linux")
def test_a_folder_that_cannot_be_written_in_is_named(folder):
    """SQLite says only that it is unable to open the file."""
    assert run("init", "-d", folder).returncode == 0
    frozen = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'

    for words in (["serve", "--port", "0"], ["add-package", "demo"]):
        command = ["unshare", "--mount", "sh", "-c", frozen, "sh", str(folder), *COMMAND]
        result = run(*words, "-d", folder, command=command)
        assert result.returncode == 2
        assert f"because {folder} cannot be written in" in result.stderr
        assert result.stderr.count("\n") == 1


@pytest.mark.service
def test_a_port_in_use_is_one_line_and_exit_2(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])

        result = run("serve", "-d", folder, "--port", port)

    assert result.returncode == 2
    assert result.stderr == (f"Error: port {port} on 127.0.0.1 is in use: choose another --port\n")


@pytest.mark.service
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(serving, number):
    process, said = serving("--json")

    with urllib.request.urlopen(said["url"] + "/.well-known/oauth-authorization-server") as answer:
        issuer = json.load(answer)["issuer"]
    process.send_signal(number)
    out, err = process.communicate(timeout=20)

    assert issuer == said["url"]
    assert process.returncode == 0
    assert json.loads(out) == said
    assert err == ""


@pytest.mark.service
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_it_starts_again_on_the_port_it_just_left(serving):
    first, said = serving()
    first.terminate()
    first.communicate(timeout=20)

    _, again = serving("--port", said["url"].rpartition(":")[2])

    assert again["url"] == said["url"]


def test_the_list_of_commands_breaks_off_nowhere():
    """What a command does is said in half a sentence where the whole has no room."""
    listed = CliRunner().invoke(host_group, ["--help"], terminal_width=80).output

    assert "  doctor         Look for trouble.\n" in listed
    assert [
        line for line in listed.splitlines() if line.endswith("...") and "Usage" not in line
    ] == []
