"""Turn a function into a rule that a server is held to, and say how it stands."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from otumat_usage.host._errors import ServerSilent, ServingError
from otumat_usage.host._walk import Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otumat_usage.host._dialogue import Reply
    from otumat_usage.host._walk import Walk

__all__ = ["Finding", "NotOffered", "Rule", "as_json", "as_text", "expect", "refused", "rule"]


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a server must do.

    Attributes:
        source: The standard and section that demand it, or `wire 2` for our own.
    """

    name: str
    source: str
    text: str
    check: Callable[[Walk], None]

    def held_to(self, walk: Walk) -> Finding:
        """Return how this rule stands at the server of *walk*."""
        state, why = "ok", ""
        try:
            self.check(walk)
        except NotOffered as error:
            state, why = "not offered", str(error)
        except (Broken, ServerSilent) as error:
            state, why = "broken", str(error)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # A wrong server may send JSON of any shape; that is its fault, and no crash of ours.
            state, why = "broken", f"an answer has another shape than expected: {error}"
        return Finding(self.name, self.source, self.text, state, why)


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """How one rule stands: `ok`, `broken`, or `not offered` by this server."""

    rule: str
    source: str
    text: str
    state: str
    why: str = ""


class NotOffered(ServingError, NotImplementedError):  # noqa: N818 - named for the state
    """The rule is about something optional that the server does not have."""


def rule(source: str) -> Callable[[Callable[[Walk], None]], Rule]:
    """Make a rule of a check: its name and its docstring are the rule's."""

    def make(check: Callable[[Walk], None]) -> Rule:
        text = (check.__doc__ or "").partition("\n")[0]
        return Rule(check.__name__.replace("_", "-"), source, text, check)

    return make


def expect(right: object, reply: Reply, what: str) -> None:
    """Raise `Broken` with what the server said, unless *right*."""
    if not right:
        said = "".join(c if c.isprintable() else " " for c in reply.text[:160])
        raise Broken(f"{what}; the answer was {reply.status} {said}".rstrip())


def refused(reply: Reply, error: str, what: str, status: tuple[int, ...] = (400,)) -> None:
    """Raise `Broken` unless an OAuth endpoint refused with *error*."""
    right = reply.status in status and reply.json.get("error") == error
    expect(right, reply, f"{what}: expected {status[0]} with error {error}")


def as_text(finding: Finding) -> str:
    """Return one line, two when something is to be said."""
    mark = {"ok": "ok  ", "broken": "BAD ", "not offered": "--  "}[finding.state]
    line = f"{mark}{finding.rule}: {finding.text} ({finding.source})"
    return f"{line}\n    {finding.why}" if finding.why else line


def as_json(findings: Iterable[Finding]) -> str:
    """Return all findings as JSON."""
    return json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2)
