"""What 0.3 documented, on real packages: a base that verifies its plugins at run time.

The base and two plugins are those of examples/ in the source tree. A plugin is signed in every
way that there is, installed, and verified by the documented lines: ported to importlib.metadata,
and as they were, under the last setuptools that brings pkg_resources.
"""

from __future__ import annotations

import shutil
import textwrap
import zipfile

import pytest

from otumat_sign import check

pytestmark = pytest.mark.builds

NAMES = "base_name = 'example_base'\nplugin_name = {plugin!r}\n"
PORTED = """\
from importlib.metadata import distribution
from otumat_sign import hash_pkg, verify

base_meta = distribution(base_name)
plugin_meta = distribution(plugin_name)

data = hash_pkg(pkgpath=str(plugin_meta.locate_file(plugin_name)))
signature = plugin_meta.read_text('{}.sig'.format(plugin_name))
(pub,) = [file for file in base_meta.files if file.name == '{}.pub'.format(base_name)]

verify(pubkey_path=str(pub.locate()), data=data, signature=signature)
"""
AS_IT_WAS = """\
import pkg_resources
from pathlib import Path
from otumat import hash_pkg, verify

base_meta = pkg_resources.get_distribution(base_name)
plugin_meta = pkg_resources.get_distribution(plugin_name)

data = hash_pkg(pkgpath=str(Path(plugin_meta.module_path, plugin_name)))
signature = plugin_meta.get_metadata('{}.sig'.format(plugin_name))
pubkey_path = str(Path(base_meta.egg_info, '{}.pub'.format(base_name)))

verify(pubkey_path=pubkey_path, data=data, signature=signature)
"""
#: How consumers of 0.3 catch a refusal.
CAUGHT = """\
import cryptography.exceptions
try:
{lines}
except (FileNotFoundError, cryptography.exceptions.InvalidSignature):
    print('refused')
"""
#: The README of 0.3, with the placeholders filled in.
BY_HAND = """\
git init -q .
git add . --all
GIT_HASH=$(git ls-files -s $PACKAGE | git hash-object --stdin)
printf $GIT_HASH | openssl dgst -sha256 -sign $KEY -out $PACKAGE.sigbin -sigopt rsa_padding_mode:pss
openssl enc -base64 -in $PACKAGE.sigbin -out $PACKAGE.sig
"""


@pytest.fixture(scope="module")
def rsa(pairs):
    return pairs("rsa")


@pytest.fixture(scope="module")
def python(tools):
    """An environment with all of Otumat, the build backends, and pkg_resources."""
    tools.build_ours("otumat", "otumat-usage", "otumat-watch", "otumat-sign")
    return tools.environment("otumat", "setuptools<82", "wheel", "hatchling")


@pytest.fixture(scope="module")
def wheels(tools, python, tmp_path_factory):
    """Build an example into a wheel; `env` says how."""

    def make(name, **env):
        out = tmp_path_factory.mktemp("wheel")
        source = shutil.copytree(tools.packages.parent / "examples" / name, out / name)
        options = ("-q", "--no-deps", "--no-index", "--no-build-isolation", "-w", out)
        tools.run(python, "-m", "pip", "wheel", *options, source, **env)
        (wheel,) = out.glob("*.whl")
        return wheel

    return make


@pytest.fixture(scope="module")
def install(tools, python, wheels, rsa):
    """Install a plugin beside the base; return its folder in the environment."""

    def put(wheel):
        options = ("-q", "--no-deps", "--no-index", "--force-reinstall")
        tools.run(python, "-m", "pip", "install", *options, wheel)
        (site,) = python.parent.parent.glob("lib/python*/site-packages")
        return site / wheel.name.partition("-")[0]

    put(wheels("base", OTUMAT_SIGN_PUB=str(rsa.pub)))
    return put


@pytest.fixture
def documented(tools, python):
    """Run the documented lines for a plugin in the environment; return the output."""

    def verify(lines, plugin, **options):
        program = NAMES.format(plugin=plugin) + lines
        return tools.run(python, "-W", "ignore", "-c", program, **options)

    return verify


def by_setuptools(wheels, rsa, _tools, _tmp_path, _run):
    return wheels("plugin-setuptools", OTUMAT_SIGN_KEY=str(rsa.key))


