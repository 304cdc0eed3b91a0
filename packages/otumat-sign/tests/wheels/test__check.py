"""Verdicts: every state, every way to tamper, and what is said about it."""

from __future__ import annotations

import os
import pathlib
import py_compile
import sys
from datetime import datetime, timedelta, timezone

import pytest

from otumat_sign import (
    KeyringError,
    NotInstalledError,
    PackageNotFoundError,
    Policy,
    WheelError,
    check,
    hash_pkg,
)
from otumat_sign._keyring import identify
from otumat_sign._signature import sign_with

INFO = "demo-1.0.dist-info"


@pytest.fixture
def ring(tmp_path):
    """Write a keyring of key pairs, with lines before each."""

    def make(*pairs, head="", before=()):
        lines = dict(enumerate(before))
        path = tmp_path / "ring.pub"
        blocks = (f"{lines.get(n, '')}\n{pair.pem.decode()}" for n, pair in enumerate(pairs))
        path.write_text(f"{head}\n" + "".join(blocks))
        return path

    return make


def differences(verdict):
    return {(d.path, d.kind): d.why for d in verdict.differences}


class TestCheck:
    def test_trusts_a_wheel_a_folder_and_an_install(self, signed, site, alice):
        wheel = signed()
        site(wheel)

        for target in (wheel, str(wheel), site / "demo", "demo"):
            verdict = check(target, trusted=alice.pub)

            assert verdict.state == "trusted"
            assert bool(verdict) is True
            assert (verdict.modules, verdict.distribution) == (("demo",), "demo")
            assert (verdict.version, verdict.keys) == ("1.0", (identify(alice.pem),))

    def test_takes_the_keyring_that_an_installed_base_ships(
        self, make_wheel, signed, site, tmp_path, alice
    ):
        site(signed())
        (tmp_path / "base").mkdir()
        ships = {"core.pub": alice.pem}
        site(make_wheel(tmp_path / "base", {"core/__init__.py": b""}, name="base", metadata=ships))

        assert check("demo", trusted="base")
        assert check("demo", trusted="core")
        with pytest.raises(NotInstalledError, match=r"demo 1\.0 ships no \.pub"):
            check("demo", trusted="demo")

    def test_finds_the_distribution_of_a_module_with_another_name(self, signed, site, alice):
        site(signed({"plugin1/__init__.py": b""}, name="my_plugin1"))

        for name in ("plugin1", "my_plugin1", "My-Plugin1"):
            assert check(name, trusted=alice.pub).distribution == "my_plugin1"

    def test_finds_parts_of_a_namespace_that_distributions_share(self, signed, site, alice):
        site(signed({"space/one/__init__.py": b""}, name="first"))
        site(signed({"space/two.py": b""}, name="second"))

        assert check("space.one", trusted=alice.pub).distribution == "first"
        assert check("space.two", trusted=alice.pub).distribution == "second"
        assert check("first", trusted=alice.pub).modules == ("space.one",)

    def test_covers_every_module_of_a_distribution(self, signed, site, alice):
        site(signed({"one/__init__.py": b"", "two.py": b""}))
        (site / "two.py").write_bytes(b"evil = 1\n")

        verdict = check("demo", trusted=alice.pub)

        assert (verdict.modules, verdict.state) == (("one", "two"), "modified")
        assert differences(verdict) == {("two.py", "changed"): ""}

    def test_never_imports_what_it_checks(self, signed, site, alice):
        site(signed({"demo/__init__.py": b"raise SystemExit\n"}))

        assert check("demo", trusted=alice.pub)
        assert "demo" not in sys.modules

    @pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
    def test_trusts_every_kind_of_key(self, signed, pairs, kind):
        assert check(signed(by=(pairs(kind),)), trusted=pairs(kind).pub)


class TestUnsigned:
    def test_wheel(self, tmp_path, make_wheel, alice):
        verdict = check(make_wheel(tmp_path), trusted=alice.pub)

        assert verdict.state == "unsigned"
        assert not verdict
        assert verdict.reasons == ("it has no demo.sig and no demo.manifest",)

    def test_install(self, tmp_path, make_wheel, site, alice):
        site(make_wheel(tmp_path))

        assert check("demo", trusted=alice.pub).state == "unsigned"

    def test_folder(self, tmp_path, alice):
        (tmp_path / "demo").mkdir()

        assert check(tmp_path / "demo", trusted=alice.pub).state == "unsigned"

    def test_one_module_of_two(self, signed, site, alice):
        site(signed({"one/__init__.py": b"", "two.py": b""}))
        for ending in ("sig", "manifest"):
            (site / INFO / f"two.{ending}").unlink()

        assert check("demo", trusted=alice.pub).state == "unsigned"


