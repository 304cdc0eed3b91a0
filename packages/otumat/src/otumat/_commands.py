"""Find the subcommands that installed distributions offer, without importing any of them."""

from __future__ import annotations

from importlib import metadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: The entry-point group that a distribution uses to add a command to `otumat`.
GROUP = "otumat.commands"

#: The distributions of the suite, in the order in which `otumat --version` names them.
PARTS = ("otumat", "otumat-sign", "otumat-usage", "otumat-watch")

#: The suite's own commands in the order of `otumat --help`: name -> (distribution, one line).
#: Help needs these lines without importing a command; a test compares them with the commands' own.
KNOWN: dict[str, tuple[str, str]] = {
    "watch": ("otumat-watch", "Run a script whenever a file changes."),
    "hash": ("otumat-sign", "Hash a package as git lists it."),
    "sign": ("otumat-sign", "Sign a package folder, or wheels in place."),
    "verify": ("otumat-sign", "Check a signature: of a folder, wheel or install."),
    "keygen": ("otumat-sign", "Make a key pair."),
    "keyring": ("otumat-sign", "Keep a file of trusted keys."),
    "usage": ("otumat-usage", "See and decide what packages record about how you use them."),
    "upload": ("otumat-usage", "Make one upload pass, as daemons of otumat 0.3 call it, and exit."),
}

#: Kept for jobs that otumat 0.3 left on users' machines; people use `otumat usage upload`.
HIDDEN = frozenset({"upload"})


def find() -> dict[str, EntryPoint]:
    """Return the commands that are installed, by name: the suite's in its order, then others'.

    A name of the suite is taken only from the suite's own distribution, so that no plugin can
    put itself in the place of `otumat verify`.
    """
    found: dict[str, EntryPoint] = {}
    for entry_point in metadata.entry_points(group=GROUP):
        owner = KNOWN.get(entry_point.name, (None,))[0]
        if owner is None or owner == distribution(entry_point):
            found.setdefault(entry_point.name, entry_point)
    known = {name: found[name] for name in KNOWN if name in found}
    return known | {name: found[name] for name in sorted(found) if name not in known}


def summary(entry_point: EntryPoint) -> str:
    """Return the one line that describes the command in a list of commands."""
    if entry_point.name in KNOWN:
        return KNOWN[entry_point.name][1]
    return f"A command of {distribution(entry_point)}."


def distribution(entry_point: EntryPoint) -> str:
    """Return the name of the distribution that offers *entry_point*."""
    return entry_point.dist.name if entry_point.dist is not None else "an unnamed distribution"


def versions() -> list[tuple[str, str | None]]:
    """Return each part of the suite with its installed version, None where it is not installed."""
    return [(part, _version(part)) for part in PARTS]


def _version(part: str) -> str | None:
    try:
        return metadata.version(part)
    except metadata.PackageNotFoundError:
        return None
