"""Wheels made by hand, keys, and a folder to install into: what these tests share."""

from __future__ import annotations

import base64
import hashlib
import pathlib
import zipfile

import pytest

from otumat_sign._keys import PrivateKey, PublicKey, generate
from otumat_sign._wheel_sign import sign_wheel


@pytest.fixture(autouse=True)
def _no_build_date(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


class Pair:
    """A key pair: `private` and `public` to use, `key` and `pub` as files."""

    def __init__(self, folder: pathlib.Path, name: str, kind: str) -> None:
        private, public = generate(kind, None)
        self.key, self.pub = folder / f"{name}.pem", folder / f"{name}.pub"
        self.key.write_bytes(private)
        self.key.chmod(0o600)
        self.pub.write_bytes(public)
        self.pem = public
        self.private = PrivateKey(private, name=name, passphrase=lambda: b"")
        self.public = PublicKey(public, name=name)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """Key pairs by name, made when they are first asked for; `rsa` and `ecdsa` say their kind."""
    folder = tmp_path_factory.mktemp("keys")
    made: dict[str, Pair] = {}

    def pair(name: str = "alice") -> Pair:
        if name not in made:
            kind = name if name in ("rsa", "ecdsa") else "ed25519"
            made[name] = Pair(folder, name, kind)
        return made[name]

    return pair


@pytest.fixture
def alice(pairs):
    return pairs("alice")


@pytest.fixture
def bob(pairs):
    return pairs("bob")


@pytest.fixture(scope="session")
def make_wheel():
    """Write a wheel as a careful backend would: RECORD right and last, dates fixed."""

    def make(
        folder: pathlib.Path,
        files: dict[str, bytes] | None = None,
        *,
        name: str = "demo",
        version: str = "1.0",
        metadata: dict[str, bytes] | None = None,
        executable: tuple[str, ...] = (),
        tag: str = "py3-none-any",
    ) -> pathlib.Path:
        files = dict(DEMO if files is None else files)
        info = f"{name}-{version}.dist-info"
        files[f"{info}/METADATA"] = (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        )
        files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\n"
        files |= {f"{info}/{key}": value for key, value in (metadata or {}).items()}
        rows = "".join(f"{path},{_row(data)},{len(data)}\n" for path, data in files.items())
        files[f"{info}/RECORD"] = f"{rows}{info}/RECORD,,\n".encode()
        path = folder / f"{name}-{version}-{tag}.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in files.items():
                entry = zipfile.ZipInfo(member, (2020, 2, 2, 0, 0, 0))
                entry.external_attr = (0o100755 if member in executable else 0o100644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, data)
        return path

    return make


DEMO = {
    "demo/__init__.py": b"from demo.core import answer\n",
    "demo/core.py": b"answer = 42\n",
    "demo/data/table.csv": b"a,b\n1,2\n",
}


def _row(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def unpack():
    """Lay a wheel out below a folder as installers do, with INSTALLER and a RECORD."""

    def lay_out(wheel: pathlib.Path, site: pathlib.Path) -> pathlib.Path:
        site.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                target = pathlib.Path(archive.extract(entry, site))
                if target.is_file():
                    target.chmod(0o755 if entry.external_attr >> 16 & 0o111 else 0o644)
        (info,) = site.glob(f"{'-'.join(wheel.name.split('-')[:2])}.dist-info")
        (info / "INSTALLER").write_text("hand\n")
        return info

    return lay_out


@pytest.fixture
def signed(tmp_path, make_wheel, alice):
    """Make a wheel (arguments as for `make_wheel`) and sign it; `by` are key pairs."""

    def make(files=None, *, by=(alice,), public=None, folder="dist", **options):
        (tmp_path / folder).mkdir(exist_ok=True)
        wheel = make_wheel(tmp_path / folder, files, **options)
        for pair in by:
            sign_wheel(wheel, key=pair.private, public=public)
        return wheel

    return make


@pytest.fixture
def site(tmp_path, monkeypatch, unpack):
    """A folder at the head of Python's path; call it with a wheel to install that there."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    class Site(type(folder)):
        def __call__(self, wheel):
            return unpack(wheel, self)

    return Site(folder)
