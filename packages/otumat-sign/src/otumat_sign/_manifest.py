r"""Read and write ``{module}.manifest``: a signed list of what a wheel installs.

Header lines, one ``sha256sum`` line per file, then one block per signer over everything before
the first block. ``sha256sum -c`` and ``openssl`` check it by hand; the README shows how. The
format is read strictly: a text has one meaning, or is malformed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from otumat_sign import _instant
from otumat_sign._zip_names import objection
from otumat_sign.exceptions import ManifestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import NoReturn

#: The number after ``otumat-manifest:``. It is also what keeps a manifest from being taken for
#: anything else that the same key signed.
VERSION = "1"
_FIELDS = ("otumat-manifest", "distribution", "version", "module", "created", "tree-sha256")
_BEGIN, _END = "-----BEGIN OTUMAT SIGNATURE-----", "-----END OTUMAT SIGNATURE-----"
_HEX = re.compile(r"[0-9a-f]{64}")
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")
_BLOCK = re.compile(rf"{_BEGIN}\nkey: ([0-9a-f]{{64}})\n\n((?:[A-Za-z0-9+/=]{{1,64}}\n)+){_END}\n")


@dataclass(frozen=True, slots=True)
class Block:
    """One signer's block: whose it claims to be (a key's identity), and the base64 in it."""

    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was signed about one module: *files* maps each path to its SHA-256."""

    distribution: str
    version: str
    module: str
    created: datetime
    tree: str
    files: dict[str, str]
    blocks: tuple[Block, ...] = ()

    def text(self) -> str:
        """Return the signed part: header and files."""
        values = (VERSION, self.distribution, self.version, self.module)
        header = dict(zip(_FIELDS, (*values, _instant.write(self.created), self.tree), strict=True))
        lines = [f"{key}: {value}" for key, value in header.items()]
        lines += [f"{self.files[path]}  {path}" for path in sorted(self.files)]
        return "\n".join([*lines, ""])

    def encode(self) -> bytes:
        """Return the whole file."""
        blocks = (f"{_BEGIN}\nkey: {b.key}\n\n{b.signature}{_END}\n" for b in self.blocks)
        return (self.text() + "".join(blocks)).encode()

    def with_block(self, key: str, signature: str) -> Manifest:
        """Return this manifest with the block of *key* added, or in the place of its old one."""
        others = tuple(block for block in self.blocks if block.key != key)
        return replace(self, blocks=(*others, Block(key, signature)))

    def says_the_same_as(self, other: Manifest) -> bool:
        """Return whether both name the same content; when they were created may differ."""
        return replace(self, created=other.created, blocks=()) == replace(other, blocks=())


def parse(data: bytes, name: str) -> Manifest:
    """Return what the manifest *data* says; *name* is what messages call it.

    Raises:
        ManifestError: it is not exactly as `Manifest.encode` writes it.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ManifestError(f"{name} is not UTF-8") from error
    signed, begin, rest = text.partition(_BEGIN + "\n")
    lines = signed.split("\n")
    values = [_field(line, key, name) for key, line in zip(_FIELDS, lines)]  # noqa: B905 -- counted below
    if len(values) != len(_FIELDS) or lines.pop() or values[0] != VERSION:
        _refuse(name, f"it is not of version {VERSION}, or cut off")
    if not _HEX.fullmatch(values[5]):
        _refuse(name, "its tree-sha256 is not a hash")
    manifest = Manifest(
        distribution=values[1],
        version=values[2],
        module=values[3],
        created=_created(values[4], name),
        tree=values[5],
        files=_files(lines[len(_FIELDS) :], name),
        blocks=_blocks(begin + rest, name),
    )
    if manifest.encode() != data:
        _refuse(name, "its lines are not in order")
    return manifest


def _field(line: str, key: str, name: str) -> str:
    found, colon, value = line.partition(": ")
    if not colon or found != key or not value:
        _refuse(name, f"it has no {key} where one belongs")
    return value


def _created(text: str, name: str) -> datetime:
    try:
        return _instant.parse(text)
    except ValueError as error:
        raise ManifestError(f"{name}: {error}") from error


def _files(lines: list[str], name: str) -> dict[str, str]:
    matches = [_LINE.fullmatch(line) for line in lines]
    files = {match[2]: match[1] for match in matches if match}
    if len(files) != len(lines):
        _refuse(name, "a line is no sha256sum line, or a file is in it twice")
    if why := objection((path, 0) for path in files):
        _refuse(name, why)
    return files


def _blocks(text: str, name: str) -> tuple[Block, ...]:
    blocks = tuple(Block(match[1], match[2]) for match in _BLOCK.finditer(text))
    if sum(len(match[0]) for match in _BLOCK.finditer(text)) != len(text):
        _refuse(name, "a signature block is damaged")
    if len({block.key for block in blocks}) != len(blocks):
        _refuse(name, "one key has signed it twice")
    return blocks


def _refuse(name: str, why: str) -> NoReturn:
    raise ManifestError(f"{name} is malformed: {why}")
