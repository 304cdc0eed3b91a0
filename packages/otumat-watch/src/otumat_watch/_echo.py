"""Notices a script that changes what it watches, and slows the loop that would follow.

Nothing is ever dropped for it: a change that came during a run may be somebody else's, so it is
answered, only later and later while every run is started by nothing but the run before.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Echo"]

#: So many runs in a row started by the run before are taken for a loop.
_ROW = 5
_FIRST_DELAY = 0.2


class Echo:
    """Counts the runs in a row that were started by the run before."""

    def __init__(self, longest: float) -> None:
        """Delay a run by at most *longest* seconds."""
        self._longest = longest
        self._suspects: set[str] = set()
        self._row = 0

    def run_ended(self, changed: Iterable[str]) -> float:
        """Note what changed during the run; return how many seconds to wait before the next."""
        self._suspects = set(changed)
        if self._row < _ROW or not self._suspects:
            return 0.0
        return float(min(self._longest, _FIRST_DELAY * 2 ** (self._row - _ROW)))

    def is_own(self, changed: Iterable[str]) -> bool:
        """Tell whether all of *changed* may be the doing of the last run."""
        return self._suspects.issuperset(changed)

    def run_started(self, changed: Iterable[str]) -> bool:
        """Note why a run starts; tell whether this is the moment to speak of a loop.

        That is when one delay has passed without a change by anybody else: a program that saves
        often would have saved once more.
        """
        self._row = self._row + 1 if self.is_own(changed) else 0
        self._suspects = set()
        return self._row == _ROW + 1
