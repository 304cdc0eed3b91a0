"""Write the consent text: one text, its hash, and the fields it promises."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otumat_usage.host._packages import Package
    from otumat_usage.host._survey import Question

__all__ = ["ConsentText", "consent_text", "legacy_text"]

_Pairs = tuple[tuple[str, str], ...]

#: Raised whenever a word below changes its meaning; a new text asks again.
TEMPLATE = 1

_FIELDS = (
    ("a random number", "made for this package on this computer, so that one user counts once"),
    ("event names and times", "which feature was used, and when (UTC)"),
    ("the package's version", "for example 1.4.2"),
    ("Python's version", "for example 3.12"),
    ("the operating system's family", "for example Linux"),
    ("whether it runs on CI or in a container", "yes or no, where the program tells"),
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

# What a program with otumat 0.3 in it does, which cannot be changed from here any more.
_LEGACY_FIELDS = (
    ("a random number", "made by this host when you agree, so that one user counts once"),
    ("event names and times", "which feature was used, and when (UTC)"),
)
_LEGACY_ALREADY = (
    ("this computer's hardware address", "its MAC address, which names this one machine"),
    ("where you are", "city, region and country, as ipinfo.io told from your IP address"),
    ("the time zone", "and the time at which you were asked"),
    ("the address in your own network", "and the port at which the program waits for your answer"),
    ("versions", "of the package, Python, the package manager and the operating system"),
)
_LEGACY_NEVER = (
    "what the program had already put into the address of this page (see above)",
    "your name or e-mail address",
    "your IP address (seen while sending, never stored)",
    "the computer's name",
    "file names, paths, arguments or anything you work on",
)
_LEGACY_RIGHTS = (
    "With a yes, the program keeps an uploader running in the background, started at every login.",
    "Your answer goes back over your own network without encryption, with that uploader's secrets.",
    "To stop it, update the package, or delete its folder usage and, in .profile, otumat upload.",
    "To see or erase what this host holds, send the makers the install_id that is in that folder.",
    "Saying no costs nothing: the package works the same.",
)


@dataclasses.dataclass(frozen=True, slots=True)
class ConsentText:
    """What the user reads, and how it is referred to.

    Attributes:
        events: Declared events with their properties, None when any name may come.
        already: What the program sent before anybody was asked; this host forgot it.
    """

    package: str
    fields: tuple[tuple[str, str], ...]
    never: tuple[str, ...]
    rights: tuple[str, ...]
    events: tuple[tuple[str, str], ...] | None
    version: str
    sha256: str
    survey: tuple[Question, ...] = ()
    already: tuple[tuple[str, str], ...] = ()


def consent_text(package: Package) -> ConsentText:
    """Return the text that *package*'s users agree to."""
    never = _NEVER
    if package.sign_in != "anonymous":
        never = (_ASKED_ONCE, *_NEVER[1:])
    return _text(package, _events(package), _FIELDS, never, _RIGHTS)


def legacy_text(package: Package) -> ConsentText:
    """Return the text that users of *package* agree to where otumat 0.3 asks them."""
    never = _LEGACY_NEVER
    if package.sign_in != "anonymous":
        never = (never[0], _ASKED_ONCE, *never[2:])
    events = _events(package)
    bare = None if events is None else tuple((name, "") for name, _ in events)
    return _text(package, bare, _LEGACY_FIELDS, never, _LEGACY_RIGHTS, _LEGACY_ALREADY)


def _events(package: Package) -> _Pairs | None:
    if package.events is None:
        return None
    return tuple(
        (name, ", ".join(f"{key} ({kind})" for key, kind in sorted(properties.items())))
        for name, properties in sorted(package.events.items())
    )


def _text(  # noqa: PLR0913, PLR0917 - the parts of a text
    package: Package,
    events: _Pairs | None,
    fields: _Pairs,
    never: tuple[str, ...],
    rights: tuple[str, ...],
    already: _Pairs = (),
) -> ConsentText:
    parts = [f"otumat consent {TEMPLATE}", package.name]
    parts += [f"already: {name}: {text}" for name, text in already]
    parts += [f"{name}: {text}" for name, text in fields]
    parts += [f"never: {text}" for text in never]
    parts += list(rights)
    parts += ["any event name"] if events is None else [f"event {n}: {p}" for n, p in events]
    parts += [f"asked: {q.text} {' / '.join(q.options)}" for q in package.survey]
    sha256 = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    version = f"{TEMPLATE}-{sha256[:8]}"
    return ConsentText(
        package.name, fields, never, rights, events, version, sha256, package.survey, already
    )
