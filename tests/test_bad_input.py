"""Every failure of a command is one line, says what to do, and has a documented exit code."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator

import pytest

pytestmark = pytest.mark.service

SCRIPTS = pathlib.Path(sysconfig.get_path("scripts"))


#: The example key of RFC 8410, section 10.1.
KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""


@pytest.fixture(name="folder")
def _folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with a package, a PEM that is none, a script without the executable bit."""
    folder = tmp_path / "folder"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "__init__.py").write_text("x = 1\n")
    (folder / "empty").mkdir()
    (folder / "none.pem").write_text("this is no PEM\n")
    (folder / "key.pub").write_text(KEY)
    (folder / "signature").write_text("AAAA\n")
    (folder / "watched").write_text("")
    (folder / "plain").write_text("just words\n")
    (folder / "not.whl").write_text("no zip\n")
    return folder


@pytest.fixture(name="busy_port")
def _busy_port() -> Iterator[int]:
    """A port on loopback that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _run(folder: pathlib.Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "otumat", *args],
        cwd=folder,
        env=os.environ | {"XDG_STATE_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("no-such-command", "no-such-command"),
        ("hash", "DIR"),
        ("hash missing", "missing"),
        ("hash empty", "empty"),
        ("hash pkg --algorithm md5", "md5"),
        ("sign pkg -k none.pem -o no/such/folder/sig", "none.pem"),
        ("sign pkg -k missing.pem", "missing.pem"),
        ("sign pkg -k none.pem", "none.pem"),
        ("sign not.whl -k none.pem", "none.pem"),
        ("verify pkg -p none.pem -s signature", "none.pem"),
        ("verify pkg -p missing.pem -s signature", "missing.pem"),
        ("verify no_such_installed_package -p key.pub", "no_such_installed_package"),
        ("keygen none.pem --no-passphrase", "none.pem"),
        ("keygen no/such/folder/key.pem --no-passphrase", "no/such/folder"),
        ("watch", "-f"),
        ("watch -f watched -s missing.sh", "missing.sh"),
        ("watch -f watched -s plain", "plain"),
        ("watch -f watched -i soon -s plain", "soon"),
        ("usage no-such-command", "no-such-command"),
        ("usage report no-such-package -d missing", "missing"),
        ("usage host serve -d . --port 99999999", "99999999"),
        ("usage host add-package -d data not/a/name", "not/a/name"),
    ],
)
def test_is_one_line_naming_the_culprit_and_exit_2(
    folder: pathlib.Path, command: str, named: str
) -> None:
    done = _run(folder, *command.split())

    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert named in done.stderr


def test_a_port_in_use_is_named_with_what_to_do(folder: pathlib.Path, busy_port: int) -> None:
    done = _run(folder, "usage", "host", "serve", "-d", "data", "--port", str(busy_port))

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(busy_port) in done.stderr


@pytest.mark.parametrize("name", ["otumat-sign", "otumat-usage", "otumat-watch"])
@pytest.mark.parametrize("argument", ["--no-such-option", "no-such-command"])
def test_a_leaf_alone_fails_as_clearly(folder: pathlib.Path, name: str, argument: str) -> None:
    done = subprocess.run(
        [SCRIPTS / name, argument],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )

    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
