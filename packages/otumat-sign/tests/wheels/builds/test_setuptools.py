"""setuptools, oldest and newest: what its wheels carry, and when there are none."""

from __future__ import annotations

import tarfile
import zipfile

import pytest

from otumat_sign import check

pytestmark = pytest.mark.builds

#: src layout; a distribution's name unlike its modules'; two packages, a single module, a part
#: of a namespace; an executable data file, which setuptools keeps, and a link, which it copies.
FILES = {
    "src/plugin1/__init__.py": "answer = 42\n",
    "src/plugin1/data/table.csv": "a,b\n",
    "src/plugin2/__init__.py": "",
    "src/alone.py": "alone = 1\n",
    "src/space/part/__init__.py": "",
    "pyproject.toml": """\
[build-system]
requires = ["setuptools", "otumat-sign"]
build-backend = "setuptools.build_meta"
[project]
name = "My.Plugin"
version = "1.0"
[project.entry-points."base.plugins"]
one = "plugin1:answer"
[tool.setuptools]
package-dir = {"" = "src"}
packages = ["plugin1", "plugin2", "space.part"]
py-modules = ["alone"]
[tool.setuptools.package-data]
plugin1 = ["data/*"]
""",
}
KEYWORD = "from setuptools import setup\nsetup(privkey_path='key.pem', pubkey_path='key.pub')\n"
TABLE = "[tool.otumat-sign]\nkey = 'key.pem'\npub = 'key.pub'\n"
MODULES = ("alone", "plugin1", "plugin2", "space.part")


def with_table(text=TABLE):
    return FILES | {"pyproject.toml": FILES["pyproject.toml"] + text}


