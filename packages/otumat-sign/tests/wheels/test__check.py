"""Verdicts: what can be asked about, what is unsigned or editable, and what is an error."""

from __future__ import annotations

import sys

import pytest

from otumat_sign import (
    KeyringError,
    NotInstalledError,
    PackageNotFoundError,
    WheelError,
    check,
    hash_pkg,
)
from otumat_sign._keyring import identify

INFO = "demo-1.0.dist-info"


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

    def test_asks_the_distribution_that_lies_where_python_imports_from(
        self, make_wheel, signed, site, tmp_path, unpack, alice, monkeypatch
    ):
        """The rest of another version, earlier on the path, says nothing of what is imported."""
        site(signed())
        rest = unpack(make_wheel(tmp_path, {"demo.py": b""}, version="0.9"), tmp_path / "rest")
        (tmp_path / "rest/demo.py").unlink()
        monkeypatch.syspath_prepend(str(rest.parent))

        verdict = check("demo", trusted=alice.pub)

        assert (verdict.state, verdict.version) == ("trusted", "1.0")

    def test_knows_a_folder_by_any_of_its_names(self, signed, site, alice, monkeypatch):
        site(signed({"demo/__init__.py": b"", "two.py": b""}))
        (site.parent / "link").symlink_to(site)
        monkeypatch.syspath_prepend(str(site.parent / "link/../site"))

        assert check("demo", trusted=alice.pub).modules == ("demo", "two")

    def test_takes_a_dotted_name_for_all_of_the_distribution_that_has_it(self, signed, site, alice):
        site(signed({"space/one/__init__.py": b"", "two.py": b""}, name="space.one"))

        assert check("space.one", trusted=alice.pub).modules == ("space.one", "two")

    def test_covers_every_module_of_a_distribution(self, signed, site, alice):
        site(signed({"one/__init__.py": b"", "two.py": b""}))
        (site / "two.py").write_bytes(b"evil = 1\n")

        verdict = check("demo", trusted=alice.pub)

        assert (verdict.modules, verdict.state) == (("one", "two"), "modified")
        assert [(d.path, d.kind, d.why) for d in verdict.differences] == [("two.py", "changed", "")]

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


class TestEditable:
    def test_install_is_never_trusted(self, signed, site, alice):
        info = site(signed())
        (info / "direct_url.json").write_text(
            '{"dir_info": {"editable": true}, "url": "file:///x"}'
        )

        verdict = check("demo", trusted=alice.pub)

        assert (verdict.state, bool(verdict)) == ("editable", False)

    def test_install_is_not_trusted_for_what_lies_in_its_source_folder(
        self, tmp_path, make_wheel, signed, site, unpack, alice, monkeypatch
    ):
        """What was installed into that folder once is signed, and what is edited there is not."""
        info = site(make_wheel(tmp_path, {"_editable.pth": b""}))
        (info / "direct_url.json").write_text(
            f'{{"dir_info": {{"editable": true}}, "url": "file://{tmp_path}/project"}}'
        )
        unpack(signed(), tmp_path / "project")
        monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "project")])

        assert check("demo", trusted=alice.pub).state == "editable"

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
