"""Byte code is that of the signed source, where one asks."""

from __future__ import annotations

import pathlib
import py_compile

import pytest

from otumat_sign import Policy, check


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
