"""Count, reverse and summarise words: a small package that asks how it is used.

The agent below is all that a package needs. Its user is asked once, at a terminal; without a yes,
every ``log`` does nothing.
"""

import os

from otumat_usage import UsageAgent as _UsageAgent

__all__ = ["count", "reverse", "summarise"]
__version__ = "0.4.2"

usage_agent = _UsageAgent(
    author="Otumat",
    data_directory="tracked",
    package_name=__name__,
    host=os.environ.get("TRACKED_USAGE_HOST", "http://127.0.0.1:8080"),
    install_route="/user/usage-install",
    event_route="/api/usage-event",
    refresh_route="/auth/token",
    response_timeout=300,
    upload_frequency="12h",
)
usage_agent.log(event_type="import")


def count(text: str) -> int:
    """Return the number of words in *text*."""
    usage_agent.log(event_type="count")
    return len(text.split())


def reverse(text: str) -> str:
    """Return *text* with its words in reverse order."""
    usage_agent.log(event_type="reverse")
    return " ".join(reversed(text.split()))


def summarise(text: str, words: int = 5) -> str:
    """Return the first *words* words of *text*."""
    usage_agent.log(event_type="summarise")
    head = text.split()[:words]
    return " ".join(head) + (" …" if len(text.split()) > words else "")
