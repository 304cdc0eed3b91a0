"""Put signatures and trusted keys into a finished wheel, leaving every other entry as it is."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import zlib
from stat import S_IFREG

from otumat_sign import _files
from otumat_sign._signature import decode, sign_with
from otumat_sign._wheel import Wheel
from otumat_sign._zip import CENTRAL, DEFLATED, END, LOCAL, UTF8
from otumat_sign.exceptions import InvalidSignature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_sign._keys import PrivateKey

_UNIX_VERSION_2_0 = (3 << 8) | 20


def sign_wheel(
    path: str | os.PathLike[str],
    *,
    key: PrivateKey | None = None,
    public: bytes | None = None,
) -> list[str]:
    """Add ``{module}.sig`` (with *key*) and ``{module}.pub`` (with *public*) to a wheel.

    Every module of the wheel gets its own. A signature by *key* that is still right is kept, so
    signing twice leaves the file as it is.

    Returns:
        The metadata files that were written; none if the wheel had them already.

    Raises:
        WheelError: the file is no wheel, has no modules, or cannot be read without ambiguity.
        HashError: its content cannot be hashed.
        OSError: it cannot be replaced.
    """
    wheel = Wheel(path)
    if not wheel.modules:
        wheel.refuse("it installs no module that could be signed")
    wanted: dict[str, bytes] = {}
    for module in wheel.modules:
        if key:
            wanted[f"{module}.sig"] = _signature(wheel, module, key)
        if public is not None:
            wanted[f"{module}.pub"] = public
    changed = {name: data for name, data in wanted.items() if wheel.metadata(name) != data}
    if changed:
        files = {f"{wheel.dist_info}/{name}": data for name, data in changed.items()}
        _files.replace(wheel.path, _rewritten(wheel, files))
    return list(changed)


def _signature(wheel: Wheel, module: str, key: PrivateKey) -> bytes:
    """Return the signature that the wheel has if *key* made it over this content, or a new one."""
    data = wheel.digest(module)
    present = wheel.metadata(f"{module}.sig")
    if present is not None:
        from otumat_sign._keys import PublicKey

        try:
            text = present.decode("ascii", errors="replace")
            PublicKey(key.public_pem(), name=key.name).verify(decode(text), data.encode())
        except InvalidSignature:
            pass
        else:
            return present
    return sign_with(key, data).encode()


def _rewritten(wheel: Wheel, files: dict[str, bytes]) -> list[bytes]:
    """Return the bytes of *wheel* with *files* added or replaced, RECORD right and last."""
    record = wheel.record
    parts: list[bytes] = []
    records: list[bytes] = []
    position = 0
    for at, entry in enumerate(wheel.entries):
        if entry is record or entry.name in files:
            continue
        span = wheel.span(at)
        parts.append(span)
        records.append(entry.record[:42] + position.to_bytes(4, "little") + entry.record[46:])
        position += len(span)
    lines = _record_lines(wheel, files)
    # The old RECORD's own date: the result depends on nothing but the wheel and the signature.
    date = record.record[12:16]
    for name, data in [*files.items(), (record.name, lines)]:
        span, central = _entry(name, data, date, position)
        parts.append(span)
        records.append(central)
        position += len(span)
    size = sum(map(len, records))
    count = len(records)
    if count >= 0xFFFF or position + size >= 0xFFFFFFFF:  # noqa: PLR2004 -- ZIP64 begins here
        wheel.refuse("with the signature it would need ZIP64, which is not supported")
    end = END.pack(b"PK\5\6", 0, 0, count, count, size, position, 0)
    return [*parts, *records, end]


def _entry(name: str, data: bytes, date: bytes, start: int) -> tuple[bytes, bytes]:
    """Return the local part and the central record of a new deflated file."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = deflater.compress(data) + deflater.flush()
    raw = name.encode()
    flags = 0 if raw.isascii() else UTF8
    time, day = int.from_bytes(date[:2], "little"), int.from_bytes(date[2:], "little")
    common = (20, flags, DEFLATED, time, day, zlib.crc32(data), len(packed), len(data), len(raw))
    local = LOCAL.pack(b"PK\3\4", *common, 0)
    mode = (S_IFREG | 0o644) << 16
    central = CENTRAL.pack(b"PK\1\2", _UNIX_VERSION_2_0, *common, 0, 0, 0, 0, mode, start)
    return local + raw + packed, central + raw


def _record_lines(wheel: Wheel, files: dict[str, bytes]) -> bytes:
    """Return RECORD with the rows of *files* set and its own row last; other rows stay as text."""
    try:
        old = wheel.read(wheel.record).decode()
    except UnicodeDecodeError:
        wheel.refuse("its RECORD is not UTF-8")
    ending = "\r\n" if "\r\n" in old else "\n"
    keep: list[str] = []
    listed: set[str] = set()
    for line in old.splitlines():
        if not line:
            continue
        name = next(csv.reader([line]))[0]
        listed.add(name)
        if name != wheel.record.name and name not in files:
            keep.append(line)
    _check_record(wheel, listed)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=ending)
    for name, data in files.items():
        value = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        writer.writerow((name, f"sha256={value}", len(data)))
    writer.writerow((wheel.record.name, "", ""))
    return "".join([*(line + ending for line in keep), buffer.getvalue()]).encode()


def _check_record(wheel: Wheel, listed: set[str]) -> None:
    """Refuse a wheel whose RECORD does not list its files: it was changed after it was built."""
    present = {entry.name for entry in wheel.entries if not entry.name.endswith("/")}
    # PEP 427: signatures of RECORD itself are the only files it need not list.
    present -= {f"{wheel.record.name}{suffix}" for suffix in (".jws", ".p7s")}
    if unlisted := sorted(present - listed - {wheel.record.name}):
        wheel.refuse(f"its RECORD does not list {unlisted[0]}")
    if absent := sorted(listed - present):
        wheel.refuse(f"its RECORD lists {absent[0]}, which is not in it")
