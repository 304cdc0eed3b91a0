"""The guard: imports execute what was signed, or raise before anything ran."""

from __future__ import annotations

import importlib
import importlib.util
import pathlib
import py_compile
import shutil
import sys

import pytest

from otumat_sign import GuardError, KeyringError, NotInstalledError, Policy, guard

INFO = "demo-1.0.dist-info"
FILES = {
    "demo/__init__.py": b"from demo.core import answer\n",
    "demo/core.py": b"answer = 42\n",
    "demo/late.py": b"late = 1\n",
    "demo/deep/__init__.py": b"",
    "demo/deep/leaf.py": b"from ..core import answer as leaf\n",
    "demo/bare/part.py": b"part = 1\n",
    "demo/data/table.csv": b"a,b\n",
}


@pytest.fixture(autouse=True)
def _unguarded():
    """Forget guards and guarded modules afterwards."""
    path, before = list(sys.meta_path), set(sys.modules)
    yield
    sys.meta_path[:] = path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("demo", "space"):
            del sys.modules[name]


@pytest.fixture
def native():
    """A native module that this Python brings: its name and its file."""
    for name in ("_json", "_bisect", "_heapq", "_csv", "_struct", "_random"):
        spec = importlib.util.find_spec(name)
        if spec and spec.has_location:
            return pathlib.Path(spec.origin)
    pytest.fail("this Python has no native module in a file of its own")


def cached(path):
    return pathlib.Path(importlib.util.cache_from_source(str(path)))


class TestGuard:
    def test_imports_what_was_signed(self, signed, site, alice):
        site(signed(FILES))

        guard("demo", trusted=alice.pub)

        demo = importlib.import_module("demo")
        assert demo.answer == 42
        assert importlib.import_module("demo.deep.leaf").leaf == 42
        assert importlib.import_module("demo.bare.part").part == 1
        assert demo.__file__ == str(site / "demo/__init__.py")
        assert (
            importlib.import_module("importlib.resources")
            .files("demo")
            .joinpath("core.py")
            .is_file()
        )

    def test_guards_a_single_module_and_a_part_of_a_namespace(self, signed, site, alice):
        site(signed({"demo.py": b"one = 1\n"}))
        site(signed({"space/part.py": b"two = 2\n"}, name="other"))

        guard("demo", trusted=alice.pub)
        guard("space.part", trusted=alice.pub)

        assert importlib.import_module("demo").one == 1
        assert importlib.import_module("space.part").two == 2

    def test_leaves_other_imports_alone(self, signed, site, alice):
        site(signed(FILES))
        (site / "demo_other.py").write_text("free = 1\n")

        guard("demo", trusted=alice.pub)

        assert importlib.import_module("demo_other").free == 1
        del sys.modules["demo_other"]

    @pytest.mark.parametrize("path", ["demo/__init__.py", "demo/core.py"])
    def test_executes_nothing_of_a_changed_file(self, signed, site, alice, path):
        site(signed(FILES))
        guard("demo", trusted=alice.pub)
        (site / path).write_text("import sys; sys.modules['demo_evil'] = 1\n")

        with pytest.raises(
            GuardError, match="is not what was signed: it was not executed"
        ) as caught:
            importlib.import_module("demo")
        assert isinstance(caught.value, ImportError)
        assert caught.value.path == str(site / path)
        assert "demo_evil" not in sys.modules

    @pytest.mark.parametrize("mode", list(py_compile.PycInvalidationMode), ids=str)
    def test_never_reads_byte_code(self, signed, site, alice, tmp_path, mode):
        site(signed(FILES))
        (tmp_path / "core.py").write_text("answer = 666\n")
        target = site / "demo/core.py"
        py_compile.compile(
            str(tmp_path / "core.py"), cfile=str(cached(target)), invalidation_mode=mode
        )

        guard("demo", trusted=alice.pub)

        assert importlib.import_module("demo").answer == 42

    @pytest.mark.parametrize(
        "name", ["evil.py", "evil.pyc", "evil/__init__.py", "__pycache__/evil.py"]
    )
    def test_finds_nothing_that_is_not_named(self, signed, site, alice, name):
        site(signed(FILES))
        path = site / "demo" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")

        guard("demo", trusted=alice.pub)

        importlib.import_module("demo")
        module = name.replace("/__init__", "").rpartition(".")[0].replace("/", ".")
        with pytest.raises(ModuleNotFoundError, match="no signed module is called demo"):
            importlib.import_module(f"demo.{module}")

    def test_ignores_where_the_package_says_its_parts_are(self, signed, site, alice, tmp_path):
        site(signed(FILES))
        (tmp_path / "core.py").write_text("answer = 666\n")
        guard("demo", trusted=alice.pub)

        demo = importlib.import_module("demo")
        demo.__path__.insert(0, str(tmp_path))
        (tmp_path / "late.py").write_text("late = 666\n")

        assert importlib.import_module("demo.late").late == 1

    def test_ignores_what_shadows_the_package_later(
        self, signed, site, alice, tmp_path, monkeypatch
    ):
        site(signed(FILES))
        guard("demo", trusted=alice.pub)
        (tmp_path / "first").mkdir()
        (tmp_path / "first/demo.py").write_text("answer = 666\n")
        monkeypatch.syspath_prepend(str(tmp_path / "first"))

        assert importlib.import_module("demo").answer == 42

    def test_refuses_code_in_the_namespace_above(self, signed, site, alice):
        site(signed({"space/part.py": b""}))
        guard("space.part", trusted=alice.pub)
        (site / "space/__init__.py").write_text("evil = 1\n")
        importlib.invalidate_caches()

        with pytest.raises(GuardError, match="would run before"):
            importlib.import_module("space.part")

    @pytest.mark.parametrize("kind", ["link", "fifo", "gone"])
    def test_reads_plain_files_only(self, signed, site, alice, tmp_path, kind):
        import os

        site(signed(FILES))
        path = site / "demo/core.py"
        path.rename(tmp_path / "core.py")
        if kind == "link":
            path.symlink_to(tmp_path / "core.py")
        elif kind == "fifo":
            os.mkfifo(path)

        guard("demo", trusted=alice.pub)

        with pytest.raises(GuardError, match="cannot read"):
            importlib.import_module("demo")


