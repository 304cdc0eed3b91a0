"""Share one look among all who ask at the same moment, so that a crowd costs no more than one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Shared"]


class Shared:
    """Something that is found to be true, or raises, at most once at a time.

    Args:
        life: Milliseconds for which it stays true; a failure is looked for again at once.
    """

    def __init__(self, life: int) -> None:
        self._life = life
        self._found = -life
        self._looking: asyncio.Task[None] | None = None

    async def true(self, look: Callable[[], Coroutine[None, None, None]], now: int) -> None:
        """Return once *look* has, for whomever, within its life; raise what it raises."""
        if self._looking is None:
            if 0 <= now - self._found < self._life:
                return
            self._looking = asyncio.ensure_future(self._look(look, now))
            self._looking.add_done_callback(_seen)
        # Whoever goes away does not take the answer from the others.
        await asyncio.shield(self._looking)

    async def _look(self, look: Callable[[], Coroutine[None, None, None]], now: int) -> None:
        try:
            await look()
            self._found = now
        finally:
            self._looking = None


def _seen(task: asyncio.Task[None]) -> None:
    """Take note of a failure: those who asked may all have gone."""
    if not task.cancelled():
        task.exception()
