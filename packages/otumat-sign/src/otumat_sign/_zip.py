"""Read a ZIP file strictly: one meaning for every byte, or an error.

A ZIP file says everything twice, and readers that believe different halves install different
files. So both halves must agree, entries must lie end to end, and names must be plain
(APPNOTE.TXT 6.3). What is refused here is also what could not be rewritten safely.
"""

from __future__ import annotations

import os
import struct
import unicodedata
import zlib
from dataclasses import dataclass
from stat import S_ISLNK

from otumat_sign.exceptions import WheelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

STORED, DEFLATED = 0, 8
UTF8 = 0x800
_ENCRYPTED, _DESCRIPTOR = 0x1, 0x8
END = struct.Struct("<4s4H2LH")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
#: The counts that mean "look into the ZIP64 record".
_ZIP64 = (0xFFFF, 0xFFFFFFFF)
#: A data descriptor has twelve bytes, or sixteen with its optional magic number.
_DESCRIPTOR_SIZES = (12, 16)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive: its central record, and where its bytes lie."""

    name: str
    record: bytes
    start: int
    data: int
    method: int
    flags: int
    crc: int
    packed: int
    size: int
    mode: int


class Archive:
    """The entries of a ZIP file, in the order in which they lie in it.

    Raises:
        WheelError: the file is no ZIP, or more than one reading of it is possible.
        FileNotFoundError: there is no such file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        with open(self.path, "rb") as file:  # noqa: PTH123 -- messages show it as it was given
            self.content = file.read()
        self.entries, self.directory = self._read_directory()
        self._check_layout()
        self._check_names()

    def span(self, index: int) -> bytes:
        """Return every byte of an entry but its central record, header included."""
        after = index + 1
        end = self.entries[after].start if after < len(self.entries) else self.directory
        return self.content[self.entries[index].start : end]

    def read(self, entry: Entry) -> bytes:
        """Return the content of *entry*, never more than it announces."""
        content = self.content[entry.data : entry.data + entry.packed]
        if entry.method == DEFLATED:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                content = inflater.decompress(content, entry.size + 1)
            except zlib.error as error:
                raise WheelError(f"{self.path}: {entry.name} is damaged") from error
            if not inflater.eof or inflater.unused_data:
                self.refuse(f"{entry.name} is damaged")
        if len(content) != entry.size or zlib.crc32(content) != entry.crc:
            self.refuse(f"{entry.name} is damaged")
        return content

    def refuse(self, why: str) -> NoReturn:
        """Raise WheelError saying *why*."""
        message = f"{self.path}: {why}"
        raise WheelError(message)

    def _read_directory(self) -> tuple[list[Entry], int]:
        at = len(self.content) - END.size
        if at < 0 or self.content[at : at + 4] != b"PK\5\6":
            self.refuse("not a wheel: it does not end in a ZIP directory")
        _, disk, first, here, total, size, start, comment = END.unpack_from(self.content, at)
        if total in _ZIP64 or size in _ZIP64 or start in _ZIP64:
            self.refuse("ZIP64 wheels are not supported")
        if disk or first or here != total or comment or start + size != at:
            self.refuse("its ZIP directory is not where it says")
        entries = []
        position = start
        for _ in range(total):
            entry = self._read_record(position, at)
            position += len(entry.record)
            entries.append(entry)
        if position != at:
            self.refuse("its ZIP directory is not as long as it says")
        return sorted(entries, key=lambda entry: entry.start), start

    def _read_record(self, at: int, limit: int) -> Entry:
        if at + CENTRAL.size > limit:
            self.refuse("its ZIP directory is cut off")
        fields = CENTRAL.unpack_from(self.content, at)
        magic, flags, method, crc, packed, size = fields[0], *fields[3:5], *fields[7:10]
        name_length, extra, comment, disk, _, attributes, start = fields[10:]
        name_at = at + CENTRAL.size
        record = self.content[at : name_at + name_length + extra + comment]
        if magic != b"PK\1\2" or at + len(record) > limit or disk:
            self.refuse("its ZIP directory is damaged")
        raw = self.content[name_at : name_at + name_length]
        name = self._decode(raw, flags)
        if flags & _ENCRYPTED or method not in (STORED, DEFLATED):
            self.refuse(f"{name} is encrypted or packed in an unknown way")
        if method == STORED and packed != size:
            self.refuse(f"{name} is damaged")
        data = self._check_local(start, raw, (flags, method, crc, packed, size))
        mode = attributes >> 16
        return Entry(name, record, start, data, method, flags, crc, packed, size, mode)

    def _decode(self, raw: bytes, flags: int) -> str:
        try:
            # Without the UTF-8 flag a name is in an old code page; only ASCII is the same in all.
            return raw.decode("utf-8" if flags & UTF8 else "ascii")
        except UnicodeDecodeError:
            self.refuse(f"the name {raw!r} is not in the encoding it claims")

    def _check_local(self, at: int, raw: bytes, central: tuple[int, ...]) -> int:
        """Return where the data starts, if the local header agrees with the *central* one."""
        if at + LOCAL.size > len(self.content):
            self.refuse(f"{raw!r} lies outside of the file")
        fields = LOCAL.unpack_from(self.content, at)
        magic, flags, method, crc, packed, size = fields[0], *fields[2:4], *fields[6:9]
        name_length, extra = fields[9:]
        name_at = at + LOCAL.size
        agrees = (flags, method) == central[:2] and (
            (crc, packed, size) == central[2:]
            or (flags & _DESCRIPTOR and (crc, packed, size) == (0, 0, 0))
        )
        if magic != b"PK\3\4" or not agrees or raw != self.content[name_at : name_at + name_length]:
            self.refuse(f"{raw!r} has two headers that disagree")
        data: int = name_at + name_length + extra
        return data

    def _check_layout(self) -> None:
        position = 0
        for at, entry in enumerate(self.entries):
            length = len(self.span(at))
            rest = entry.start + length - (entry.data + entry.packed)
            expected = _DESCRIPTOR_SIZES if entry.flags & _DESCRIPTOR else (0,)
            if entry.start != position or rest not in expected:
                self.refuse(f"{entry.name} overlaps its neighbour or has bytes beside it")
            position += length
        if position != self.directory:
            self.refuse("it has bytes that belong to no entry")

    def _check_names(self) -> None:
        seen: dict[str, str] = {}
        for entry in self.entries:
            name = entry.name
            parts = name.removesuffix("/").split("/")
            if "\\" in name or "\0" in name or ":" in parts[0]:
                self.refuse(f"{name!r} is not a plain path")
            if any(part in ("", ".", "..") for part in parts):
                self.refuse(f"{name!r} leads out of the wheel")
            if S_ISLNK(entry.mode):
                self.refuse(f"{name} is a link, which installers treat differently")
            if name.endswith("/") and entry.size:
                self.refuse(f"{name} is a folder with content")
            folded = unicodedata.normalize("NFC", name).casefold()
            if folded in seen:
                self.refuse(f"{name} and {seen[folded]} are one file on some systems")
            seen[folded] = name
