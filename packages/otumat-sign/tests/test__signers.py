"""Keys that are no files sign through a plugin."""

from __future__ import annotations

import pytest

from otumat_sign import KeyNotFoundError, UnusableKeyError, sign, verify
from otumat_sign._signers import load


@pytest.fixture(name="plugin")
def _plugin(tmp_path, monkeypatch, pair):
    """Install a distribution that signs for ``vault:`` and one that breaks for ``broken:``."""
    (tmp_path / "vault.py").write_text(
        "import pathlib\n"
        "from otumat_sign._keys import PrivateKey\n"
        "def signer(uri):\n"
        "    path = uri.partition(':')[2]\n"
        "    pem = pathlib.Path(path).read_bytes()\n"
        "    return PrivateKey(pem, name=uri, passphrase=lambda: b'')\n"
        "def broken(uri):\n"
        "    raise RuntimeError('the token is not plugged in')\n"
    )
    info = tmp_path / "vault-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vault\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[otumat_sign.signers]\nvault = vault:signer\nbroken = vault:broken\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return pair()


def test_a_plugin_signs_for_its_scheme(plugin):
    signature = sign(privkey_path=f"vault:{plugin.key}", data="data")

    verify(pubkey_path=plugin.pub, data="data", signature=signature)


def test_what_a_plugin_raises_is_one_line_that_names_it(plugin):
    with pytest.raises(UnusableKeyError, match=r"signer for broken.*not plugged in"):
        load("broken:slot1")
    with pytest.raises(FileNotFoundError):
        load(f"vault:{plugin.key}.none")


def test_a_scheme_without_a_plugin_is_a_path():
    with pytest.raises(KeyNotFoundError, match="no key at kms:alias/x"):
        load("kms:alias/x")
