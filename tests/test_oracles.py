"""Git and openssl agree with us on this repository's own packages."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

import pytest

pytestmark = pytest.mark.interop

ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCES = sorted(path for path in ROOT.glob("packages/*/src/*") if path.is_dir())
SCRIPTS = sysconfig.get_path("scripts")


def _shell(command: str, folder: pathlib.Path) -> str:
    """Run *command* by bash in *folder*, with our commands on the path; it must succeed."""
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": SCRIPTS + os.pathsep + os.environ["PATH"]},
        text=True,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout


@pytest.fixture(name="package", params=SOURCES, ids=lambda path: path.name)
def _package(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of one of our packages as it would be installed."""
    copy = tmp_path / "site" / request.param.name
    shutil.copytree(request.param, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_the_digest_is_what_git_says(package: pathlib.Path, algorithm: str) -> None:
    folder, name = package.parent, package.name
    ours = _shell(f"otumat hash {name} --algorithm {algorithm}", folder)
    _shell(f"git init -q --object-format={algorithm} && git add . --all", folder)

    assert ours == _shell(f"git ls-files -s {name} | git hash-object --stdin", folder)


def test_openssl_verifies_what_we_sign_and_we_what_openssl_signs(package: pathlib.Path) -> None:
    folder, name = package.parent, package.name
    pss = "-sigopt rsa_padding_mode:pss"
    _shell(
        f"openssl genrsa -out key.pem 3072 && openssl rsa -in key.pem -pubout -out key.pub\n"
        f"otumat sign {name} -k key.pem -o ours.sig\n"
        f"openssl enc -base64 -d -in ours.sig -out ours.bin\n"
        f"otumat hash {name} | tr -d '\\n' > digest\n"
        f"openssl dgst -sha256 -verify key.pub {pss} -signature ours.bin digest\n"
        f"openssl dgst -sha256 -sign key.pem {pss} -out theirs.bin digest\n"
        f"openssl enc -base64 -in theirs.bin -out theirs.sig\n"
        f"otumat verify {name} -p key.pub -s theirs.sig",
        folder,
    )


def test_one_changed_byte_is_refused_with_exit_code_1(package: pathlib.Path) -> None:
    folder, name = package.parent, package.name
    _shell(
        "otumat keygen --no-passphrase key.pem\n"
        f"otumat sign {name} -k key.pem -o s.sig && echo '# more' >> {name}/__init__.py",
        folder,
    )
    done = subprocess.run(
        [sys.executable, "-m", "otumat", "verify", name, "-p", "key.pub", "-s", "s.sig"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert name in done.stderr + done.stdout
