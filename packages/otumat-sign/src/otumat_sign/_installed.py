"""See a distribution that was installed into a folder: its metadata and its files."""

from __future__ import annotations

import os
from functools import cached_property

from otumat_sign import _content
from otumat_sign._content import BYTECODE_FOLDER, fact
from otumat_sign._metadata import ADDED_BY_INSTALLERS, MANIFEST, SIGNATURE, identity, rows
from otumat_sign._modules import modules
from otumat_sign._tree import scan
from otumat_sign.exceptions import ChangedFileError, RefusedPathError, UnreadableFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Literal

    from otumat_sign._content import Fact


class Installed:
    """The distribution whose metadata is the folder *dist_info* of the folder *site*.

    Args:
        site: The folder that is on Python's path.
        dist_info: The metadata folder's name.
        module: The one module that is meant; None for all that the distribution has.
    """

    kind: Literal["installed"] = "installed"

    def __init__(self, site: str, dist_info: str, module: str | None = None) -> None:
        self.site = site
        self.dist_info = dist_info
        self.distribution, self.version = identity(self.metadata("METADATA") or b"")
        self.editable = b'"editable": true' in (self.metadata("direct_url.json") or b"")
        self._module = module

    @cached_property
    def modules(self) -> dict[str, str]:
        """The modules that are meant, each with its folder or file below the site folder."""
        return self._modules() if self._module is None else {self._module: self._root(self._module)}

    def metadata(self, name: str) -> bytes | None:
        """Return the content of a file of the .dist-info folder, or None."""
        try:
            return _content.read(self.locate(f"{self.dist_info}/{name}"))[0]
        except (FileNotFoundError, NotADirectoryError):
            return None

    def locate(self, path: str) -> str:
        """Return where the file is that a wheel's *path* names."""
        return os.path.join(self.site, self._elsewhere(path) or path)  # noqa: PTH118

    def read_file(self, path: str) -> bytes:
        """Return the bytes of a file."""
        return _content.read(self.locate(path))[0]

    def facts(self, paths: Iterable[str]) -> dict[str, Fact]:
        """Return the `Fact` of each of *paths* that is there.

        Raises:
            RefusedPathError: one is a link, a FIFO, or no plain file.
            ChangedFileError: one changed while it was read.
            UnreadableFileError: the operating system said no.
        """
        found = {}
        for path in paths:
            place = self.locate(path)
            try:
                data, stat = _content.read(place)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except ChangedFileError:
                raise
            except OSError as error:
                raise UnreadableFileError(f"cannot read {place}: {error.strerror}") from error
            found[path] = fact(data, _content.mode(stat))
        return found

    def present(self, module: str) -> list[str]:
        """Return the files of *module* and of the metadata folder that a manifest must name."""
        paths = self._scan(self.modules[module])
        for path in self._scan(self.dist_info):
            folder, _, name = path.rpartition("/")
            # Signatures and manifests of the other modules too: they say nothing by being there.
            known = name in ADDED_BY_INSTALLERS or name.endswith((SIGNATURE, MANIFEST))
            if folder != self.dist_info or not known:
                paths.append(path)
        return paths

    def bytecode(self, module: str) -> list[str]:
        """Return everything that lies in the byte code folders of *module*."""
        root = self.locate(self.modules[module])
        tops = [root] if os.path.isdir(root) else []  # noqa: PTH112
        found = []
        for top in tops:
            for folder, _, files in os.walk(top):
                if BYTECODE_FOLDER in self._relative(folder).split("/"):
                    found += [self._relative(os.path.join(folder, file)) for file in files]  # noqa: PTH118
        if not tops:  # the byte code of a single file lies among that of its neighbours
            stem = os.path.basename(root).partition(".")[0] + "."  # noqa: PTH119
            folder = os.path.join(os.path.dirname(root), BYTECODE_FOLDER)  # noqa: PTH118, PTH120
            names = os.listdir(folder) if os.path.isdir(folder) else []  # noqa: PTH112, PTH208
            found = [
                self._relative(os.path.join(folder, name))  # noqa: PTH118
                for name in names
                if name.startswith(stem)
            ]
        return sorted(found)

    def recorded(self) -> dict[str, str]:
        """Return what RECORD says: each path with its hash. RECORD is not signed."""
        return self._rows

    @cached_property
    def _rows(self) -> dict[str, str]:
        return rows(self.metadata("RECORD") or b"")

    def _scan(self, root: str) -> list[str]:
        place = self.locate(root)
        if not os.path.lexists(place):
            return []
        if os.path.islink(place):  # noqa: PTH114
            raise RefusedPathError(f"{place} is a symbolic link, which no wheel holds")
        return [self._relative(os.fsdecode(path)) for path in scan(os.fsencode(place))]

    def _relative(self, place: str) -> str:
        return os.path.relpath(place, self.site).replace(os.sep, "/")

    def _modules(self) -> dict[str, str]:
        names = [path for path in self.recorded() if not path.startswith(("../", "/"))]
        found = modules(_of_modules(names, self.dist_info))
        # RECORD can be shortened by whoever changes files: what was signed counts as well.
        for name in self._scan(self.dist_info):
            for ending in (MANIFEST, SIGNATURE):
                if name.endswith(ending):
                    module = name.rpartition("/")[2].removesuffix(ending)
                    if self._is_importable(module):
                        found.setdefault(module, self._root(module))
        return found

    def _is_importable(self, module: str) -> bool:
        root = self.locate(self._root(module))
        return all(part.isidentifier() for part in module.split(".")) and os.path.lexists(root)

    def _root(self, module: str) -> str:
        """Return the folder or the file of *module*, as Python would find it in this folder."""
        base = module.replace(".", "/")
        if os.path.isdir(self.locate(base)):  # noqa: PTH112
            return base
        folder, _, stem = base.rpartition("/")
        place = self.locate(folder)
        names = sorted(os.listdir(place)) if os.path.isdir(place) else []  # noqa: PTH112, PTH208
        prefix = f"{folder}/" if folder else ""
        files = modules(name for name in names if name.startswith(stem + "."))
        return prefix + files.get(stem, f"{stem}.py")

    def _elsewhere(self, path: str) -> str | None:
        """Return where an installer puts what a wheel does not install below the site folder."""
        name = self.dist_info.removesuffix(".dist-info")
        if not path.startswith(f"{name}.data/"):
            return None
        kind, _, rest = path.removeprefix(f"{name}.data/").partition("/")
        places = [
            os.path.join(place, rest)  # noqa: PTH118
            for place in _scheme(self.site, kind, self.distribution)
        ]
        # An unpacked wheel keeps its .data folder.
        places.insert(0, os.path.join(self.site, path))  # noqa: PTH118
        return next((place for place in places if os.path.lexists(place)), path)


