"""Pack what one upload brought into few bytes, and unpack it.

Its events have four forms, told apart by their first byte: planes (0 to 4), msgpack (an array's),
zlib of either.

Planes: the width *w* of a step, the first step in four bytes, the lowest byte of each other
step, then the next lowest of each, *w* times, then a byte for each type. Steps are
milliseconds, the first from when the upload came. All that most uploads have fits into it, and
the bytes that are alike stand together. What does not fit is an array of arrays: steps, types,
counts, properties, without those at the end that say nothing.
"""

from __future__ import annotations

import itertools
import json
import struct
import zlib
from typing import Any

from otumat_usage.host._wire import LIMITS, Columns, columns_from, to_msgpack

__all__ = ["columns_of", "pack", "pack_refused", "refused_of", "unpack"]

#: Bytes of a packed upload from which on zlib makes it shorter.
_WORTH_COMPRESSING = 120
#: First byte of what zlib made.
_ZLIB = 0x78
#: Bytes that zlib makes of one at most, and that an upload has unpacked at most: a float of three
#: characters of JSON takes nine here, but its name and its quotes stand beside it.
_INFLATED, _PLAIN = 1_032, 2 * LIMITS["decoded_bytes"]
#: Most bytes of a step.
_WIDEST = 4
#: Bytes before the planes, and of one number while it is taken apart.
_HEAD, _WHOLE = 5, 4
_MOST, _MOST_KINDS = 2**31, 256


def pack(
    start: int, times: list[int], kinds: list[int], counts: list[int], properties: list[Any]
) -> bytes:
    """Return the form of an upload: times as steps from *start*, types, counts, properties."""
    steps = [b - a for a, b in zip([start, *times], times, strict=False)]
    columns: list[Any] = [steps, kinds]
    if properties.count(None) != len(properties):
        columns += [counts, properties]
    elif counts.count(1) != len(counts):
        columns.append(counts)
    elif _fits(steps, kinds):
        return _shortened(_planes(steps, kinds))
    return _shortened(to_msgpack(columns))


def columns_of(body: bytes) -> Columns:
    """Return the columns of a packed upload, the last two where there are any.

    Raises:
        ValueError: this is none, or holds more than any upload may.
    """
    try:
        plain = _inflated(body) if body[0] == _ZLIB else body
        if plain[0] <= _WIDEST:
            return _joined(plain)
    except (IndexError, struct.error, zlib.error) as error:
        raise ValueError(f"no packed upload: {error}") from error
    return columns_from(plain)


def unpack(start: int, body: bytes) -> tuple[list[int], list[int], list[int], list[Any]]:
    """Return times, type numbers, counts and properties of a packed upload."""
    found = columns_of(body)
    times = list(itertools.accumulate(found.steps, initial=start))[1:]
    n = len(times)
    return times, found.kinds, found.counts or [1] * n, found.properties or [None] * n


def pack_refused(rejected: list[dict[str, Any]], dropped: dict[str, int]) -> str:
    """Return the form of what was not taken of an upload, and of what its client had dropped."""
    found = {"rejected": rejected, "dropped": dropped}
    told = {name: what for name, what in found.items() if what}
    return json.dumps(told) if told else ""


def refused_of(text: str) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Undo `pack_refused`."""
    told = json.loads(text) if text else {}
    return told.get("rejected", []), told.get("dropped", {})


def _shortened(plain: bytes) -> bytes:
    """Return *plain*, or what zlib makes of it; of a few rows that would be longer."""
    if len(plain) < _WORTH_COMPRESSING:
        return plain
    return min(zlib.compress(plain, 6), plain, key=len)


def _fits(steps: list[int], kinds: list[int]) -> bool:
    if not steps or max(kinds) >= _MOST_KINDS or abs(steps[0]) >= _MOST:
        return False
    return min(steps[1:], default=0) >= 0 and max(steps[1:], default=0) < _MOST


def _planes(steps: list[int], kinds: list[int]) -> bytes:
    width = (max(steps[1:], default=0).bit_length() + 7) // 8
    whole = struct.pack(f"<{len(steps)}i", *steps)
    planes = (whole[_WHOLE + place :: _WHOLE] for place in range(width))
    return b"".join([bytes([width]), whole[:_WHOLE], *planes, bytes(kinds)])


def _inflated(body: bytes) -> bytes:
    """Undo zlib; a body from outside may be a bomb, and is never held whole."""
    if len(body) * _INFLATED <= _PLAIN:
        return zlib.decompress(body)
    inflater = zlib.decompressobj()
    plain = inflater.decompress(body, _PLAIN)
    if not inflater.eof:
        raise ValueError(f"no packed upload: it has no end, or more than {_PLAIN} bytes")
    return plain


def _joined(plain: bytes) -> Columns:
    width = plain[0]
    # Of n events n - 1 have a step of `width` bytes, and each one byte for its type.
    number = (len(plain) - _HEAD + width) // (width + 1)
    if not 1 <= number <= LIMITS["rows"]:
        raise ValueError(f"no packed upload: it has {number} events")
    whole = bytearray(_WHOLE * number)
    whole[:_WHOLE] = plain[1:_HEAD]
    at = _HEAD
    for place in range(width):
        whole[_WHOLE + place :: _WHOLE] = plain[at : at + number - 1]
        at += number - 1
    return Columns(list(struct.unpack(f"<{number}i", whole)), list(plain[at:]))
