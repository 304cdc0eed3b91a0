"""Who may import whom: the laws of the design, read from the sources with `ast`."""

from __future__ import annotations

import ast
import collections
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
LEAVES = ("otumat_sign", "otumat_usage", "otumat_watch")
MODULES = {
    ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
    for source in ROOT.glob("packages/*/src")
    for path in source.rglob("*.py")
}

#: The roots: command lines, build-tool adapters and the host. Nobody imports them.
ROOTS = {
    "otumat.cli",
    "otumat_sign._hatchling",
    "otumat_sign._setuptools",
    "otumat_sign.cli",
    "otumat_usage.cli",
    "otumat_watch.cli",
}

#: Libraries that are a language of their own and may be spoken in more than one module, by area.
SPOKEN_IN = {
    # The exception classes whose parents are cryptography's; its keys have one owner module.
    "cryptography": ("otumat_sign._invalid",),
    "click": (".cli", "._cli_"),
    "starlette": ("otumat_usage.host.",),
}


def _imports(module: str) -> list[tuple[str, int, bool]]:
    """Return every import of *module*: (dotted name, line, whether it runs at import time)."""
    tree = ast.parse(MODULES[module].read_text())
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    found = []

    def visit(node: ast.AST, runs: bool) -> None:
        for child in ast.iter_child_nodes(node):
            now = runs and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            if isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING":
                for other in child.orelse:
                    visit(ast.Module([other], []), runs)
                continue
            if isinstance(child, ast.Import):
                found.extend((alias.name, child.lineno, runs) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    parts = package.split(".")
                    base = ".".join([*parts[: len(parts) - child.level + 1], *filter(None, [base])])
                names = [f"{base}.{alias.name}" for alias in child.names]
                found.extend(
                    (name if name in MODULES else base, child.lineno, runs) for name in names
                )
            visit(child, now)

    visit(tree, runs=True)
    return found


IMPORTS = {module: _imports(module) for module in MODULES}


def _within(module: str, root: str) -> bool:
    return module == root or module.startswith(root + ".")


def test_a_leaf_never_imports_a_sibling_or_the_meta_package() -> None:
    wrong = [
        f"{module}:{line} imports {name}"
        for module, imports in IMPORTS.items()
        for name, line, _ in imports
        if module.split(".")[0] in LEAVES
        and name.split(".")[0] in {*LEAVES, "otumat"} - {module.split(".")[0]}
    ]

    assert wrong == []


def test_nobody_imports_a_command_line_a_build_adapter_or_the_host() -> None:
    roots = {*ROOTS, "otumat_usage.host"}
    wrong = [
        f"{module}:{line} imports {name}"
        for module, imports in IMPORTS.items()
        for name, line, _ in imports
        for root in roots
        if _within(name, root)
        and not _within(module, root)
        and not module.endswith("__main__")
        and not (module in ROOTS or _within(module, "otumat_usage.host"))
    ]

    assert wrong == []


def test_the_client_never_imports_the_host() -> None:
    wrong = [
        f"{module}:{line} imports {name}"
        for module, imports in IMPORTS.items()
        for name, line, _ in imports
        if _within(name, "otumat_usage.host") and not _within(module, "otumat_usage.host")
    ]

    assert wrong == []


def test_exceptions_load_nothing_of_their_package() -> None:
    wrong = [
        f"{module}:{line} imports {name}"
        for module, imports in IMPORTS.items()
        for name, line, runs in imports
        if runs and module.endswith(".exceptions") and name.split(".")[0] == module.split(".")[0]
    ]

    assert wrong == []


def test_each_third_party_library_has_one_owner_module() -> None:
    owners = collections.defaultdict(set)
    for module, imports in IMPORTS.items():
        for name, _, _ in imports:
            library = name.split(".")[0]
            if library in sys.stdlib_module_names or library in {*LEAVES, "otumat", "__future__"}:
                continue
            areas = SPOKEN_IN.get(library, ())
            if not any(area in module + "." or module.endswith(area) for area in areas):
                owners[module.split(".")[0], library].add(module)
    shared = {key: sorted(modules) for key, modules in owners.items() if len(modules) > 1}

    assert shared == {}


@pytest.mark.parametrize("package", [*LEAVES, "otumat"])
def test_imports_at_load_time_never_form_a_cycle(package: str) -> None:
    graph = {
        module: {
            name
            for name, _, runs in imports
            if runs and name in MODULES and _within(name, package) and name != module
        }
        for module, imports in IMPORTS.items()
        if _within(module, package)
    }
    done: set[str] = set()
    cycle: list[str] = []

    def walk(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            cycle.extend([*path[path.index(module) :], module])
            return
        if module in done or cycle:
            return
        for target in sorted(graph.get(module, ())):
            walk(target, (*path, module))
        done.add(module)

    for module in sorted(graph):
        walk(module, ())

    assert cycle == []
