"""Print `name==floor` for every direct dependency of the installed distributions that are named.

Run by the session `lowest` in its own environment; exits with 1 where a dependency has no floor.
"""

from __future__ import annotations

import importlib.metadata
import sys

from packaging.requirements import Requirement
from packaging.version import Version


def floors(dists: list[str]) -> dict[str, str]:
    """Return the floor of every dependency of *dists* outside our own, "" where there is none."""
    found: dict[str, str] = {}
    for text in (text for dist in dists for text in importlib.metadata.requires(dist) or []):
        need = Requirement(text)
        wanted = need.marker is None or need.marker.evaluate({"extra": "host"})
        if wanted and not need.name.startswith("otumat"):
            found[need.name] = min(
                (part.version for part in need.specifier if part.operator == ">="),
                default="",
                key=Version,
            )
    return found


def main() -> None:
    """Print the floors, or end with the names of those that have none."""
    found = sorted(floors(sys.argv[1:]).items())
    if missing := [name for name, floor in found if not floor]:
        sys.exit(f"a dependency without a floor: {', '.join(missing)}")
    print(*(f"{name}=={floor}" for name, floor in found), sep="\n")


if __name__ == "__main__":
    main()
