"""Keep what goes wrong with one package from all others."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from otumat_usage.host._errors import StoreUnavailable
from otumat_usage.host._sql import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["isolated"]


@contextlib.contextmanager
def isolated(failed: list[Exception] | None) -> Iterator[None]:
    """Go on after what goes wrong inside, unless it is the store: nobody else fares better then.

    Args:
        failed: Takes the first failure, for whoever raises it at the end; a later one would only
            keep alive what it came from. Without it each is raised at once.
    """
    try:
        yield
    except Exception as error:
        if failed is None or isinstance(error, (StoreUnavailable, DBAPIError)):
            raise
        if not failed:
            failed.append(error)
