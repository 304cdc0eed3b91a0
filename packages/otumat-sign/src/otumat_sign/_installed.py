"""Find what is installed under a name, and what its RECORD says against its files."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib import metadata

from otumat_sign._tree import BYTECODE_FOLDER
from otumat_sign._wheel import modules
from otumat_sign.exceptions import NotInstalledError, SignatureNotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Installed:
    """One installed distribution and those of its modules that a name stands for.

    *name* is a distribution's name (all its modules) or a module's.

    Raises:
        NotInstalledError: neither is installed, or not in a fixed place (editable).
    """

    def __init__(self, name: str) -> None:
        self._distribution, module = _find(name)
        self.name = str(self._distribution.metadata["Name"])
        self.version = self._distribution.version
        files = self._distribution.files or []
        found = modules(str(path).replace("\\", "/") for path in files)
        self.modules = [module] if module else list(found)
        if not self.modules or any(name not in found for name in self.modules):
            message = f"{self.name} {self.version} has no modules in place: is it editable?"
            raise NotInstalledError(message)
        self._roots = found

    def path(self, module: str) -> str:
        """Return the folder or file of *module*."""
        return str(self._distribution.locate_file(self._roots[module]))

    def signature(self, module: str) -> str:
        """Return the text of ``{module}.sig``.

        Raises:
            SignatureNotFoundError: the distribution carries none for this module.
        """
        text = self._distribution.read_text(f"{module}.sig")
        if text is None:
            message = f"{self.name} {self.version} is not signed: it has no {module}.sig"
            raise SignatureNotFoundError(message)
        return text

    def trusted_key(self) -> bytes:
        """Return the content of the one ``{module}.pub`` that this distribution ships.

        Raises:
            NotInstalledError: there is none, or more than one.
        """
        texts = {name: self._distribution.read_text(f"{name}.pub") for name in self.modules}
        keys = {name: text for name, text in texts.items() if text is not None}
        if len(keys) != 1:
            ships = (
                f"ships {', '.join(f'{name}.pub' for name in keys)}" if keys else "ships no .pub"
            )
            message = f"{self.name} {self.version} {ships}: name one module that has a .pub"
            raise NotInstalledError(message)
        return next(iter(keys.values())).encode()

    def differences(self, module: str) -> Iterator[str]:
        """Yield, in words, how the files of *module* differ from what RECORD says.

        RECORD is not signed: this tells an honest user where to look, and proves nothing.
        """
        root = self._roots[module]
        recorded = {}
        for path in self._distribution.files or []:
            name = str(path).replace("\\", "/")
            if name == root or name.startswith(root + "/"):
                recorded[name] = path.hash
        for name, expected in sorted(recorded.items()):
            place = str(self._distribution.locate_file(name))
            if expected and (how := _compare(place, expected.mode, expected.value)):
                yield f"{name} {how}"
        for name in self._present(root):
            if name not in recorded:
                yield f"{name} was added"

    def _present(self, root: str) -> Iterator[str]:
        site = str(self._distribution.locate_file(""))
        for folder, folders, files in os.walk(os.path.join(site, root)):  # noqa: PTH118
            folders[:] = sorted(set(folders) - {os.fsdecode(BYTECODE_FOLDER)})
            for file in sorted(files):
                yield os.path.relpath(os.path.join(folder, file), site).replace("\\", "/")  # noqa: PTH118


def _find(name: str) -> tuple[metadata.Distribution, str | None]:
    """Return the distribution, and the module if *name* is one and not the distribution's."""
    try:
        return metadata.distribution(name), None
    except (metadata.PackageNotFoundError, ValueError):
        pass
    for distribution in metadata.distributions():
        paths = (str(path).replace("\\", "/") for path in distribution.files or [])
        if name in modules(paths):
            return distribution, name
    message = f"no installed distribution or module is called {name}"
    raise NotInstalledError(message)


def _compare(path: str, algorithm: str, expected: str) -> str | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 -- a plain string from here on
            content = file.read()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    found = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest())
    return None if found.rstrip(b"=").decode() == expected else "was changed"
