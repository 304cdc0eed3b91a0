"""A wheel signed twice is the same, and openssl alone can tell a changed one."""

from __future__ import annotations

import pathlib
import zipfile

import pytest

from release import _build, _signing
from release._refused import Refused

pytestmark = pytest.mark.interop
INFO = "otumat_watch-1.2.3.dist-info"


@pytest.fixture(name="wheel")
def _wheel(project, repository, commit, tmp_path) -> pathlib.Path:
    commit()
    return _build.wheel(project, repository, 1_700_000_000, tmp_path / "built")


@pytest.fixture(name="pair")
def _pair(tmp_path) -> tuple[_signing.Key, pathlib.Path]:
    return _signing.throw_away_key(tmp_path / "key")


@pytest.fixture(name="site")
def _site(wheel, pair, tmp_path) -> pathlib.Path:
    signed = _signing.sign(wheel, pair[0], 1_700_000_000, tmp_path)
    with zipfile.ZipFile(signed) as archive:
        archive.extractall(tmp_path / "site")
    return tmp_path / "site"


def test_openssl_and_sha256sum_agree(project, site, pair, tmp_path):
    _signing.check_by_hand(project, site, pair[1], tmp_path / "hand")


def test_any_key_of_the_ring_will_do(project, site, pair, tmp_path):
    """The old key's wheels stay good while a new key is in front of it."""
    _, other = _signing.throw_away_key(tmp_path / "other key")
    ring = tmp_path / "ring.pub"
    ring.write_bytes(other.read_bytes() + pair[1].read_bytes())

    _signing.check_by_hand(project, site, ring, tmp_path / "hand")


def test_another_key_is_refused(project, site, tmp_path):
    _, other = _signing.throw_away_key(tmp_path / "other key")

    with pytest.raises(Refused, match="made by none of the 1 keys"):
        _signing.check_by_hand(project, site, other, tmp_path / "hand")


def test_a_changed_file_and_a_changed_manifest_are_refused(project, site, pair, tmp_path):
    (site / "otumat_watch" / "__init__.py").write_text("def main(): evil\n")
    with pytest.raises(Refused, match=r"sha256sum: otumat_watch/__init__\.py"):
        _signing.check_by_hand(project, site, pair[1], tmp_path / "1")

    manifest = site / INFO / "otumat_watch.manifest"
    manifest.write_bytes(manifest.read_bytes().replace(b"1.2.3", b"1.2.4", 1))
    with pytest.raises(Refused, match="openssl"):
        _signing.check_by_hand(project, site, pair[1], tmp_path / "2")


def test_a_manifest_without_a_signature_is_refused(project, site, pair, tmp_path):
    manifest = site / INFO / "otumat_watch.manifest"
    manifest.write_bytes(manifest.read_bytes().partition(b"-----BEGIN")[0])

    with pytest.raises(Refused, match="holds no signature"):
        _signing.check_by_hand(project, site, pair[1], tmp_path / "hand")


def test_a_key_whose_signatures_are_salted_is_refused(wheel, tmp_path):
    """RSA-PSS gives other bytes each time, so nobody could build the signed wheel again."""
    key = tmp_path / "rsa.pem"
    command = [_signing._otumat_sign(), "keygen", "--no-passphrase", str(key)]
    _build.run(command, cwd=tmp_path, where=_build.ONE, epoch=0)

    with pytest.raises(Refused, match="signed twice, the bytes differ"):
        _signing.sign(wheel, _signing.Key(str(key)), 1_700_000_000, tmp_path)


def test_a_key_in_the_environment_is_for_the_signing_alone(wheel, pair, tmp_path, monkeypatch):
    monkeypatch.setenv("A_KEY", pathlib.Path(pair[0].uri).read_text())

    key = _signing.Key.take("env:A_KEY")

    told = _build.run(["env"], cwd=tmp_path, where=_build.ONE, epoch=0).stdout
    assert "A_KEY=" not in told
    assert "PRIVATE KEY" not in repr(key)
    signed = _signing.sign(wheel, key, 1_700_000_000, tmp_path / "by env")
    other = _signing.sign(wheel, pair[0], 1_700_000_000, tmp_path / "by path")
    assert signed.read_bytes() == other.read_bytes()


def test_a_key_that_can_be_read_once_is_refused():
    with pytest.raises(Refused, match="fd:3: can be read once, and a wheel is signed twice"):
        _signing.Key.take("fd:3")


def test_a_path_stays_itself_in_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert _signing.Key.take("key.pem").uri == str(tmp_path / "key.pem")
    assert _signing.Key.take("cmd:pass show key").uri == "cmd:pass show key"
    assert _signing.Key.take("env:NOT_SET_HERE") == _signing.Key("env:NOT_SET_HERE")
