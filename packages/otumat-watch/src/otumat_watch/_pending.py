"""The paths that changed and have not been reported yet, and when each may be."""

__all__ = ["Pending"]


class Pending:
    """Folds any number of changes of a path into one, and lets unfinished saves settle."""

    def __init__(self, settle: float) -> None:
        """Let a path whose writer may go on be quiet for *settle* seconds first."""
        self._settle = settle
        self._due: dict[str, float] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._due

    def complete(self, path: str) -> None:
        """Note a change that the system reports as finished: it is due at once."""
        self._due[path] = 0.0

    def unsettled(self, path: str, now: float) -> None:
        """Note a change whose end is not known: due when nothing more comes for a moment."""
        self._due[path] = now + self._settle

    def paths(self) -> set[str]:
        """Return every path that waits."""
        return set(self._due)

    def deadline(self) -> float | None:
        """Return the instant at which something becomes due, None if nothing waits."""
        return min(self._due.values(), default=None)

    def take(self, now: float) -> list[str]:
        """Return the paths that are due, in the order they changed, and forget them."""
        due = [path for path, instant in self._due.items() if instant <= now]
        for path in due:
            del self._due[path]
        return due