class TestNative:
    @pytest.fixture
    def module(self, signed, site, alice, native):
        """Install `demo` with a native module, guard it, return the module's name and file."""
        files = {"demo/__init__.py": b"", f"demo/{native.name}": native.read_bytes()}
        site(signed(files, executable=(f"demo/{native.name}",)))
        (site / "demo").chmod(0o755)
        guard("demo", trusted=alice.pub)
        return f"demo.{native.name.partition('.')[0]}", site / "demo" / native.name

    def test_is_loaded_from_its_real_path(self, module):
        name, path = module

        assert importlib.import_module(name).__file__ == str(path)

    def test_that_was_changed_is_not_loaded(self, module):
        name, path = module
        with path.open("ab") as file:
            file.write(b"\0")

        with pytest.raises(GuardError, match="not what was signed"):
            importlib.import_module(name)

    @pytest.mark.parametrize("which", ["file", "folder", "above"])
    def test_that_others_can_write_is_not_loaded(self, module, which):
        name, path = module
        target = {"file": path, "folder": path.parent, "above": path.parent.parent}[which]
        target.chmod(0o777)

        with pytest.raises(GuardError, match="can be changed by other users"):
            importlib.import_module(name)

    def test_hidden_behind_a_planted_source_is_still_loaded(self, module):
        name, path = module
        shutil.copy(path.parent / "__init__.py", path.with_name(f"{name.rpartition('.')[2]}.py"))

        assert importlib.import_module(name).__file__ == str(path)


class TestRefusal:
    def test_of_what_is_imported_already(self, signed, site, alice):
        site(signed(FILES))
        importlib.import_module("demo.core")

        with pytest.raises(GuardError, match="imported already"):
            guard("demo", trusted=alice.pub)

    @pytest.mark.parametrize("missing", ["manifest", "both"])
    def test_of_what_has_no_manifest(self, signed, site, alice, missing):
        """A bare signature names no files, so nothing could be held to it one by one."""
        site(signed(FILES))
        (site / INFO / "demo.manifest").unlink()
        if missing == "both":
            (site / INFO / "demo.sig").unlink()

        with pytest.raises(GuardError, match="no manifest"):
            guard("demo", trusted=alice.pub)

    def test_of_another_key(self, signed, site, alice, bob):
        site(signed(FILES, by=(bob,)))

        with pytest.raises(GuardError, match="untrusted-key"):
            guard("demo", trusted=alice.pub)

    def test_of_a_manifest_that_was_edited(self, signed, site, alice):
        site(signed(FILES))
        path = site / INFO / "demo.manifest"
        path.write_text(path.read_text().replace("demo/late.py", "demo/later.py"))

        with pytest.raises(GuardError, match="invalid"):
            guard("demo", trusted=alice.pub)

    def test_of_an_editable_install(self, signed, site, alice):
        info = site(signed(FILES))
        (info / "direct_url.json").write_text(
            '{"dir_info": {"editable": true}, "url": "file:///x"}'
        )

        with pytest.raises(GuardError, match="editable"):
            guard("demo", trusted=alice.pub)

    def test_of_a_version_that_is_too_old(self, signed, site, alice):
        from datetime import datetime, timezone

        site(signed(FILES))

        with pytest.raises(GuardError, match="too long ago"):
            guard(
                "demo",
                trusted=alice.pub,
                policy=Policy(not_before=datetime(2999, 1, 1, tzinfo=timezone.utc)),
            )

    def test_of_what_is_not_installed_or_a_ring_that_is_none(self, signed, site, alice, tmp_path):
        with pytest.raises(NotInstalledError):
            guard("demo", trusted=alice.pub)
        site(signed(FILES))
        (tmp_path / "ring.pub").write_text("none\n-----BEGIN PUBLIC KEY-----\n")
        with pytest.raises(KeyringError):
            guard("demo", trusted=tmp_path / "ring.pub")

    def test_leaves_no_guard_behind(self, signed, site, alice, bob):
        site(signed(FILES, by=(bob,)))
        before = list(sys.meta_path)

        with pytest.raises(GuardError):
            guard("demo", trusted=alice.pub)
        assert sys.meta_path == before