def _scheme(site: str, kind: str, name: str) -> Iterator[str]:
    """Yield the folders for *kind* (scripts, data, headers) that go with a *site* folder.

    By the layout of the folders, not by the running Python: *site* may be another one's.
    """
    scripts = "Scripts" if os.name == "nt" else "bin"
    parts = os.path.realpath(site).split(os.sep)  # noqa: PTH206 -- strings in, strings out
    up = 2 if os.name == "nt" else 3
    standard = parts[-1] in ("site-packages", "dist-packages")
    prefix = os.sep.join(parts[:-up]) if standard else site  # noqa: PTH118 -- else --target
    if kind == "scripts":
        yield os.path.join(prefix, scripts)  # noqa: PTH118
        yield os.path.join(prefix, "local", scripts)  # noqa: PTH118 -- Debian's /usr/local
    elif kind == "data":
        yield prefix
    elif kind == "headers":
        for inner in (("site", parts[-2]), (parts[-2],), ()):
            yield os.path.join(prefix, "include", *inner, name)  # noqa: PTH118


def _of_modules(paths: Iterable[str], dist_info: str) -> list[str]:
    """Return those of *paths* that belong to modules and not to the metadata or byte code."""
    parts = ((path, path.split("/")) for path in paths)
    return [
        path
        for path, folders in parts
        if folders[0] != dist_info and BYTECODE_FOLDER not in folders
    ]
