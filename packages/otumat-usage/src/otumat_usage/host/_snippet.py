"""Print the lines a maintainer pastes into a package so that it reports here."""

from __future__ import annotations

from otumat_usage.host._discovery import ROUTES

__all__ = ["snippet"]


def snippet(package: str, issuer: str) -> str:
    """Return the code that makes a `UsageAgent` for *package* at the host *issuer*."""
    return f"""\
from otumat_usage import UsageAgent

usage = UsageAgent(
    author="YOUR NAME",
    data_directory="{package}",
    package_name="{package}",
    host="{issuer}",
    install_route="{ROUTES["install"]}",
    event_route="{ROUTES["event"]}",
    refresh_route="{ROUTES["token"]}",
)
usage.install()  # asks once, at a terminal; no answer is not a yes

usage.log(event_type="started")  # wherever a feature is used
"""
