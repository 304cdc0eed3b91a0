"""Read a ZIP file strictly: one meaning for every byte, or an error.

A ZIP file says everything twice, and readers that believe different halves install different
files. So both halves must agree, entries must lie end to end, and names must be plain
(APPNOTE.TXT 6.3). What is refused here is also what could not be rewritten safely.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass

from otumat_sign import _zip_names
from otumat_sign.exceptions import WheelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

STORED, DEFLATED = 0, 8
UTF8 = 0x800
#: Plain encryption, strong encryption, masked headers.
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_DESCRIPTOR = 0x8
END = struct.Struct("<4s4H2LH")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
_EXTRA = struct.Struct("<2H")
_SIZES = struct.Struct("<3L")
#: The counts that mean "look into the ZIP64 record".
_ZIP64 = (0xFFFF, 0xFFFFFFFF)
#: Extra fields by which a reader may see other sizes (ZIP64) or another name (Info-ZIP).
_AMBIGUOUS_EXTRAS = frozenset({0x0001, 0x7075})
#: What a wheel may inflate to without question, and how many times its own size beyond that.
#: Deflate reaches 1032 times; real wheels stay under 20.
FREE_BYTES, MAXIMUM_RATIO = 256 * 2**20, 100


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
        self._view = memoryview(self.content)
        self.entries, self.directory = self._read_directory()
        self._check_layout()
        if why := _zip_names.objection((entry.name, entry.mode) for entry in self.entries):
            self.refuse(why)

    def span(self, index: int) -> tuple[int, int]:
        """Return where an entry begins and ends, its central record not counted."""
        return self.entries[index].start, self._end(index)

    def slice(self, start: int, end: int) -> memoryview:
        """Return the bytes of the file from *start* to before *end*, without a copy."""
        return self._view[start:end]

    def read(self, entry: Entry) -> bytes:
        """Return the content of *entry*, never more than it announces."""
        packed = self._view[entry.data : entry.data + entry.packed]
        if entry.method == STORED:
            content = bytes(packed)
        else:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                content = inflater.decompress(packed, entry.size + 1)
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

    def _end(self, index: int) -> int:
        after = index + 1
        return self.entries[after].start if after < len(self.entries) else self.directory

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
        self._check_extra(name, record[CENTRAL.size + name_length :][:extra])
        data = self._check_local(start, raw, (flags, method, crc, packed, size))
        return Entry(name, record, start, data, method, flags, crc, packed, size, attributes >> 16)

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
        if extra:
            self._check_extra(raw.decode(errors="replace"), self.content[data - extra : data])
        return data

    def _check_extra(self, name: str, extra: bytes) -> None:
        """Refuse extra fields that change what the header says, and malformed ones."""
        at = 0
        while at < len(extra):
            if at + _EXTRA.size > len(extra):
                self.refuse(f"{name} has a damaged extra field")
            kind, length = _EXTRA.unpack_from(extra, at)
            at += _EXTRA.size + length
            if kind in _AMBIGUOUS_EXTRAS or at > len(extra):
                self.refuse(f"{name} has an extra field by which readers would disagree")

    def _check_layout(self) -> None:
        position = inflated = 0
        for index, entry in enumerate(self.entries):
            end = self._end(index)
            rest = self.content[entry.data + entry.packed : end]
            sizes = _SIZES.pack(entry.crc, entry.packed, entry.size)
            expected = (sizes, b"PK\7\10" + sizes) if entry.flags & _DESCRIPTOR else (b"",)
            if entry.start != position or entry.data + entry.packed > end or rest not in expected:
                self.refuse(f"{entry.name} overlaps its neighbour or has bytes beside it")
            position = end
            inflated += entry.size
            if entry.name.endswith("/") and entry.size:
                self.refuse(f"{entry.name} is a folder with content")
        if position != self.directory:
            self.refuse("it has bytes that belong to no entry")
        if inflated > FREE_BYTES and inflated > MAXIMUM_RATIO * len(self.content):
            self.refuse(f"it would unpack to {inflated} bytes, over {MAXIMUM_RATIO} times its size")
