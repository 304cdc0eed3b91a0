"""Print the lines a maintainer pastes into a package so that it reports here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otumat_usage.host._packages import Package

__all__ = ["snippet"]


def snippet(package: Package, issuer: str) -> str:
    """Return the code that makes a `UsageAgent` for *package* at the host *issuer*."""
    return f"""\
from otumat_usage import UsageAgent

# Asks the user once, at a terminal; until they agree nothing is recorded.
usage = UsageAgent(
    author="YOUR NAME",
    data_directory="{package.name}",
    package_name="{package.name}",
    host="{issuer}",
{_events(package)})

usage.log(event_type="{_first(package)}")  # where a feature is used
"""


def _events(package: Package) -> str:
    if package.events is None:
        return ""
    lines = [
        "        {!r}: {{{}}},\n".format(name, ", ".join(f"{k!r}: {v}" for k, v in kinds.items()))
        for name, kinds in package.events.items()
    ]
    return "    events={\n" + "".join(lines) + "    },\n"


def _first(package: Package) -> str:
    return next(iter(package.events or ()), "started")
