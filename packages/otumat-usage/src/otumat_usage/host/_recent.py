"""Remember what was answered a moment ago, for where an answer may be that old."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Recent"]

_T = TypeVar("_T")
_MOST = 1000


class Recent(Generic[_T]):
    """Answers by what was asked.

    Args:
        age: Milliseconds for which each may be given again.
    """

    def __init__(self, age: int) -> None:
        self._age = age
        self._known: OrderedDict[object, tuple[int, _T]] = OrderedDict()

    def get(self, asked: object, now: int) -> _T | None:
        """Return what was answered to *asked*, None when that is too long ago."""
        at, answer = self._known.get(asked, (None, None))
        return answer if at is not None and 0 <= now - at < self._age else None

    def put(self, asked: object, now: int, answer: _T) -> None:
        """Remember *answer*; of very many the oldest is forgotten."""
        self._known.pop(asked, None)
        self._known[asked] = (now, answer)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them."""
        self._known.clear()
