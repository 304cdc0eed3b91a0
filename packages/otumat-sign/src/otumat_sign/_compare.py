"""Name every file that is not as a manifest says, and guess why for the person who must mend it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256

from otumat_sign import _find
from otumat_sign._content import EXECUTABLE, PLAIN, below, digest
from otumat_sign._verdict import Difference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otumat_sign._content import Fact
    from otumat_sign._installed import Installed
    from otumat_sign._manifest import Manifest
    from otumat_sign._wheel import Wheel


def differences(content: Installed | Wheel, module: str, manifest: Manifest) -> list[Difference]:
    """Return how the files of *content* differ from what *manifest* names, in order of paths."""
    facts = content.facts(manifest.files)
    found = []
    for path, expected in manifest.files.items():
        if path not in facts:
            found.append(Difference(path, "removed"))
        elif facts[path].plain != expected and not _is_rewritten_script(content, path, expected):
            found.append(Difference(path, "changed", _why_changed(content, path, expected)))
    found += _added(content, [p for p in content.present(module) if p not in manifest.files])
    if not found:
        found += _modes(facts, content.modules[module], manifest.tree)
    return sorted(found, key=lambda difference: difference.path)


def from_record(content: Installed, module: str) -> list[Difference]:
    """Return how the files of *module* differ from RECORD, which is not signed: a hint only."""
    root = content.modules[module]
    rows = {path: row for path, row in content.recorded().items() if below([path], root)}
    facts = content.facts(rows)
    found = []
    for path, row in rows.items():
        algorithm, _, value = row.partition("=")
        if path not in facts:
            found.append(Difference(path, "removed"))
        elif algorithm == "sha256":
            raw = bytes.fromhex(facts[path].plain)
            if urlsafe_b64encode(raw).rstrip(b"=").decode() != value:
                found.append(Difference(path, "changed"))
    found += _added(content, [p for p in below(content.present(module), root) if p not in rows])
    return sorted(found, key=lambda difference: difference.path)


def _modes(facts: Mapping[str, Fact], root: str, tree: str) -> Iterator[Difference]:
    """Yield the files whose x bit differs, if the listing says that there are any.

    The manifest holds only the listing's hash: each single bit is tried, then both extremes.
    """
    if digest(facts, root, "sha256") == tree:
        return
    files = below(facts, root)
    modes = {path: facts[path].mode for path in files}
    other = {PLAIN: EXECUTABLE, EXECUTABLE: PLAIN}
    lost = "its x bit was lost", "its x bit was added"
    for path in files:
        if digest(facts, root, "sha256", {path: other[modes[path]]}) == tree:
            yield Difference(path, "changed", lost[modes[path] == EXECUTABLE])
            return
    yield Difference(root, "changed", "the x bits of several files")


def _is_rewritten_script(content: Installed | Wheel, path: str, expected: str) -> bool:
    """Return whether *path* is a script in which an installer replaced ``#!python`` (PEP 427)."""
    if ".data/scripts/" not in path:
        return False
    data = content.read_file(path)
    # A path too long for the kernel is wrapped into three lines of /bin/sh.
    lines = data.split(b"\n", 3 if data.startswith(b"#!/bin/sh\n'''exec'") else 1)
    return any(
        sha256(b"\n".join([first, lines[-1]])).hexdigest() == expected
        for first in (b"#!python", b"#!pythonw")
    )


def _why_changed(content: Installed | Wheel, path: str, expected: str) -> str:
    data = content.read_file(path)
    unix = data.replace(b"\r\n", b"\n")
    for text in (unix, unix.replace(b"\n", b"\r\n")):
        if sha256(text).hexdigest() == expected:
            return "its line endings"
    value = urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()
    if content.recorded().get(path) == f"sha256={value}":
        return "RECORD agrees with the new content: repackaged after it was signed"
    return ""


def _added(content: Installed | Wheel, paths: list[str]) -> Iterator[Difference]:
    """Yield what was added, each with its likely why."""
    owners = _find.owners(paths, content.site) if content.kind == "installed" else {}
    for path in paths:
        others = [name for name in owners.get(path, ()) if name != content.distribution]
        why = ""
        if path.endswith((".pyc", ".pyo")):
            why = "byte code without a signed source, which Python would run"
        elif others:
            why = f"it belongs to {' and '.join(others)}"
        elif path in content.recorded():
            why = "RECORD lists it: repackaged after it was signed"
        yield Difference(path, "added", why)
