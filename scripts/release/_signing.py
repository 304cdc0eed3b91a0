"""Sign a wheel with otumat-sign, twice over, and check it as its users would: by us and by hand."""

from __future__ import annotations

import base64
import os
import pathlib
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from release import _build
from release._refused import Refused

if TYPE_CHECKING:
    from release._project import Project

_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n", re.DOTALL)
_BLOCK = re.compile(
    rb"^-----BEGIN OTUMAT SIGNATURE-----\n(.*?)^-----END OTUMAT SIGNATURE-----$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Key:
    """Where the private key is; what an environment variable held is no longer inherited."""

    uri: str
    secret: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def take(cls, uri: str) -> Key:
        """Take the key that *uri* names: from here on, nothing but the signing is given it.

        What builds, checks and runs a wheel is code of others as well. It is not shut out by this:
        a process of the same user can read what this one was started with (``/proc/PID/environ``).
        Therefore all that runs beside it is pinned by hash, and what is not runs in `try`, later.
        """
        scheme, _, name = uri.partition(":")
        if scheme == "fd":
            raise Refused(
                f"{uri}: can be read once, and a wheel is signed twice: give a path,"
                " env:NAME or cmd:PROGRAM"
            )
        if scheme == "env" and name in os.environ:
            return cls(uri, {name: os.environ.pop(name)})
        # A relative path is made absolute, since signing happens in other folders.
        return cls(uri if re.match(r"[a-z]+:", uri) else os.path.abspath(uri))  # noqa: PTH100


def throw_away_key(folder: pathlib.Path) -> tuple[Key, pathlib.Path]:
    """Make an Ed25519 key pair that nobody trusts; return the key and its public half."""
    folder.mkdir()
    key = folder / "throw-away.pem"
    command = ["keygen", "--type", "ed25519", "--no-passphrase", str(key)]
    _build.run([_otumat_sign(), *command], cwd=folder, where=_build.ONE, epoch=0)
    return Key(str(key)), key.with_suffix(".pub")


def sign(wheel: pathlib.Path, key: Key, epoch: int, work: pathlib.Path) -> pathlib.Path:
    """Return a signed copy of *wheel*; signing it elsewhere must give the same bytes."""
    signed = []
    for where in (_build.ONE, _build.OTHER):
        folder = work / "signed" / where.folder
        folder.mkdir(parents=True)
        signed.append(folder / wheel.name)
        shutil.copyfile(wheel, signed[-1])
        command = [_otumat_sign(), "sign", wheel.name, "-k", key.uri]
        _build.run(command, cwd=folder, where=where, epoch=epoch, secret=key.secret)
    _build.same(signed[0], signed[1], "signed twice")
    return signed[0]


def check_by_hand(
    project: Project, site: pathlib.Path, pub: pathlib.Path, work: pathlib.Path
) -> None:
    """Check what is installed in *site* with openssl and sha256sum alone."""
    work.mkdir()
    manifest = site / f"{project.stem}.dist-info" / f"{project.module}.manifest"
    text = manifest.read_bytes()
    block = _BLOCK.search(text)
    if not block:
        raise Refused(f"{manifest.name}: holds no signature")
    (work / "signed.txt").write_bytes(text[: block.start()])
    lines = [line for line in block[1].splitlines() if b":" not in line]
    (work / "signature.bin").write_bytes(base64.b64decode(b"".join(lines), validate=True))
    keys = _PEM.findall(pub.read_bytes())
    if not any(_openssl(work, key) for key in keys):
        raise Refused(f"{manifest.name}: openssl: made by none of the {len(keys)} keys of {pub}")
    command = ["sha256sum", "--check", "--quiet", str(manifest)]
    done = subprocess.run(command, cwd=site, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"{manifest.name}: sha256sum: {done.stdout.strip()}")


def _openssl(work: pathlib.Path, key: bytes) -> bool:
    (work / "key.pub").write_bytes(key)
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pub",
               "-sigfile", "signature.bin", "-in", "signed.txt"]  # fmt: skip
    done = subprocess.run(command, cwd=work, capture_output=True, check=False)
    return done.returncode == 0


def _otumat_sign() -> str:
    return str(pathlib.Path(sysconfig.get_path("scripts")) / "otumat-sign")
