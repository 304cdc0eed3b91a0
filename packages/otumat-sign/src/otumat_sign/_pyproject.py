"""Read the table ``[tool.otumat-sign]`` of a project's pyproject.toml."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING or sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "otumat-sign"


def table(data: bytes) -> dict[str, object] | None:
    """Return the table, or None if *data*, a pyproject.toml, has none.

    Raises:
        ValueError: it is no TOML, or the table is something else.
    """
    try:
        found = tomllib.loads(data.decode()).get("tool", {}).get(NAME)
    except (ValueError, AttributeError) as error:
        raise ValueError(f"pyproject.toml: {error}") from error
    if found is not None and not isinstance(found, dict):
        raise ValueError(f"pyproject.toml: tool.{NAME} must be a table")
    return found
