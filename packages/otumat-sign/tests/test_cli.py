"""Every command answers with one line and an exit code that means what the help says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from otumat_sign import cli, hash_pkg, verify

COMMANDS = ["hash", "sign", "verify", "keygen"]


@pytest.fixture(name="package")
def _package(tmp_path, monkeypatch):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_bytes(b"x = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "pkg"


def _is_one_line(result, code):
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_explains_itself_with_an_example(run, command, option):
    result = run(command, option)

    assert result.exit_code == 0
    assert f"Example: otumat-sign {command}" in result.stdout


def test_the_group_shows_its_commands_and_version(run):
    from importlib.metadata import version

    for command in COMMANDS:
        assert f"\n  {command} " in run("--help").stdout
    assert run("--version").stdout == f"otumat-sign {version('otumat-sign')}\n"


def test_every_command_is_an_entry_point_of_the_suite():
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group="otumat.commands")}
    for command in COMMANDS:
        assert found[command].load() is getattr(cli, f"{command}_command")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--nonsense"],
        ["hash"],
        ["hash", "--nonsense", "pkg"],
        ["hash", "pkg", "--workers", "0"],
        ["hash", "pkg", "--algorithm", "md5"],
        ["hash", "pkg", "--prefix", "/"],
        ["hash", "pkg", "--explain-git", "--prefix", "src"],
        ["hash", "nowhere"],
        ["sign", "pkg"],
        ["sign", "pkg", "pkg", "-k", "key.pem"],
        ["sign", "pkg", "-k", "nowhere.pem"],
        ["sign", "pkg", "--pub", "x", "-k", "key.pem"],
        ["verify", "pkg", "-s", "x"],
        ["verify", "pkg", "-p", "nowhere.pub", "-s", "nowhere.sig"],
        ["keygen", "x.pub"],
        ["keygen", "nowhere/key.pem", "--no-passphrase", "--type", "ed25519"],
        ["keygen", "x.pem"],
        ["keygen", "x.pem", "--no-passphrase", "--passphrase", "env:P"],
        ["keygen", "x.pem", "--passphrase", "hunter2"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("package")
def test_what_cannot_be_done_is_one_line_and_two(run, arguments):
    _is_one_line(run(*arguments), 2)


@pytest.mark.usefixtures("package")
def test_without_a_command_the_help_is_shown(run):
    assert "Commands:" in run().output


def test_hash_prints_what_the_function_returns(run, package):
    assert run("hash", "pkg").stdout == f"{hash_pkg(pkgpath=package)}\n"
    both = run("hash", "pkg", "-a", "sha256", "-a", "sha1", "--prefix", "src", "--workers", "2")
    assert both.stdout.split() == [
        hash_pkg(pkgpath=package, algorithm=name, prefix="src") for name in ("sha256", "sha1")
    ]
    shown = json.loads(run("hash", "pkg", "--json", "-a", "sha1").stdout)
    assert shown == {"path": "pkg", "sha1": hash_pkg(pkgpath=package)}


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "ecdsa"])
def test_a_folder_is_signed_and_verified(run, package, pair, kind):
    keys = pair(kind)
    assert run("sign", "pkg", "-k", keys.key, "-o", "pkg.sig").output == ""
    result = run("verify", "pkg", "-p", keys.pub, "-s", "pkg.sig")
    assert result.exit_code == 0
    assert result.stdout.startswith("pkg: verified")

    (package / "__init__.py").write_bytes(b"x = 2\n")
    _is_one_line(run("verify", "pkg", "-p", keys.pub, "-s", "pkg.sig"), 1)


def test_a_signature_goes_to_standard_output_as_the_function_returns_it(run, package, pair):
    keys = pair()
    printed = run("sign", "pkg", "-k", keys.key).stdout

    verify(pubkey_path=keys.pub, data=hash_pkg(pkgpath=package), signature=printed)
    shown = json.loads(run("sign", "pkg", "-k", keys.key, "--json").stdout)
    assert shown == {
        "path": "pkg",
        "digest": hash_pkg(pkgpath=package),
        "signature": printed,
        "output": None,
    }


def test_a_malformed_signature_is_a_no(run, package, pair):
    (package.parent / "bad.sig").write_bytes(b"\xff\xfe nonsense")

    _is_one_line(run("verify", "pkg", "-p", pair().pub, "-s", "bad.sig"), 1)


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "ecdsa"])
@pytest.mark.usefixtures("package")
def test_a_new_key_is_private_encrypted_and_works(run, kind, monkeypatch, tmp_path):
    monkeypatch.setenv("P", "secret")
    result = run("keygen", "my.pem", "--type", kind, "--passphrase", "env:P")
    assert result.exit_code == 0, result.output

    assert (tmp_path / "my.pem").stat().st_mode & 0o777 == 0o600
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in (tmp_path / "my.pem").read_bytes()
    assert run("sign", "pkg", "-k", "my.pem", "--passphrase", "env:P", "-o", "s").exit_code == 0
    assert run("verify", "pkg", "-p", "my.pub", "-s", "s").exit_code == 0
    _is_one_line(run("sign", "pkg", "-k", "my.pem"), 2)


@pytest.mark.parametrize("taken", ["key.pem", "key.pub"])
@pytest.mark.usefixtures("package")
def test_a_key_never_takes_the_place_of_anything(run, tmp_path, taken):
    for make in (
        lambda path: path.write_bytes(b"mine"),
        lambda path: path.symlink_to("nowhere"),
    ):
        make(tmp_path / taken)
        assert "exists already" in _is_one_line(run("keygen", "--no-passphrase"), 2)
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {"pkg", taken}
        (tmp_path / taken).unlink()


@pytest.mark.usefixtures("package")
def test_a_key_without_passphrase_must_be_asked_for(run, tmp_path):
    assert "no terminal" in _is_one_line(run("keygen"), 2)
    assert not (tmp_path / "key.pem").exists()
    shown = json.loads(run("keygen", "--no-passphrase", "--json", "--type", "ed25519").stdout)

    assert shown == {"private": "key.pem", "public": "key.pub", "type": "ed25519"}
    assert b"BEGIN PRIVATE KEY" in (tmp_path / "key.pem").read_bytes()


@pytest.mark.usefixtures("package")
def test_what_the_system_refuses_is_one_line(run, pair, tmp_path):
    (tmp_path / "folder").mkdir()

    for target in ("nowhere/x.sig", "folder"):
        _is_one_line(run("sign", "pkg", "-k", pair().key, "-o", target), 2)


@pytest.mark.interop
def test_git_is_compared_with_and_its_differences_are_named(run, git, monkeypatch):
    repository = git()
    (repository.folder / "pkg").mkdir()
    (repository.folder / "pkg" / "x.py").write_bytes(b"")
    monkeypatch.chdir(repository.folder)
    same = run("hash", "pkg", "--explain-git")
    assert same.stdout == f"pkg: git says the same, {hash_pkg(pkgpath='pkg')}\n"

    (repository.folder / "pkg" / "x.log").write_bytes(b"")
    (repository.folder / ".gitignore").write_text("*.log\n")
    other = run("hash", "pkg", "--explain-git")
    assert other.stdout == "pkg/x.log: ignored by git: .gitignore:1: *.log\n"
    _is_one_line(other, 1)
    shown = json.loads(run("hash", "pkg", "--explain-git", "--json").stdout)
    assert shown["differences"] == [
        {"path": "pkg/x.log", "cause": "ignored by git: .gitignore:1: *.log"}
    ]
    assert (shown["equal"], shown["hash"]) == (False, hash_pkg(pkgpath="pkg"))
    repository.add()
    assert shown["git"] == repository.hash("pkg")


def _process(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", "from otumat_sign.cli import main; main()", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.service
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes and signals")
@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("words", [["hash", "pkg"], ["--help"], ["hash", "--help"]], ids=" ".join)
def test_a_reader_that_went_away_is_no_traceback_and_no_answer(words):
    """As in `otumat-sign verify P | grep -q x`: 1 would say that the signature is bad."""
    reading, writing = os.pipe()
    os.close(reading)
    with _process(*words, stdout=writing) as process:
        os.close(writing)
        assert process.stderr.read() == ""
    assert process.returncode == 2


@pytest.mark.service
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes and signals")
@pytest.mark.usefixtures("package")
def test_an_interruption_is_one_line_and_130(tmp_path):
    """The key is a FIFO that nobody writes to, so the command waits until it is interrupted."""
    os.mkfifo(tmp_path / "key")
    with (
        _process("sign", "pkg", "-k", "key", stdout=subprocess.DEVNULL) as process,
        # Opening the writing end waits until the command has opened the reading one.
        (tmp_path / "key").open("wb"),
    ):
        while process.poll() is None:  # one that comes just before read(2) does not wake it
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        assert process.stderr.read() == "Error: interrupted\n"
    assert process.returncode == 130
