"""Hold any server to the whole protocol: every rule, in the order of the dialogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _rules_consent, _rules_tokens, _rules_upload
from otumat_usage.host._dialogue import Server
from otumat_usage.host._errors import RuleUnknown
from otumat_usage.host._rules import Rule
from otumat_usage.host._walk import Walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otumat_usage.host._rules import Finding

__all__ = ["RULES", "examine_server", "what_stands_in_the_way"]

NOT_FOUND = 404
RULES = tuple(
    value
    for module in (_rules_consent, _rules_tokens, _rules_upload)
    for value in vars(module).values()
    if isinstance(value, Rule)
)


def examine_server(url: str, package: str, wanted: Iterable[str] = ()) -> Iterator[Finding]:
    """Yield how each rule stands at the server *url*; *wanted* names some of them.

    Raises:
        RuleUnknown: there is no rule of that name.
        ServerSilent: nothing answers there.
        UrlInvalid: the address is neither https nor loopback.
    """
    names = set(wanted)
    if unknown := sorted(names - {rule.name for rule in RULES}):
        raise RuleUnknown(f"no rule {unknown[0]!r}; the report without --rule names them all")
    walk = Walk(Server(url), package)
    walk.server.get("/")  # so that nothing at all is no broken rule
    for rule in RULES:
        if not names or rule.name in names:
            yield rule.held_to(walk)


def what_stands_in_the_way(url: str, package: str) -> str:
    """Return why nobody could keep most rules for *package* at *url*, "" for nothing."""
    reply = Walk(Server(url), package).info_reply
    if reply.status == NOT_FOUND:
        return f"{url} takes no package {package!r}: name one it takes by --package"
    who = str(reply.json.get("sign_in", "anonymous"))[:40]
    if who != "anonymous":
        return f"users of {package!r} sign in first ({who!r}): name an open one by --package"
    return ""
