"""Which names in which folders decide what a path stands for."""

# os.path, because pathlib folds what it should not and is slow to load.
# ruff: noqa: PTH112, PTH115, PTH118, PTH120

from __future__ import annotations

import os
from typing import NamedTuple

__all__ = ["Step", "route"]

#: As the kernel's limit; a path with more symbolic links names nothing (ELOOP).
_MOST_LINKS = 40


class Step(NamedTuple):
    """One name on the way.

    Attributes:
        folder: A folder without symbolic links in its own path.
        name: The entry that is looked up there.
        is_fixed: Whether the entry is a folder now: only its going away changes the way.
        is_last: Whether the entry is what the path stands for, there or still missing.
    """

    folder: str
    name: str
    is_fixed: bool
    is_last: bool


def route(path: str) -> list[Step]:
    """Return the steps from the root folder to what *path* names, links followed.

    *path* is absolute. The way ends at the first name that is missing. A parent that is removed, a
    link that is pointed elsewhere (kubernetes' `..data`), a file that is replaced: each is a change
    of one of these names.
    """
    # normpath would fold `link/..`, which is not the link's parent.
    todo = [part for part in reversed(path.split("/")) if part]
    here, links, steps = "/", 0, []
    while todo:
        name = todo.pop()
        if name == ".":
            continue
        if name == "..":
            here = os.path.dirname(here)
            continue
        full = os.path.join(here, name)
        target = _link_target(full)
        if target is not None and links < _MOST_LINKS:
            links += 1
            steps.append(Step(here, name, is_fixed=False, is_last=False))
            todo.extend(part for part in reversed(target.split("/")) if part)
            here = "/" if target.startswith("/") else here
            continue
        is_last = not todo
        is_folder = os.path.isdir(full)
        steps.append(Step(here, name, is_fixed=is_folder and not is_last, is_last=is_last))
        if not is_folder:
            break
        here = full
    return steps


def _link_target(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:  # no link, or nothing there
        return None
