"""Find what a name or a path means: an installed distribution or module, a folder, a wheel."""

from __future__ import annotations

import os
import sys

from otumat_sign._installed import Installed
from otumat_sign._metadata import KEYRING, MANIFEST, SIGNATURE, normalised
from otumat_sign.exceptions import NotInstalledError, PackageNotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from importlib.machinery import ModuleSpec

    from otumat_sign._wheel import Wheel


def is_path(text: str | os.PathLike[str]) -> bool:
    """Return whether *text* is a path and no name: a path object, a separator, or ``.whl``.

    The names of modules and distributions have no separators, so that a file in the working
    folder can never stand in for something installed.
    """
    if not isinstance(text, str):
        return True
    return "/" in text or os.sep in text or text.endswith(".whl")


def at(path: str | os.PathLike[str]) -> Installed | Wheel | None:
    """Return the wheel at *path*, or the distribution whose module is the folder or file there.

    None means that there is such a folder or file, and no signature beside it.

    Raises:
        PackageNotFoundError: nothing is there.
        WheelError: a wheel cannot be read without ambiguity.
    """
    text = os.fspath(path)
    if text.endswith(".whl"):
        from otumat_sign._wheel_sign import open_wheel

        return open_wheel(text)
    place = os.path.abspath(text)  # noqa: PTH100 -- a link is refused, not followed
    if not os.path.lexists(place):
        raise PackageNotFoundError(f"no package at {text}: name its folder or its single .py file")
    site, name = os.path.split(place)
    module = name if os.path.isdir(place) else name.partition(".")[0]  # noqa: PTH112
    return _signed_here(site, module)


def installed(name: str) -> Installed:
    """Return the installed distribution that *name* means, by what Python would import.

    *name* is a module's import name, or a distribution's name, which stands for all its modules.

    Raises:
        NotInstalledError: nothing installed has this name, or several distributions share it.
    """
    place = _import_place(name)
    by_name = _distribution(name)
    if place is None:
        if by_name is None:
            raise NotInstalledError(_unknown(name))
        return by_name
    site = place
    for _ in name.split("."):
        site = os.path.dirname(site)  # noqa: PTH120
    if by_name and (by_name.editable or os.path.realpath(by_name.site) == os.path.realpath(site)):
        return by_name
    owner = _signed_here(site, name) or _recorded(name, place)
    if owner is None:
        raise NotInstalledError(f"{place} belongs to no installed distribution")
    return owner


def _unknown(name: str) -> str:
    """Say that nothing installed is called *name*, and how to name a folder that is."""
    here = f"; the folder here is ./{name}" if os.path.isdir(name) else ""  # noqa: PTH112 -- strings
    return f"no installed module or distribution is called {name}{here}"


def imported_from(module: str) -> str | None:
    """Return the folder or file that Python would import as *module*, without importing it."""
    return _import_place(module)


def keyring(base: str) -> tuple[bytes, str]:
    """Return the keyring that the installed *base* ships, and what messages call it.

    Raises:
        NotInstalledError: *base* is not installed, ships none, or several that differ.
    """
    trusting = installed(base)
    texts = {name: trusting.metadata(name + KEYRING) for name in trusting.modules}
    found = {text for text in texts.values() if text is not None}
    if len(found) != 1:
        what = "ships several .pub that differ" if found else "ships no .pub"
        raise NotInstalledError(
            f"{trusting.distribution or base} {trusting.version} {what}: build it with pubkey_path"
        )
    return found.pop(), f"that {trusting.distribution} trusts"


def owners(paths: Collection[str], site: str) -> dict[str, list[str]]:
    """Return the names of the distributions in *site* whose RECORD lists each of *paths*."""
    found: dict[str, list[str]] = {path: [] for path in paths}
    for folder in _dist_infos(site) if paths else []:
        other = Installed(site, folder)
        for path in found.keys() & other.recorded().keys():
            found[path].append(other.distribution)
    return found


def _dist_infos(site: str) -> list[str]:
    try:
        names = os.listdir(site)  # noqa: PTH208
    except OSError:
        return []
    return sorted(name for name in names if name.endswith(".dist-info"))


def _signed_here(site: str, module: str) -> Installed | None:
    """Return the one distribution in *site* that carries a signature for *module*."""
    found = [
        folder
        for folder in _dist_infos(site)
        for ending in (MANIFEST, SIGNATURE)
        if os.path.lexists(os.path.join(site, folder, module + ending))  # noqa: PTH118
    ]
    found = list(dict.fromkeys(found))
    if len(found) > 1:
        raise NotInstalledError(f"{module} is signed by {' and '.join(found)}: uninstall one")
    return Installed(site, found[0], module) if found else None


def _recorded(name: str, place: str) -> Installed | None:
    """Return the distribution that installed *name*, or was installed editable from *place*."""
    for site, folder in _everywhere():
        found = Installed(site, folder)
        if name in found.modules or (found.editable and place.startswith(_project(found))):
            return Installed(site, folder, name)
    return None


def _project(installed: Installed) -> str:
    """Return the source folder of an editable install, with a final separator."""
    import json
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        url = json.loads(installed.metadata("direct_url.json") or b"{}")["url"]
    except (ValueError, KeyError, TypeError):
        return "\0"
    return os.path.join(url2pathname(urlsplit(url).path), "")  # noqa: PTH118


def _distribution(name: str) -> Installed | None:
    for site, folder in _everywhere():
        stem = folder.removesuffix(".dist-info").rpartition("-")[0]
        if normalised(stem) == normalised(name):
            return Installed(site, folder)
    return None


def _everywhere() -> Iterator[tuple[str, str]]:
    """Yield each folder on Python's path with each metadata folder in it."""
    for site in sys.path:
        for folder in _dist_infos(site or os.curdir):
            yield os.path.abspath(site), folder  # noqa: PTH100 -- strings in, strings out


def _import_place(name: str) -> str | None:
    """Return the folder or the file that `import name` would load; nothing is executed."""
    path: list[str] | None = None
    spec: ModuleSpec | None = None
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    for depth in range(len(parts)):
        spec = next(_specs(".".join(parts[: depth + 1]), path), None)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or [])
    if spec is None or (spec.origin is None and not path):
        return None
    if path and spec.origin is None and len(path) != 1:
        raise NotInstalledError(
            f"{name} is a namespace of several distributions: name a part of it"
        )
    return path[0] if path else spec.origin


def _specs(name: str, path: list[str] | None) -> Iterator[ModuleSpec]:
    for finder in sys.meta_path:
        if hasattr(finder, "find_spec") and type(finder).__module__ != "otumat_sign._guard":
            spec = finder.find_spec(name, path)
            if spec is not None:
                yield spec
