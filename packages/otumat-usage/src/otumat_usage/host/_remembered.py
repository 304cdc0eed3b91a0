"""Remember answers for as long as what they are made from stays the same.

What is counted has a revision, which changes in every transaction that changes the statistics;
an answer that was read together with it is right for ever as the answer of that revision.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage.host._database import Connection

__all__ = ["forget", "remembered"]

_F = TypeVar("_F", bound="Callable[..., Any]")

#: Answers of one store that are kept: a page about what breaks asks for some eighty.
_KEPT = 128

_known: WeakKeyDictionary[Any, OrderedDict[Any, Any]] = WeakKeyDictionary()
_lock = threading.Lock()


def remembered(method: _F) -> _F:
    """Have *method* of an object with a ``connection`` and a ``revision`` answer from memory.

    A revision of None means that there is more than is counted: then nothing is remembered.
    What the method returns must not be changed by anybody.
    """

    @functools.wraps(method)
    def answer(self: Any, *args: Any, **kwargs: Any) -> Any:
        revision = self.revision
        if revision is None:
            return method(self, *args, **kwargs)
        key = (method.__name__, revision, args, *sorted(kwargs.items()))
        kept = _of(self.connection)
        with _lock:
            if key in kept:
                kept.move_to_end(key)
                return kept[key]
        found = method(self, *args, **kwargs)
        with _lock:
            kept[key] = found
            while len(kept) > _KEPT:
                kept.popitem(last=False)
        return found

    return answer  # type: ignore[return-value]


def forget(connection: Connection) -> None:
    """Forget every answer of the store of *connection*."""
    with _lock:
        _known.pop(connection.engine, None)


def _of(connection: Connection) -> OrderedDict[Any, Any]:
    with _lock:
        return _known.setdefault(connection.engine, OrderedDict())
