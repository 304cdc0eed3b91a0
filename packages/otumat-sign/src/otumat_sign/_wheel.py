"""Know what a wheel will install: its modules, their content, and its metadata folder."""

from __future__ import annotations

import os
import re
from functools import cached_property

from otumat_sign._content import BYTECODE_FOLDER, EXECUTABLE, PLAIN, fact
from otumat_sign._metadata import identity, is_ours, rows
from otumat_sign._modules import modules
from otumat_sign._zip import Archive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from otumat_sign._content import Fact
    from otumat_sign._zip import Entry

#: Bytes from which a second thread earns its start, and as many as memory's speed feeds.
_WORTH_THREADS, _MAXIMUM_THREADS = 16 * 2**20, 4
_PORTIONS_PER_THREAD = 16


class Wheel(Archive):
    """A wheel file: `modules` are the packages and modules that it installs, by their root.

    Paths are those below the site folder after installation; what goes elsewhere (scripts,
    data, headers) keeps its path in the wheel.

    Raises:
        WheelError: the file is no wheel, or more than one reading of it is possible.
        FileNotFoundError: there is no such file.
    """

    kind: Literal["wheel"] = "wheel"
    editable = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._names = {entry.name: entry for entry in self.entries}
        self.dist_info = self._find_metadata()
        self.record = self._names[f"{self.dist_info}/RECORD"]
        self.distribution, self.version = identity(self.metadata("METADATA") or b"")
        self._placed = self._place()
        prefix = self.dist_info.removesuffix(".dist-info")
        self._elsewhere = (f"{prefix}.dist-info/", f"{prefix}.data/")
        self.modules = modules(
            path for path in self._placed if not path.startswith(self._elsewhere)
        )
        self._facts: dict[str, Fact] = {}

    def metadata(self, name: str) -> bytes | None:
        """Return the content of a file of the .dist-info folder, or None."""
        entry = self._names.get(f"{self.dist_info}/{name}")
        return self.read(entry) if entry else None

    def read_file(self, path: str) -> bytes:
        """Return the bytes of the file that will be installed at *path*."""
        return self.read(self._placed[path])

    def paths(self) -> list[str]:
        """Return every file that a manifest names: all but RECORD and the signatures."""
        return [path for path in self._placed if not self._is_left_out(path)]

    def present(self, module: str) -> list[str]:  # noqa: ARG002 -- other contents need it
        """Return every file there is, which for a wheel is what a manifest must name."""
        return self.paths()

    def facts(self, paths: Iterable[str]) -> dict[str, Fact]:
        """Return the `Fact` of each of *paths* that is there.

        Installers mark a file executable if any of its x bits is set.
        """
        wanted = [path for path in paths if path in self._placed]
        new = [path for path in wanted if path not in self._facts]
        size = sum(self._placed[path].size for path in new)
        workers = min(os.cpu_count() or 1, _MAXIMUM_THREADS) if size > _WORTH_THREADS else 1
        if workers == 1:
            self._facts |= self._hash(new)
        else:
            from concurrent.futures import ThreadPoolExecutor

            # Inflating and hashing let other threads run. Small portions, the largest files
            # first: nobody is left alone with a large one at the end.
            new.sort(key=lambda path: -self._placed[path].size)
            portions = workers * _PORTIONS_PER_THREAD
            with ThreadPoolExecutor(workers) as pool:
                for part in pool.map(self._hash, [new[at::portions] for at in range(portions)]):
                    self._facts |= part
        return {path: self._facts[path] for path in wanted}

    def _hash(self, paths: list[str]) -> dict[str, Fact]:
        found = {}
        for path in paths:
            entry = self._placed[path]
            mode = EXECUTABLE if entry.mode & 0o111 else PLAIN
            found[path] = fact(self.read(entry), mode)
        return found

    def recorded(self) -> dict[str, str]:
        """Return what RECORD says: each path with its hash. RECORD is not signed."""
        return self._rows

    @cached_property
    def _rows(self) -> dict[str, str]:
        return rows(self.read(self.record))

    def hashed(self) -> dict[str, str]:
        """Return the SHA-256 of the entries that were read for their facts, by name."""
        return {self._placed[path].name: known.plain for path, known in self._facts.items()}

    def _find_metadata(self) -> str:
        infos = {name.split("/")[0] for name in self._names if re.match(r"[^/]+\.dist-info/", name)}
        if len(infos) != 1 or f"{next(iter(infos))}/RECORD" not in self._names:
            self.refuse("not a wheel: it needs exactly one .dist-info folder with a RECORD")
        return infos.pop()

    def _place(self) -> dict[str, Entry]:
        """Return each file's entry by the path at which it will be installed."""
        placed: dict[str, Entry] = {}
        data = self.dist_info.removesuffix(".dist-info") + ".data/"
        for entry in self.entries:
            path = entry.name
            if path.endswith("/"):
                continue
            if path.startswith(data):
                scheme, _, rest = path.removeprefix(data).partition("/")
                path = rest if scheme in ("purelib", "platlib") and rest else path
            if path in placed:
                self.refuse(f"two of its files are installed as {path}")
            placed[path] = entry
        return placed

    def _is_left_out(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if folder == self.dist_info:
            return name == "RECORD" or is_ours(name, self.modules, self.distribution)
        return BYTECODE_FOLDER in folder.split("/")
