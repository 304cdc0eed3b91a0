"""The value that says what happened to a watched path."""

from typing import Literal, NamedTuple

__all__ = ["Change", "Event"]

Event = Literal["created", "modified", "deleted", "initial"]


class Change(NamedTuple):
    """One watched path that is no longer as it was last reported.

    Attributes:
        path: The path, spelled as it was given (below a folder: the folder's spelling first).
        event: `created`, `modified` or `deleted`, as the path stands now;
            `initial` only for the run that `--initial` asks for.
    """

    path: str
    event: Event