def metadata(wheel):
    """Return the names in the metadata folder."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    return {name.rpartition("/")[2] for name in names if ".dist-info/" in name}


def ours(wheel):
    return {name for name in metadata(wheel) if name.endswith((".sig", ".manifest", ".pub"))}


@pytest.fixture(params=["oldest", "newest"])
def python(request, tools, oldest):
    """An environment with the oldest or the newest setuptools."""
    return tools.environment(
        *([oldest, "wheel<0.46"] if request.param == "oldest" else ["setuptools"]), "build"
    )


@pytest.fixture
def newest(tools):
    return tools.environment("setuptools", "build")


@pytest.fixture
def keys(alice):
    return {"OTUMAT_SIGN_KEY": str(alice.key), "OTUMAT_SIGN_PUB": str(alice.pub)}


class TestWheel:
    def test_by_keyword_is_signed_over_what_is_installed(
        self, project, python, keys, alice, tmp_path, tools
    ):
        made = project(FILES | {"setup.py": KEYWORD})
        (made.folder / "src/plugin1/data/table.csv").chmod(0o755)
        (made.folder / "src/plugin1/link.py").symlink_to("__init__.py")
        wheel = made.wheel(python, **keys)
        tools.run(
            python,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            "-t",
            tmp_path / "site",
            wheel,
        )

        verdict = check(wheel, trusted=alice.pub)
        assert (verdict.state, verdict.modules) == ("trusted", MODULES)
        assert ours(wheel) == {f"{m}{e}" for m in MODULES for e in (".sig", ".manifest", ".pub")}
        for place in ("plugin1", "plugin2", "alone.py"):
            assert check(tmp_path / "site" / place, trusted=alice.pub), place

    def test_by_table_is_signed_as_well(self, project, python, alice):
        """Relative paths start at the project, in the wheel's and in the sdist's build."""
        made = project(with_table())
        for path in (alice.key, alice.pub):
            (made.folder / f"key{path.suffix}").write_bytes(path.read_bytes())

        (wheel,) = made.build(python, "-w")

        assert check(wheel, trusted=alice.pub)

    def test_without_keyword_or_table_is_left_alone(self, project, newest, keys):
        wheel = project(FILES).wheel(newest, **keys)

        assert not ours(wheel)

    def test_is_unsigned_when_that_is_said(self, project, newest, alice):
        wheel = project(FILES | {"setup.py": KEYWORD}).wheel(
            newest, OTUMAT_SIGN="skip", OTUMAT_SIGN_PUB=str(alice.pub)
        )

        assert ours(wheel) == {f"{module}.pub" for module in MODULES}

    def test_never_carries_a_stale_signature(self, project, python, keys, alice):
        """0.3 left its own in the egg-info, from where they went into wheels and sdists."""
        files = FILES | {"setup.py": KEYWORD}
        for name in ("plugin1.sig", "My_Plugin.sig", "my_plugin.pub"):
            files |= {
                f"{egg}/{name}": "stale"
                for egg in ("src/My.Plugin.egg-info", "src/My_Plugin.egg-info")
            }
        made = project(files)

        sdist, wheel = sorted(made.build(python, "-s", "-w", **keys), key=lambda path: path.suffix)

        with tarfile.open(sdist) as archive:
            assert not [n for n in archive.getnames() if n.endswith((".sig", ".manifest", ".pub"))]
        assert check(wheel, trusted=alice.pub)
        assert not {"My_Plugin.sig", "my_plugin.pub"} & metadata(wheel)

    def test_with_a_compiled_extension_covers_what_was_compiled(self, project, newest, keys, alice):
        source = (
            "#include <Python.h>\n"
            'static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "plugin1.native"};\n'
            "PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&def); }\n"
        )
        setup = (
            "from setuptools import Extension, setup\n"
            "native = Extension('plugin1.native', ['native.c'])\n"
            "setup(privkey_path='key.pem', ext_modules=[native])\n"
        )
        wheel = project(FILES | {"native.c": source, "setup.py": setup}).wheel(newest, **keys)

        with zipfile.ZipFile(wheel) as archive:
            (native,) = [name for name in archive.namelist() if "native" in name]
            (manifest,) = [name for name in archive.namelist() if name.endswith("plugin1.manifest")]
            assert f"  {native}\n" in archive.read(manifest).decode()
        assert check(wheel, trusted=alice.pub)


class TestRefusal:
    def test_of_a_missing_key_is_one_line(self, project, newest):
        output = project(FILES | {"setup.py": KEYWORD}).refused(newest)

        (line,) = [line for line in output.splitlines() if "otumat-sign: " in line]
        assert "no key at" in line
        assert "OTUMAT_SIGN=skip" in line
        assert "Traceback" not in output

    def test_comes_before_anything_was_built(self, project, newest):
        output = project(FILES | {"setup.py": KEYWORD}).refused(newest)

        assert "running build_py" not in output

    @pytest.mark.parametrize(
        ("table", "why"),
        [
            ("[tool.otumat-sign]\nKey = 'key.pem'\n", "unknown setting Key"),
            ("[tool.otumat-sign]\nkey = 1\n", "must be a path or key URI, not 1"),
            ("[tool]\notumat-sign = 'key.pem'\n", "must be a table"),
        ],
        ids=["misspelt", "no string", "no table"],
    )
    def test_of_a_table_that_is_not_understood(self, project, newest, table, why):
        output = project(with_table(table)).refused(newest)

        assert why in output
        assert "Traceback" not in output

    def test_of_a_keyword_that_is_no_path(self, project, newest):
        setup = "from setuptools import setup\nsetup(privkey_path=7)\n"

        assert "must be a path or key URI, not 7" in project(FILES | {"setup.py": setup}).refused(
            newest
        )

    def test_of_two_places_that_differ(self, project, newest):
        files = with_table("[tool.otumat-sign]\nkey = 'other.pem'\n") | {"setup.py": KEYWORD}

        assert "differ: keep one of them" in project(files).refused(newest)


class TestEditable:
    def test_install_carries_no_signature(self, project, newest, keys, tools, tmp_path):
        made = project(FILES | {"setup.py": KEYWORD})
        options = ("--no-deps", "--no-index", "--no-build-isolation", "-t", tmp_path / "site")
        tools.run(newest, "-m", "pip", "install", "-q", *options, "-e", made.folder, **keys)

        names = [path.name for path in (tmp_path / "site").glob("*.dist-info/*")]

        assert "RECORD" in names
        assert not [name for name in names if name.endswith((".sig", ".manifest"))]


class TestFrontends:
    def test_isolated_builds_find_us_as_a_build_requirement(
        self, project, tools, newest, keys, alice
    ):
        """As users build: pip makes the environment, setuptools calls the hook."""
        made = project(FILES | {"setup.py": KEYWORD})
        links = f"{tools.build_ours('otumat-sign')} {tools.env.get('PIP_FIND_LINKS', '')}"

        wheel = made.pip_wheel(newest, PIP_FIND_LINKS=links, PIP_PRE="1", **keys)

        assert check(wheel, trusted=alice.pub)

    def test_isolated_sdist_then_wheel_by_build(self, project, tools, newest, keys, alice):
        """`python -m build` as typed: an sdist, and the wheel from what was unpacked of it."""
        made = project(with_table())
        links = f"{tools.build_ours('otumat-sign')} {tools.env.get('PIP_FIND_LINKS', '')}"
        tools.run(newest, "-m", "build", "-o", made.out, made.folder,
                  PIP_FIND_LINKS=links, PIP_PRE="1", **keys)  # fmt: skip

        (wheel,), (sdist,) = made.out.glob("*.whl"), made.out.glob("*.tar.gz")
        assert check(wheel, trusted=alice.pub)
        with tarfile.open(sdist) as archive:
            assert not [n for n in archive.getnames() if n.endswith((".sig", ".manifest", ".pub"))]
