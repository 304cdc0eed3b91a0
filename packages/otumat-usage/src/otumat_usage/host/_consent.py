"""Write the consent text: one text, its hash, and the fields it promises."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otumat_usage.host._packages import Package
    from otumat_usage.host._survey import Question

__all__ = ["ConsentText", "consent_text"]

#: Raised whenever a word below changes its meaning; a new text asks again.
TEMPLATE = 1

_FIELDS = (
    ("a random number", "made for this package on this computer, so that one user counts once"),
    ("event names and times", "which feature was used, and when (UTC)"),
    ("the package's version", "for example 1.4.2"),
    ("Python's version", "for example 3.12"),
    ("the operating system's family", "for example Linux"),
)
_NEVER = (
    "your name or e-mail address",
    "your IP address (seen while sending, never stored)",
    "the computer's name or hardware address",
    "file names, paths, arguments or anything you work on",
)
#: Instead of the first of these, where users prove who they are.
_ASKED_ONCE = "your name or e-mail address (you prove it once, on this page; it is not kept)"
_RIGHTS = (
    "Nothing recorded before you agree is ever sent.",
    "With the command otumat-usage you can look at what is sent, stop it, or have it all erased.",
    "Saying no costs nothing: the package works the same.",
)


@dataclasses.dataclass(frozen=True, slots=True)
class ConsentText:
    """What the user reads, and how it is referred to.

    Attributes:
        events: Declared events with their properties, None when any name may come.
    """

    package: str
    fields: tuple[tuple[str, str], ...]
    never: tuple[str, ...]
    rights: tuple[str, ...]
    events: tuple[tuple[str, str], ...] | None
    version: str
    sha256: str
    survey: tuple[Question, ...] = ()


def consent_text(package: Package) -> ConsentText:
    """Return the text that *package*'s users agree to."""
    events = None
    if package.events is not None:
        events = tuple(
            (name, ", ".join(f"{key} ({kind})" for key, kind in sorted(properties.items())))
            for name, properties in sorted(package.events.items())
        )
    never = _NEVER
    if package.sign_in != "anonymous":
        never = (_ASKED_ONCE, *_NEVER[1:])
    parts = [f"otumat consent {TEMPLATE}", package.name]
    parts += [f"{name}: {text}" for name, text in _FIELDS]
    parts += [f"never: {text}" for text in never]
    parts += list(_RIGHTS)
    parts += ["any event name"] if events is None else [f"event {n}: {p}" for n, p in events]
    parts += [f"asked: {q.text} {' / '.join(q.options)}" for q in package.survey]
    sha256 = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    version = f"{TEMPLATE}-{sha256[:8]}"
    return ConsentText(
        package.name, _FIELDS, never, _RIGHTS, events, version, sha256, package.survey
    )
