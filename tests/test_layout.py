"""The housekeeping laws: licence copies, py.typed, changelogs, versions, no print."""

from __future__ import annotations

import ast
import pathlib
import re
import sys

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGES = sorted((ROOT / "packages").iterdir())
SOURCES = sorted(ROOT.glob("packages/*/src/**/*.py"))


def _name(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_exactly_the_four_distributions() -> None:
    assert [package.name for package in PACKAGES] == [
        "otumat",
        "otumat-sign",
        "otumat-usage",
        "otumat-watch",
    ]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
class TestEachDistribution:
    def test_carries_the_licence_of_the_root(self, package: pathlib.Path) -> None:
        assert (package / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()

    def test_has_a_py_typed_marker(self, package: pathlib.Path) -> None:
        module = package.name.replace("-", "_")

        assert (package / "src" / module / "py.typed").read_bytes() == b""

    @pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "pyproject.toml", "tests"])
    def test_has_its_own(self, package: pathlib.Path, name: str) -> None:
        assert (package / name).exists()

    def test_is_named_as_its_folder_and_has_a_static_version(self, package: pathlib.Path) -> None:
        project = tomllib.loads((package / "pyproject.toml").read_text())["project"]

        assert project["name"] == package.name
        assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|(a|b|rc)\d+)?", project["version"])
        assert "dynamic" not in project

    def test_changelog_starts_with_what_is_unreleased_or_this_version(
        self, package: pathlib.Path
    ) -> None:
        version = tomllib.loads((package / "pyproject.toml").read_text())["project"]["version"]
        headings = re.findall(r"^## (.*)$", (package / "CHANGELOG.md").read_text(), re.MULTILINE)

        assert headings[0] == "Unreleased" or headings[0].startswith(version)

    def test_names_every_supported_python_in_its_classifiers(self, package: pathlib.Path) -> None:
        project = tomllib.loads((package / "pyproject.toml").read_text())["project"]

        for minor in (10, 11, 12, 13):
            assert f"Programming Language :: Python :: 3.{minor}" in project["classifiers"]


def test_each_source_file_says_its_one_job_in_its_first_line() -> None:
    silent = [
        _name(source)
        for source in SOURCES
        if not (ast.get_docstring(ast.parse(source.read_text())) or "")
        .partition("\n")[0]
        .endswith((".", ":", "?"))
    ]

    assert silent == []


def test_a_test_that_is_named_after_a_module_has_one() -> None:
    lost = [
        _name(test)
        for folder, sources in [
            (ROOT / "tests", ROOT / "scripts"),
            *((package / "tests", package / "src") for package in PACKAGES),
        ]
        for test in sorted(folder.rglob("test__*.py"))
        if not any(sources.rglob(test.name.removeprefix("test_")))
    ]

    assert lost == [], "`_noun.py` is tested by `test__noun.py`"


def test_nothing_is_printed_outside_the_command_line() -> None:
    calls = [
        f"{_name(source)}:{node.lineno}"
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]

    assert calls == [], "use click.echo in a cli module"
