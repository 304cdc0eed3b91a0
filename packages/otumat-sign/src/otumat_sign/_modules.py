"""Tell what Python can import among installed files: packages, modules, parts of namespaces."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeAlias

    Tree: TypeAlias = dict[str, "Tree | None"]

#: What Python imports from a single file: source, and compiled code with its tags.
_MODULE = re.compile(r"([^\W\d]\w*)(?:\.py|(?:\.[^/]*)?\.(?:so|pyd))\Z")


def modules(paths: Iterable[str]) -> dict[str, str]:
    """Return the importable names among installed *paths*, each with its root.

    The root is a folder or a file below the site folder. A folder without ``__init__`` is a
    namespace (PEP 420), which others may share: its parts count, by dotted name. Where a folder
    and a file have the same name, Python imports the folder.
    """
    tree: Tree = {}
    for path in paths:
        *folders, file = path.split("/")
        here = tree
        for folder in folders:
            inner = here.setdefault(folder, {})
            here = {} if inner is None else inner
        here[file] = None
    return dict(sorted(_found(tree, "", "")))


def _found(tree: Tree, place: str, name: str) -> Iterator[tuple[str, str]]:
    packages = set()
    for folder, content in tree.items():
        if content is None or not folder.isidentifier():
            continue
        if any(_stem(file) == "__init__" for file, inside in content.items() if inside is None):
            found = [(name + folder, place + folder)]
        else:
            found = list(_found(content, f"{place}{folder}/", f"{name}{folder}."))
        packages.update([folder] if found else [])
        yield from found
    taken = set(packages)
    for file in sorted(file for file, content in tree.items() if content is None):
        stem = _stem(file)
        if stem and stem not in taken and stem != "__init__":
            taken.add(stem)
            yield name + stem, place + file


def _stem(file: str) -> str | None:
    match = _MODULE.match(file)
    return match[1] if match else None
