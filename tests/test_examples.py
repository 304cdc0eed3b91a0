"""The examples are real packages: they build, their signatures verify, their state is carried."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import sysconfig
import time

import pytest

pytestmark = pytest.mark.interop

GREET = "from example_base import main; main()"
ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture(name="env")
def _env(tmp_path: pathlib.Path) -> dict[str, str]:
    """The environment of a maintainer: our commands on the path, keys by environment variable."""
    return {
        "HOME": str(tmp_path),
        "PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"],
        "OTUMAT_SIGN_KEY": str(tmp_path / "key.pem"),
        "OTUMAT_SIGN_PUB": str(tmp_path / "key.pub"),
    }


def _run(folder: pathlib.Path, env: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=env, text=True, capture_output=True, stdin=subprocess.DEVNULL,
        check=False, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _build(name: str, folder: pathlib.Path, env: dict[str, str]) -> pathlib.Path:
    source = folder / "src" / name
    shutil.copytree(ROOT / "examples" / name, source)
    # The backends are those of this environment, so that a build takes one second and not ten; the
    # interop session of otumat-sign builds in isolation.
    _run(folder, env, sys.executable, "-m", "build", "-w", "-n", "-o", "dist", str(source))
    (wheel,) = (folder / "dist").glob(f"example_{name.replace('-', '_')}-*.whl")
    return wheel


@pytest.mark.parametrize("name", ["plugin-hatchling", "plugin-setuptools"])
def test_a_plugin_is_signed_by_its_build_and_trusted_by_the_base(
    name: str, tmp_path: pathlib.Path, env: dict[str, str]
) -> None:
    _run(tmp_path, env, "otumat", "keygen", "--no-passphrase", "key.pem")
    wheels = [str(_build(example, tmp_path, env)) for example in ("base", name)]
    target = tmp_path / "site"
    for wheel in wheels:
        _run(tmp_path, env, sys.executable, "-m", "zipfile", "-e", wheel, str(target))
    installed = env | {"PYTHONPATH": str(target)}
    module = f"example_{name.replace('-', '_')}"

    _run(tmp_path, installed, "otumat", "verify", module, "--trusted-by", "example-base")
    greetings = _run(tmp_path, installed, sys.executable, "-c", GREET, "World")
    assert len(greetings.splitlines()) == 2


def test_the_tally_is_carried_from_one_change_to_the_next(
    tmp_path: pathlib.Path, env: dict[str, str]
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("")
    tally = ROOT / "examples" / "watch-state" / "tally.py"
    with subprocess.Popen(
        ["otumat", "watch", "-f", notes.name, "-s", str(tally)],
        cwd=tmp_path, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    ) as watcher:  # fmt: skip
        assert watcher.stdout
        seen = [watcher.stdout.readline()]  # the line that says what is watched, and how
        end = time.monotonic() + 60
        for change, lines in ((1, "one\n"), (2, "two\nthree\n")):
            with notes.open("a") as file:
                file.write(lines)
            while not any(f"change {change}:" in line for line in seen):
                assert time.monotonic() < end, seen
                seen.append(watcher.stdout.readline())
        watcher.send_signal(signal.SIGTERM)
        seen += watcher.stdout.readlines()

    assert any("change 2: notes.txt has 3 lines, +2" in line for line in seen)
