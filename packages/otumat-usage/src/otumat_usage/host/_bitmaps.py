"""Own the bitmap library: exact sets of install numbers, small enough to keep one per day."""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING

from pyroaring import BitMap

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BitMap", "pack_few", "pack_set", "union", "unpack_few", "unpack_set"]


def union(sets: Iterable[BitMap]) -> BitMap:
    """Return everything that is in any of *sets*."""
    found = list(sets)
    if len(found) == 1:
        return found[0].copy()
    return BitMap.union(*found) if found else BitMap()


def pack_set(numbers: BitMap) -> bytes:
    """Return the portable form of *numbers* (the RoaringBitmap format specification).

    One set has one form, so that what is built anew can be compared byte by byte: the form that
    comes from its sorted numbers. Sets keep runs where these tell how they came about, because the
    library changes a container only for a smaller one; of the other two kinds of containers one
    is used up to 4096 numbers and the other above, always.
    """
    runs = numbers.get_statistics()["n_run_containers"]
    plain = BitMap(numbers.to_array()) if runs else numbers.copy()
    plain.run_optimize()
    return bytes(plain.serialize())


def unpack_set(data: bytes | memoryview) -> BitMap:
    """Undo `pack_set`."""
    return BitMap.deserialize(bytes(data))  # the oldest library takes nothing else


def pack_few(numbers: BitMap) -> bytes:
    """Return *numbers* in four bytes each, least first: of a few, smaller and sooner read."""
    return _little(numbers.to_array()).tobytes()


def unpack_few(data: bytes) -> BitMap:
    """Undo `pack_few`, also of several sets one after another: of all that is in any of them."""
    return BitMap(_little(array("I", data)))


def _little(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":  # pragma: no cover - as the other form has it on every machine
        numbers.byteswap()
    return numbers
