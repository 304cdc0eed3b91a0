"""Opt-in usage tracking for Python packages: ask once, record locally, send what was agreed to.

A package embeds it in two lines::

    usage_agent = UsageAgent(author="…", data_directory="…", package_name=__name__, host="https://…")
    usage_agent.log(event_type="import")

Until its user has said yes at a terminal and on the host's page, nothing is recorded: no file, no
process, no connection. Importing this package loads nothing that the interpreter has not loaded.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_usage._agent import UsageAgent
    from otumat_usage._enquiry import consent, refusal
    from otumat_usage._news import News
    from otumat_usage._optout import disable

__all__ = ["News", "UsageAgent", "consent", "disable", "refusal"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load a public name on first use (PEP 562)."""
        if name == "UsageAgent":
            from otumat_usage import _agent

            value = _agent.UsageAgent
        elif name == "disable":
            from otumat_usage._optout import disable as value
        elif name == "News":
            from otumat_usage import _news

            value = _news.News
        elif name in __all__:
            from otumat_usage import _enquiry

            value = getattr(_enquiry, name)
        elif name in ("exceptions", "testing"):
            from importlib import import_module

            return import_module(f"otumat_usage.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """List the public names, loaded or not."""
        return [*__all__, "exceptions", "testing"]