class TestUntrusted:
    def test_key_that_nobody_trusts(self, signed, alice, bob):
        verdict = check(signed(by=(bob,)), trusted=alice.pub)

        assert (verdict.state, verdict.keys) == ("untrusted-key", ())

    def test_fewer_signers_than_the_threshold(self, signed, ring, alice, bob):
        trusted = ring(alice, bob, head="threshold: 2")

        verdict = check(signed(by=(alice,)), trusted=trusted)
        assert str(verdict) == "untrusted-key: 1 of the 2 trusted keys that it takes have signed"
        assert check(signed(by=(alice, bob), folder="both"), trusted=trusted)

    @pytest.mark.parametrize(
        ("line", "state"),
        [
            ("valid-before: 2020-01-01", "expired"),
            ("valid-after: 2999-01-01", "expired"),
            ("revoked: 2999-01-01", "revoked"),
            ("valid-after: 2020-01-01\nvalid-before: 2999-01-01", "trusted"),
        ],
    )
    @pytest.mark.parametrize("scheme", ["manifest", "compat"])
    def test_key_out_of_its_time(self, signed, site, ring, alice, line, state, scheme):
        site(signed())
        if scheme == "compat":
            (site / INFO / "demo.manifest").unlink()

        assert check("demo", trusted=ring(alice, before=[line])).state == state

    def test_key_counts_for_what_it_signed_before_it_expired(
        self, signed, monkeypatch, ring, alice
    ):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500000000")

        assert check(signed(), trusted=ring(alice, before=["valid-before: 2018-01-01"]))

    def test_rotation_trusts_the_new_key_beside_the_revoked_one(self, signed, ring, alice, bob):
        trusted = ring(alice, bob, before=["revoked: 2020-01-01"])

        assert check(signed(by=(alice,)), trusted=trusted).state == "revoked"
        assert check(signed(by=(alice, bob), folder="both"), trusted=trusted)

    def test_version_that_is_too_old(self, signed, alice):
        wheel = signed()
        now = datetime.now(timezone.utc)

        assert check(wheel, trusted=alice.pub, policy=Policy(not_before=now - timedelta(days=1)))
        late = check(wheel, trusted=alice.pub, policy=Policy(not_before=now + timedelta(days=1)))
        assert late.state == "expired"

    def test_scheme_below_the_one_that_the_keyring_demands(self, signed, site, ring, alice):
        """Who strips the manifest falls back to nothing."""
        site(signed())
        (site / INFO / "demo.manifest").unlink()

        assert check("demo", trusted=ring(alice))
        verdict = check("demo", trusted=ring(alice, head="min-scheme: manifest"))
        assert str(verdict) == "unsigned: it has no demo.manifest, which the keyring demands"


