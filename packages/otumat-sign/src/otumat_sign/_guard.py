"""Guard the import of a package: only bytes that its signed manifest names are executed.

A source file is read once, hashed, and compiled from those same bytes; ``.pyc`` files are never
read. A native module is hashed through an open descriptor and then loaded from its real path by
the operating system, which opens it again: between the two lies a race. So it is refused if the
file or a folder above it can be written by anybody but this user and root; against these, and
against code that already runs in this process, nothing in this process can help.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from importlib import machinery
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    ExtensionFileLoader,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
)

from otumat_sign import _check, _content, _find
from otumat_sign._verdict import Policy
from otumat_sign.exceptions import GuardError, HashError, ManifestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType

    from otumat_sign._installed import Installed
    from otumat_sign._manifest import Manifest

__all__ = ["guard"]

_DEFAULT = Policy()
#: Public from Python 3.11 on; before, the spec of a namespace has no loader.
_NAMESPACE_LOADER: type | tuple[()] = getattr(machinery, "NamespaceLoader", ())


def guard(module: str, *, trusted: str | os.PathLike[str], policy: Policy = _DEFAULT) -> None:
    """Let imports of *module* and all below it execute only what trusted keys signed.

    Call it before the first import of *module*, for example before ``entry_point.load()``. It
    checks the manifest's signatures now, and each file when it is imported. What is not named in
    the manifest cannot be imported from the package; a file with other bytes raises GuardError
    (also an ImportError) before any of it runs. Data files are not looked at.

    Args:
        module: The import name of an installed package or module.
        trusted: Who is trusted, as for `check`.
        policy: As for `check`; byte code is never read, whatever it says.

    Raises:
        GuardError: The module is imported already, is not signed by trusted keys with a manifest
            (a bare signature names no files), or is an editable install.
        NotInstalledError: There is nothing of this name, or *trusted* ships no keyring.
        KeyringError: The keyring is not understood.
    """
    loaded = sorted(name for name in sys.modules if _is_inside(name, module))
    if loaded:
        raise GuardError(f"{loaded[0]} is imported already: guard {module} before", name=module)
    ring = _check.load_keyring(trusted)
    content = _find.installed(module)
    manifest = _signed_manifest(content, module)
    state, reason, _ = _check.weigh_manifest(manifest, ring, policy)
    if content.editable or state != "trusted":
        why = "it is an editable install" if content.editable else f"{state}: {reason}"
        raise GuardError(f"{module} is not trusted: {why}", name=module)
    for finder in [f for f in sys.meta_path if isinstance(f, _Finder) and f.module == module]:
        sys.meta_path.remove(finder)
    sys.meta_path.insert(0, _Finder(module, content, manifest))


def _signed_manifest(content: Installed, module: str) -> Manifest:
    if module not in content.modules:
        raise GuardError(f"{module} is no module of its own: guard {', '.join(content.modules)}")
    try:
        manifest = _check.read_manifest(content, module)
    except ManifestError as error:
        raise GuardError(f"{module} is not trusted: invalid: {error}", name=module) from error
    if manifest is None:
        raise GuardError(f"{module} is not trusted: it has no manifest", name=module)
    return manifest


def _is_inside(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


class _Finder:
    """Finds *module* and everything below it by the manifest, and nothing anywhere else."""

    def __init__(self, module: str, content: Installed, manifest: Manifest) -> None:
        self.module = module
        self._content = content
        self._files = manifest.files
        self._folders = {path.rpartition("/")[0] for path in manifest.files}
        self._folders |= {
            folder[:at] for folder in self._folders for at, c in enumerate(folder) if c == "/"
        }

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002 -- the protocol's
    ) -> ModuleSpec | None:
        """Return how to load *name*, None if it is not guarded; raise if it is not signed."""
        if self.module.startswith(name + "."):
            _refuse_code(name, path, self.module)
            return None
        if not _is_inside(name, self.module):
            return None
        base = name.replace(".", "/")
        for candidate in (f"{base}/__init__", base):
            for suffix in (*EXTENSION_SUFFIXES, ".py"):
                if candidate + suffix in self._files:
                    return self._spec(name, candidate + suffix, is_package=candidate != base)
        if base in self._folders:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [self._content.locate(base)]
            return spec
        raise ModuleNotFoundError(f"no signed module is called {name}", name=name)

    def _spec(self, name: str, file: str, *, is_package: bool) -> ModuleSpec:
        place = self._content.locate(file)
        if not file.endswith(".py"):
            folder, base = os.path.split(place)
            # A link among the folders could be turned to another folder before the load.
            place = os.path.join(os.path.realpath(folder), base)  # noqa: PTH118
        kind = _SourceLoader if file.endswith(".py") else _NativeLoader
        loader = kind(name, place, self._files[file])
        spec = ModuleSpec(name, loader, origin=place, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(place)]  # noqa: PTH120
        return spec


def _refuse_code(name: str, path: Sequence[str] | None, module: str) -> None:
    """Raise if the namespace *name* above *module* has code, which nobody signed."""
    spec = PathFinder.find_spec(name, path)
    if spec and spec.loader and not isinstance(spec.loader, _NAMESPACE_LOADER):
        raise GuardError(f"{spec.origin} would run before {module}, unsigned", name=name)


class _Signed:
    """What both loaders share: the file's bytes, if they are those that were signed."""

    name: str
    path: str
    expected: str

    def read(self) -> tuple[bytes, os.stat_result]:
        """Return the bytes and the fstat of the file that was hashed."""
        try:
            data, stat = _content.read(self.path)
        except (OSError, HashError) as error:
            raise GuardError(f"cannot read {self.path}: {error}", name=self.name) from error
        if sha256(data).hexdigest() != self.expected:
            message = f"{self.path} is not what was signed: it was not executed"
            raise GuardError(message, name=self.name, path=self.path)
        return data, stat


class _SourceLoader(_Signed, SourceFileLoader):  # type: ignore[misc] # typeshed's own bases differ
    def __init__(self, name: str, path: str, expected: str) -> None:
        super().__init__(name, path)
        self.expected = expected

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 -- the protocol's
        """Return the code compiled from the very bytes that were hashed."""
        code: CodeType = compile(self.read()[0], self.path, "exec", dont_inherit=True)
        return code


class _NativeLoader(_Signed, ExtensionFileLoader):
    def __init__(self, name: str, path: str, expected: str) -> None:
        super().__init__(name, path)
        self.expected = expected

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Load the native module after hashing it, if nobody else can have changed it since."""
        _, stat = self.read()
        _refuse_writable(self.path, stat, self.name)
        return super().create_module(spec)


def _refuse_writable(path: str, stat: os.stat_result, name: str) -> None:
    """Raise if somebody else may write *path* or a folder above it. Windows has no such bits."""
    if os.name != "posix":
        return
    sticky, others = 0o1000, 0o022
    place = path
    while True:
        owned = stat.st_uid in (0, os.geteuid())
        # In a sticky folder such as /tmp only the owner of an entry can replace it.
        writable = stat.st_mode & others and not (place != path and stat.st_mode & sticky)
        if not owned or writable:
            message = f"{place} can be changed by other users: chown or chmod go-w it"
            raise GuardError(message, name=name, path=path)
        above = os.path.dirname(place)  # noqa: PTH120
        if above == place:
            return
        place, stat = above, os.stat(above)  # noqa: PTH116
