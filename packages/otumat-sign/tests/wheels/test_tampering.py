"""Every way to tamper with what was signed, and what is said about it."""

from __future__ import annotations

import os
import pathlib
import py_compile

import pytest

from otumat_sign import check

INFO = "demo-1.0.dist-info"


def differences(verdict):
    return {(d.path, d.kind): d.why for d in verdict.differences}


def write(data):
    return lambda path: path.write_bytes(data)


def mode(bits):
    return lambda path: path.chmod(bits)


#: How one file is tampered with, and what is said about it.
TAMPERED = {
    "byte": ("demo/core.py", write(b"answer = 43\n"), "changed", ""),
    "CRLF": ("demo/core.py", write(b"answer = 42\r\n"), "changed", "its line endings"),
    "removed": ("demo/core.py", pathlib.Path.unlink, "removed", ""),
    "added": ("demo/evil.py", write(b""), "added", ""),
    "hidden": ("demo/.evil", write(b""), "added", ""),
    "x lost": ("demo/run", mode(0o644), "changed", "its x bit was lost"),
    "x added": ("demo/core.py", mode(0o755), "changed", "its x bit was added"),
    "entry points": (f"{INFO}/entry_points.txt", write(b"[b]\n"), "changed", ""),
    "more metadata": (f"{INFO}/top_level.txt", write(b""), "added", ""),
    "less metadata": (f"{INFO}/WHEEL", pathlib.Path.unlink, "removed", ""),
    "sourceless": (
        "demo/core.pyc",
        write(b""),
        "added",
        "byte code without a signed source, which Python would run",
    ),
}


class TestModified:
    @pytest.mark.parametrize("name", TAMPERED)
    def test_names_the_file_and_the_likely_why(self, signed, site, alice, name):
        files = {
            "demo/__init__.py": b"",
            "demo/core.py": b"answer = 42\n",
            "demo/run": b"#!/bin/sh\n",
        }
        points = {"entry_points.txt": b"[a]\nb = demo\n"}
        site(signed(files, executable=("demo/run",), metadata=points))
        assert check("demo", trusted=alice.pub)

        path, tamper, kind, why = TAMPERED[name]
        tamper(site / path)

        verdict = check("demo", trusted=alice.pub)
        assert verdict.state == "modified"
        assert [(d.path, d.kind, d.why) for d in verdict.differences] == [(path, kind, why)]

    @pytest.mark.parametrize("kind", ["link", "folder link", "fifo"])
    def test_refuses_what_no_wheel_holds(self, signed, site, alice, tmp_path, kind):
        site(signed())
        path = site / "demo/core.py"
        if kind == "fifo":
            path.unlink()
            os.mkfifo(path)
        elif kind == "link":
            path.rename(tmp_path / "core.py")
            path.symlink_to(tmp_path / "core.py")
        else:
            (site / "demo").rename(tmp_path / "elsewhere")
            (site / "demo").symlink_to(tmp_path / "elsewhere")

        assert check("demo", trusted=alice.pub).state == "modified"

    def test_names_the_distribution_whose_file_it_is(self, signed, site, alice):
        site(signed())
        site(signed({"demo/extra.py": b"", "other.py": b""}, name="other"))
        (site / "other-1.0.dist-info/demo.extra.sig").unlink()
        (site / "other-1.0.dist-info/demo.extra.manifest").unlink()

        verdict = check("demo", trusted=alice.pub)

        assert differences(verdict) == {("demo/extra.py", "added"): "it belongs to other"}

    def test_names_a_repackaged_wheel(self, tmp_path, signed, make_wheel, alice):
        """As auditwheel after signing: libraries and tags changed, RECORD with them."""
        import zipfile

        with zipfile.ZipFile(signed()) as archive:
            metadata = {
                name: archive.read(f"{INFO}/{name}") for name in ("demo.sig", "demo.manifest")
            }
        (tmp_path / "repaired").mkdir()
        files = {"demo/__init__.py": b"patched = 1\n", "demo/libs/libx.so": b"\x7fELF"}
        wheel = make_wheel(tmp_path / "repaired", files, metadata=metadata)

        found = differences(check(wheel, trusted=alice.pub))

        again = "repackaged after it was signed"
        assert (
            found["demo/__init__.py", "changed"] == f"RECORD agrees with the new content: {again}"
        )
        assert found["demo/libs/libx.so", "added"] == f"RECORD lists it: {again}"

    def test_compares_with_record_where_there_is_only_a_bare_signature(self, signed, site, alice):
        site(signed())
        (site / INFO / "demo.manifest").unlink()
        (site / "demo/core.py").write_bytes(b"answer = 43\n")

        assert differences(check("demo", trusted=alice.pub)) == {("demo/core.py", "changed"): ""}

    def test_notices_what_would_be_imported_instead(
        self, signed, site, alice, tmp_path, monkeypatch
    ):
        site(signed())
        (tmp_path / "first/demo").mkdir(parents=True)
        (tmp_path / "first/demo/__init__.py").write_text("evil = 1\n")
        monkeypatch.syspath_prepend(str(tmp_path / "first"))

        verdict = check("demo", trusted=alice.pub)

        assert verdict.state == "modified"
        assert f"Python would import demo from {tmp_path}/first/demo" in verdict.reasons[0]

    def test_accepts_what_installers_do(self, signed, site, alice):
        """They rewrite the first line of scripts, compile, and add files to the metadata."""
        files = {"demo/__init__.py": b"", "demo-1.0.data/scripts/demo": b"#!python\nimport demo\n"}
        site(signed(files))
        (site / "demo-1.0.data/scripts/demo").rename(site / "demo-script")
        (site / "bin").mkdir()
        (site / "bin/demo").write_bytes(b"#!/usr/bin/python3\nimport demo\n")
        for name in ("REQUESTED", "direct_url.json"):
            (site / INFO / name).write_text("{}")
        py_compile.compile(str(site / "demo/__init__.py"))

        assert check("demo", trusted=alice.pub)
        (site / "bin/demo").write_bytes(b"#!/usr/bin/python3\nimport evil\n")
        assert not check("demo", trusted=alice.pub)