class TestInvalid:
    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("demo.manifest", lambda data: data.replace(b"version: 1.0", b"version: 1.1")),
            ("demo.manifest", lambda data: data.replace(b"created: 2", b"created: 3")),
            ("demo.manifest", lambda data: data[:-10]),
            ("demo.manifest", lambda data: data[: data.index(b"-----BEGIN")]),
            ("demo.manifest", lambda _: b""),
            ("demo.manifest", lambda _: b"otumat-manifest: 2\n"),
            ("demo.sig", lambda _: b""),
            ("demo.sig", lambda _: b"not base64\n"),
            ("demo.sig", lambda data: data[4:]),
        ],
        ids=[
            "another version",
            "another date",
            "cut off",
            "no block",
            "empty",
            "an unknown format",
            "empty sig",
            "no base64",
            "other base64",
        ],
    )
    def test_signature_that_is_none(self, signed, site, alice, name, change):
        site(signed())
        path = site / INFO / name
        path.write_bytes(change(path.read_bytes()))

        assert check("demo", trusted=alice.pub).state == "invalid"

    def test_block_under_a_trusted_name_that_it_did_not_make(self, signed, site, alice, bob):
        site(signed(by=(bob,)))
        path = site / INFO / "demo.manifest"
        path.write_text(path.read_text().replace(identify(bob.pem), identify(alice.pem)))

        assert check("demo", trusted=alice.pub).state == "invalid"

    @pytest.mark.parametrize(
        "options", [{"version": "2.0"}, {"name": "other"}], ids=["version", "distribution"]
    )
    def test_manifest_of_something_else(self, signed, site, alice, options):
        """A signed old version's files under a new version's name, or another's."""
        info = site(signed(**options))
        site(signed(folder="own"))
        for ending in ("sig", "manifest"):
            (site / INFO / f"demo.{ending}").write_bytes((info / f"demo.{ending}").read_bytes())
            (info / f"demo.{ending}").unlink()

        verdict = check("demo", trusted=alice.pub)

        assert verdict.state == "invalid"
        assert "is that of demo" in verdict.reasons[0]

    def test_signature_of_the_empty_package(self, signed, site, alice):
        """0.3 signed the hash of nothing; such a signature fits every package that is missing."""
        site(signed())
        (site / INFO / "demo.manifest").unlink()
        (site / INFO / "demo.sig").write_text(
            sign_with(alice.private, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
        )

        assert not check("demo", trusted=alice.pub)


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


class TestEditable:
    def test_install_is_never_trusted(self, signed, site, alice):
        info = site(signed())
        (info / "direct_url.json").write_text(
            '{"dir_info": {"editable": true}, "url": "file:///x"}'
        )

        verdict = check("demo", trusted=alice.pub)

        assert (verdict.state, bool(verdict)) == ("editable", False)

    def test_install_from_a_source_folder_is_found_by_its_module(
        self, tmp_path, make_wheel, site, alice, monkeypatch
    ):
        source = tmp_path / "project/src"
        (source / "module_x").mkdir(parents=True)
        (source / "module_x/__init__.py").write_text("")
        info = site(make_wheel(tmp_path, {"_editable.pth": str(source).encode()}, name="dist_x"))
        (info / "direct_url.json").write_text(
            f'{{"dir_info": {{"editable": true}}, "url": "file://{tmp_path}/project"}}'
        )
        monkeypatch.syspath_prepend(str(source))

        for name in ("module_x", "dist-x"):
            assert check(name, trusted=alice.pub).state == "editable"


class TestBytecode:
    @pytest.fixture
    def plant(self, signed, site):
        """Install, compile as pip does, and return the byte code of demo/core.py."""
        site(signed())
        for source in ("demo/__init__.py", "demo/core.py"):
            compiled = py_compile.compile(str(site / source), doraise=True)
        return pathlib.Path(compiled)

    def test_made_of_the_source_is_accepted(self, plant, alice):
        assert plant.exists()
        assert check("demo", trusted=alice.pub, policy=Policy(bytecode="recompile"))

    def test_made_elsewhere_of_the_same_source_is_accepted(self, plant, site, alice):
        """An image is built in one folder and used in another."""
        py_compile.compile(
            str(site / "demo/core.py"), cfile=str(plant), dfile="/build/lib/demo/core.py"
        )

        assert check("demo", trusted=alice.pub, policy=Policy(bytecode="recompile"))

    @pytest.mark.parametrize("mode", list(py_compile.PycInvalidationMode), ids=str)
    def test_made_of_another_source_is_found_when_asked_for(self, plant, tmp_path, alice, mode):
        (tmp_path / "core.py").write_text("answer = 666\n")
        py_compile.compile(
            str(tmp_path / "core.py"),
            cfile=str(plant),
            dfile="demo/core.py",
            invalidation_mode=mode,
        )

        assert check("demo", trusted=alice.pub)
        verdict = check("demo", trusted=alice.pub, policy=Policy(bytecode="recompile"))
        assert verdict.state == "modified"
        assert verdict.differences[0].path.startswith("demo/__pycache__/core.")

    @pytest.mark.parametrize("name", ["evil.py", "core.so", "deep/core.pyc"])
    def test_folder_holds_nothing_else(self, plant, alice, name):
        """`import demo.__pycache__.evil` would run it."""
        path = plant.parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("evil = 1\n")

        assert check("demo", trusted=alice.pub)
        assert not check("demo", trusted=alice.pub, policy=Policy(bytecode="recompile"))

    def test_that_is_damaged_is_found_and_never_loaded(self, plant, alice):
        plant.write_bytes(plant.read_bytes()[:-3] + b"\xff\xff\xff")

        assert not check("demo", trusted=alice.pub, policy=Policy(bytecode="recompile"))


class TestErrors:
    def test_nothing_installed(self, alice):
        with pytest.raises(NotInstalledError, match="nothing_here"):
            check("nothing_here", trusted=alice.pub)

    def test_part_of_python(self, alice):
        with pytest.raises(NotInstalledError):
            check("json", trusted=alice.pub)

    def test_no_folder(self, tmp_path, alice):
        with pytest.raises(PackageNotFoundError):
            check(tmp_path / "none", trusted=alice.pub)

    def test_no_wheel(self, tmp_path, alice):
        (tmp_path / "a.whl").write_bytes(b"none")

        with pytest.raises(WheelError):
            check(tmp_path / "a.whl", trusted=alice.pub)

    def test_no_keyring(self, tmp_path, signed):
        wheel = signed()
        with pytest.raises(FileNotFoundError):
            check(wheel, trusted=tmp_path / "none.pub")
        (tmp_path / "bad.pub").write_text("-----BEGIN PUBLIC KEY-----\n")
        with pytest.raises(KeyringError):
            check(wheel, trusted=tmp_path / "bad.pub")

    def test_a_file_never_stands_in_for_a_name(self, tmp_path, signed, site, bob, monkeypatch):
        site(signed(by=(bob,)))
        (tmp_path / "base").write_bytes(bob.pem)
        monkeypatch.chdir(tmp_path)

        with pytest.raises(NotInstalledError):
            check("demo", trusted="base")
        assert hash_pkg(pkgpath=site / "demo")
