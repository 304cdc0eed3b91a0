"""Write a wheel anew with other metadata files; every other entry keeps its bytes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zlib
from stat import S_IFREG

from otumat_sign import _files
from otumat_sign._zip import CENTRAL, DEFLATED, END, LOCAL, UTF8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from otumat_sign._wheel import Wheel

_UNIX_VERSION_2_0 = (3 << 8) | 20
#: Where a central record holds the position of its entry.
_POSITION = slice(42, 46)


def write(wheel: Wheel, files: Mapping[str, bytes], dropped: Container[str]) -> None:
    """Replace the file of *wheel*: *files* (by full name) set, *dropped* ones left out.

    RECORD stays right and last. The result depends on nothing but the wheel and the arguments:
    new entries have the date of the old RECORD.

    Raises:
        WheelError: its RECORD does not say what is in it, or it would grow beyond ZIP32.
        OSError: it cannot be replaced.
    """
    kept: list[tuple[int, int]] = []
    records: list[bytes] = []
    position = 0
    for index, entry in enumerate(wheel.entries):
        if entry is wheel.record or entry.name in files or entry.name in dropped:
            continue
        start, stop = wheel.span(index)
        records.append(entry.record if start == position else _moved(entry.record, position))
        position += stop - start
        if kept and kept[-1][1] == start:
            start = kept.pop()[0]
        kept.append((start, stop))
    parts: list[bytes | memoryview] = [wheel.slice(*span) for span in kept]
    rows = _record_rows(wheel, files, dropped)
    for name, data in [*files.items(), (wheel.record.name, rows)]:
        span, central = _entry(name, data, wheel.record.record[12:16], position)
        parts.append(span)
        records.append(central)
        position += len(span)
    size, count = sum(map(len, records)), len(records)
    if count >= 0xFFFF or position + size >= 0xFFFFFFFF:  # noqa: PLR2004 -- ZIP64 begins here
        wheel.refuse("with the signature it would need ZIP64, which is not supported")
    end = END.pack(b"PK\5\6", 0, 0, count, count, size, position, 0)
    _files.replace(wheel.path, [*parts, *records, end])


def _moved(record: bytes, position: int) -> bytes:
    """Return a central record for an entry that now lies at *position*."""
    start = position.to_bytes(4, "little")
    return record[: _POSITION.start] + start + record[_POSITION.stop :]


def _entry(name: str, data: bytes, date: bytes, start: int) -> tuple[bytes, bytes]:
    """Return the local part and the central record of a new deflated file."""
    # The fastest level: these files are mostly hashes, which no level packs well.
    deflater = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = deflater.compress(data) + deflater.flush()
    raw = name.encode()
    flags = 0 if raw.isascii() else UTF8
    time, day = int.from_bytes(date[:2], "little"), int.from_bytes(date[2:], "little")
    common = (20, flags, DEFLATED, time, day, zlib.crc32(data), len(packed), len(data), len(raw))
    local = LOCAL.pack(b"PK\3\4", *common, 0)
    mode = (S_IFREG | 0o644) << 16
    central = CENTRAL.pack(b"PK\1\2", _UNIX_VERSION_2_0, *common, 0, 0, 0, 0, mode, start)
    return local + raw + packed, central + raw


def _record_rows(wheel: Wheel, files: Mapping[str, bytes], dropped: Container[str]) -> bytes:
    """Return RECORD with the rows of *files* set and its own row last; other rows stay as text."""
    try:
        old = wheel.read(wheel.record).decode()
    except UnicodeDecodeError:
        wheel.refuse("its RECORD is not UTF-8")
    ending = "\r\n" if "\r\n" in old else "\n"
    lines = [line for line in old.splitlines() if line]
    rows = {row[0]: (line, row[1:]) for line, row in zip(lines, csv.reader(lines))}  # noqa: B905 -- counted below
    if len(rows) != len(lines):
        wheel.refuse("its RECORD is malformed")
    _check_record(wheel, {name: row for name, (_, row) in rows.items()})
    kept = [
        line + ending
        for name, (line, _) in rows.items()
        if name != wheel.record.name and name not in files and name not in dropped
    ]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=ending)
    for name, data in files.items():
        writer.writerow((name, f"sha256={_base64(hashlib.sha256(data).digest())}", len(data)))
    writer.writerow((wheel.record.name, "", ""))
    return "".join([*kept, buffer.getvalue()]).encode()


def _check_record(wheel: Wheel, rows: Mapping[str, list[str]]) -> None:
    """Refuse a wheel whose RECORD does not say what is in it: it was changed after its build."""
    present = {entry.name for entry in wheel.entries if not entry.name.endswith("/")}
    # PEP 427: signatures of RECORD itself are the only files it need not list.
    present -= {f"{wheel.record.name}{suffix}" for suffix in (".jws", ".p7s")}
    if unlisted := sorted(present - rows.keys() - {wheel.record.name}):
        wheel.refuse(f"its RECORD does not list {unlisted[0]}")
    if absent := sorted(rows.keys() - present):
        wheel.refuse(f"its RECORD lists {absent[0]}, which is not in it")
    for name, digest in wheel.hashed().items():
        value = rows[name][0] if rows[name] else ""
        if value.startswith("sha256=") and value[7:] != _base64(bytes.fromhex(digest)):
            wheel.refuse(f"its RECORD has another hash of {name}")


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