def by_hatchling(wheels, rsa, _tools, _tmp_path, _run):
    return wheels("plugin-hatchling", OTUMAT_SIGN_KEY=str(rsa.key))


def by_command(wheels, rsa, _tools, _tmp_path, run):
    wheel = wheels("plugin-hatchling", OTUMAT_SIGN="skip")
    assert run("sign", wheel, "-k", rsa.key).exit_code == 0
    return wheel


def by_git_and_openssl(wheels, rsa, tools, tmp_path, _run):
    """Sign the unpacked wheel by hand and put the signature into its metadata."""
    wheel = wheels("plugin-hatchling", OTUMAT_SIGN="skip")
    package = wheel.name.partition("-")[0]
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "by-hand")
    env = {"PACKAGE": package, "KEY": str(rsa.key), "HOME": str(tmp_path)}
    tools.run("bash", "-e", "-c", BY_HAND, cwd=tmp_path / "by-hand", **env)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.write(
            tmp_path / "by-hand" / f"{package}.sig", f"{package}-1.0.0.dist-info/{package}.sig"
        )
    return wheel


class TestPlugin:
    @pytest.mark.parametrize(
        "way",
        [by_setuptools, by_hatchling, by_command, by_git_and_openssl],
        ids=lambda way: way.__name__,
    )
    def test_is_verified_by_the_documented_lines_until_it_changes(
        self, way, wheels, rsa, tools, python, tmp_path, run, install, documented
    ):
        wheel = way(wheels, rsa, tools, tmp_path, run)
        folder = install(wheel)
        plugin = folder.name

        documented(PORTED, plugin)
        documented(AS_IT_WAS, plugin)
        assert check(folder, trusted=rsa.pub)
        greeting = tools.run(python.parent / "example-greet", "World")
        assert len(greeting.splitlines()) >= 2
        assert "is not loaded" not in greeting

        (folder / "__init__.py").write_text((folder / "__init__.py").read_text() + "\n")
        for lines in (PORTED, AS_IT_WAS):
            caught = CAUGHT.format(lines=textwrap.indent(lines, "    "))
            assert documented(caught, plugin) == "refused\n"
        assert check(folder, trusted=rsa.pub).state == "modified"
        assert "is not loaded" in tools.run(python.parent / "example-greet", "World")
        tools.run(python, "-m", "pip", "uninstall", "-q", "-y", plugin)


class TestArchivedSnippet:
    def test_works_unchanged_in_isolated_builds(self, tools, python, rsa, tmp_path):
        """`setup_requires=['otumat']` and a path with `~`, built by pip as PEP 517 says."""
        (tmp_path / "keys").mkdir()
        shutil.copy(rsa.key, tmp_path / "keys/privkey.pem")
        shutil.copy(rsa.pub, tmp_path / "pubkey.pem")
        ours = tools.build_ours()
        env = {
            "HOME": str(tmp_path),
            "PIP_FIND_LINKS": f"{ours} {tools.env.get('PIP_FIND_LINKS', '')}",
            "PIP_PRE": "1",
        }
        for name, keyword in (
            ("plugin1", "privkey_path='~/keys/privkey.pem'"),
            ("base", "pubkey_path='./pubkey.pem'"),
        ):
            (tmp_path / name / name).mkdir(parents=True)
            (tmp_path / name / name / "__init__.py").write_text("")
            shutil.copy(rsa.pub, tmp_path / name / "pubkey.pem")
            (tmp_path / name / "setup.py").write_text(
                "import setuptools\nsetuptools.setup(\n"
                f"    name={name!r}, version='1.0', packages=[{name!r}],\n"
                f"    setup_requires=['otumat'],\n    {keyword},\n)\n"
            )
        sources = [tmp_path / "plugin1", tmp_path / "base"]
        tools.run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, *sources, **env)

        (plugin,), (base,) = tmp_path.glob("plugin1-*.whl"), tmp_path.glob("base-*.whl")
        assert check(plugin, trusted=rsa.pub)
        with zipfile.ZipFile(base) as archive:
            assert archive.read("base-1.0.dist-info/base.pub") == rsa.pem
