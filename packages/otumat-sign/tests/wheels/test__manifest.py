"""The manifest's text: one way to write it, one way to read it, and others can check it."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timezone
from importlib.metadata import metadata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_sign import ManifestError
from otumat_sign._manifest import Block, Manifest, parse

ONE = Manifest(
    distribution="demo-plugin",
    version="1.0",
    module="demo",
    created=datetime(2026, 11, 22, 17, 0, tzinfo=timezone.utc),
    tree="0" * 64,
    files={"demo/__init__.py": "1" * 64, "demo/a b.py": "2" * 64},
    blocks=(Block("a" * 64, "QUJD\n"),),
)
TEXT = f"""\
otumat-manifest: 1
distribution: demo-plugin
version: 1.0
module: demo
created: 2026-11-22T17:00:00Z
tree-sha256: {"0" * 64}
{"1" * 64}  demo/__init__.py
{"2" * 64}  demo/a b.py
-----BEGIN OTUMAT SIGNATURE-----
key: {"a" * 64}

QUJD
-----END OTUMAT SIGNATURE-----
"""

#: What the README says, for a manifest signed by each kind of key.
BY_HAND = """\
sha256sum -c --quiet demo-1.0.dist-info/demo.manifest
sed '/^-----BEGIN/,$d' demo-1.0.dist-info/demo.manifest > signed.txt
sed -n '/^-----BEGIN/,/^-----END/p;/^-----END/q' demo-1.0.dist-info/demo.manifest |
  grep -v -e ----- -e : | openssl enc -base64 -d > signature.bin
"""
OPENSSL = {
    "rsa": "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -verify demo.pub"
    " -signature signature.bin signed.txt",
    "ecdsa": "openssl dgst -sha256 -verify demo.pub -signature signature.bin signed.txt",
    "ed25519": "openssl pkeyutl -verify -rawin -pubin -inkey demo.pub"
    " -sigfile signature.bin -in signed.txt",
}


class TestManifest:
    def test_is_written_as_documented(self):
        assert ONE.encode().decode() == TEXT

    def test_is_read_as_written(self):
        assert parse(TEXT.encode(), "demo.manifest") == ONE

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("otumat-manifest: 1", "otumat-manifest: 2"),
            ("otumat-manifest: 1\n", ""),
            ("version: 1.0\n", ""),
            ("version: 1.0", "version:"),
            ("version: 1.0\nmodule: demo", "module: demo\nversion: 1.0"),
            ("created: 2026-11-22T17:00:00Z", "created: yesterday"),
            ("created: 2026-11-22T17:00:00Z", "created: 2026-11-22"),
            ("0" * 64, "0" * 63),
            ("1" * 64, "g" * 64),
            ("  demo/a b.py", " *demo/a b.py"),
            ("demo/a b.py", "demo/__init__.py"),
            ("demo/a b.py", "../a.py"),
            ("demo/a b.py", "/etc/passwd"),
            ("demo/a b.py", "DEMO/__init__.py"),
            ("\n-----BEGIN", "\n\n-----BEGIN"),
            ("\n", "\r\n"),
            ("QUJD", "QU-D"),
            ("-----END OTUMAT SIGNATURE-----\n", ""),
            ("-----END OTUMAT SIGNATURE-----\n", "-----END OTUMAT SIGNATURE-----\nmore\n"),
            ("key: a", "key: "),
        ],
    )
    def test_with_any_other_spelling_is_malformed(self, old, new):
        changed = TEXT.replace(old, new, -1 if old == "\n" else 1)
        assert changed != TEXT

        with pytest.raises(ManifestError, match=r"demo\.manifest"):
            parse(changed.encode(), "demo.manifest")

    def test_signed_twice_by_one_key_is_malformed(self):
        block = TEXT[TEXT.index("-----BEGIN") :]

        with pytest.raises(ManifestError, match="one key has signed it twice"):
            parse((TEXT + block).encode(), "demo.manifest")

    @settings(deadline=None)
    @given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
    def test_raises_only_its_own_error_on_anything_else(self, data):
        with pytest.raises(ManifestError):
            parse(data, "demo.manifest")

    @settings(deadline=None)
    @given(st.data())
    def test_never_reads_a_damaged_text_as_if_it_were_sound(self, data):
        damaged = bytearray(TEXT.encode())
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

        try:
            read = parse(bytes(damaged), "demo.manifest")
        except ManifestError:
            return
        assert read.encode() == bytes(damaged)

    @pytest.mark.interop
    @pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
    def test_is_checked_by_sha256sum_and_openssl(self, tmp_path, signed, unpack, pairs, kind):
        """The README's commands, one after the other, in the folder of the installed files."""
        for tool in ("sha256sum", "openssl", "sed", "grep", "bash"):
            if not shutil.which(tool):
                pytest.fail(f"{tool} is not installed: it is the oracle of this test")
        name = "alice" if kind == "ed25519" else kind
        wheel = signed({"demo/__init__.py": b"", "demo/a b.py": b"1"}, by=(pairs(name),))
        unpack(wheel, tmp_path / "site")
        shutil.copy(pairs(name).pub, tmp_path / "site/demo.pub")

        def by_hand():
            script = f"set -e -o pipefail\n{BY_HAND}{OPENSSL[kind]}\n"
            done = subprocess.run(
                ["bash", "-c", script], cwd=tmp_path / "site", capture_output=True, check=False
            )
            return done.returncode, done.stdout.decode()

        readme = str(metadata("otumat-sign").get_payload())
        assert BY_HAND in readme
        assert OPENSSL["rsa"] in readme
        assert OPENSSL["ed25519"] in readme
        code, output = by_hand()
        assert code == 0, output
        assert "erified" in output
        (tmp_path / "site/demo/a b.py").write_bytes(b"2")
        assert by_hand() == (1, "demo/a b.py: FAILED\n")
