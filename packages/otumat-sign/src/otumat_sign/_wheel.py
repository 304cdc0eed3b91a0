"""Know what a wheel will install: its modules, their content's hash, and its metadata folder."""

from __future__ import annotations

import os
import re

from otumat_sign._blobs import blob_id
from otumat_sign._listing import digest, refuse_names
from otumat_sign._tree import BYTECODE_FOLDER
from otumat_sign._zip import Archive
from otumat_sign.exceptions import SignatureNotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: What Python can import as a top-level file: source, and compiled code with its tags.
_MODULE = re.compile(r"([^\W\d]\w*)(?:\.py|(?:\.[^/]*)?\.(?:so|pyd))\Z")


class Wheel(Archive):
    """A wheel file; `modules` are the top-level packages and modules that it installs.

    Raises:
        WheelError: the file is no wheel, or more than one reading of it is possible.
        FileNotFoundError: there is no such file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        names = {entry.name: entry for entry in self.entries}
        infos = {name.split("/")[0] for name in names if re.match(r"[^/]+\.dist-info/", name)}
        if len(infos) != 1 or f"{next(iter(infos))}/RECORD" not in names:
            self.refuse("not a wheel: it needs exactly one .dist-info folder with a RECORD")
        self.dist_info = infos.pop()
        self.record = names[f"{self.dist_info}/RECORD"]
        self._installed = {
            place: entry for entry in self.entries if (place := self._destination(entry.name))
        }
        self.modules = modules(self._installed)
        self._names = names

    def metadata(self, name: str) -> bytes | None:
        """Return the content of a file of the .dist-info folder, or None."""
        entry = self._names.get(f"{self.dist_info}/{name}")
        return self.read(entry) if entry else None

    def digest(self, module: str, algorithm: str = "sha1") -> str:
        """Return `hash_pkg` of *module* as an installer will lay it out.

        Installers mark a file executable if any of its x bits is set.
        """
        root = self.modules[module]
        chosen = sorted(
            (path.encode(), entry)
            for path, entry in self._installed.items()
            if path == root or path.startswith(root + "/")
        )
        chosen = [pair for pair in chosen if BYTECODE_FOLDER not in pair[0].split(b"/")[:-1]]
        refuse_names([path for path, _ in chosen])
        heads = [
            f"{'100755' if entry.mode & 0o111 else '100644'} "
            f"{blob_id(self.read(entry), algorithm)} 0\t"
            for _, entry in chosen
        ]
        return digest(heads, [path for path, _ in chosen], algorithm)

    def signature(self, module: str) -> str:
        """Return the text of ``{module}.sig``.

        Raises:
            SignatureNotFoundError: the wheel carries none for this module.
        """
        content = self.metadata(f"{module}.sig")
        if content is None:
            message = f"{os.path.basename(self.path)} is not signed: it has no {module}.sig"  # noqa: PTH119
            raise SignatureNotFoundError(message)
        return content.decode("ascii", errors="replace")

    def _destination(self, name: str) -> str | None:
        """Return where below the site folder *name* is installed, or None."""
        if name.endswith("/") or name.startswith(self.dist_info + "/"):
            return None
        first, _, rest = name.partition("/")
        if first != self.dist_info.removesuffix(".dist-info") + ".data":
            return name
        scheme, _, path = rest.partition("/")
        return path if scheme in ("purelib", "platlib") else None


def modules(paths: Iterable[str]) -> dict[str, str]:
    """Return the importable top-level names among installed *paths*, each with its root.

    The root is a folder or a file below the site folder. Where a folder and a file have the
    same name, Python imports the folder.
    """
    found: dict[str, str] = {}
    for path in paths:
        first, slash, _ = path.partition("/")
        if slash:
            if first.isidentifier():
                found[first] = first
        elif match := _MODULE.match(first):
            found.setdefault(match[1], first)
    return dict(sorted(found.items()))
