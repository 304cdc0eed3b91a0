"""Own the bitmap library: exact sets of install numbers, small enough to keep one per day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyroaring import BitMap

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BitMap", "pack_set", "union", "unpack_set"]


def union(sets: Iterable[BitMap]) -> BitMap:
    """Return everything that is in any of *sets*."""
    found = list(sets)
    if len(found) == 1:
        return found[0].copy()
    return BitMap.union(*found) if found else BitMap()


def pack_set(numbers: BitMap) -> bytes:
    """Return the portable form of *numbers* (the RoaringBitmap format specification).

    One set has one form, so that what is built anew can be compared byte by byte: the form that
    comes from its sorted numbers. Left as they are, sets keep containers that tell how they came
    about, because the library changes one only for a smaller one.
    """
    plain = BitMap(numbers.to_array())
    plain.run_optimize()
    return bytes(plain.serialize())


def unpack_set(data: bytes) -> BitMap:
    """Undo `pack_set`."""
    return BitMap.deserialize(data)
