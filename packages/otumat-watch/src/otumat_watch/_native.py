"""The watcher for Linux: inotify on folders, so that a replaced file is still seen."""

import os

from otumat_watch import _inotify
from otumat_watch._change import Change
from otumat_watch._inotify import Inotify
from otumat_watch._pending import Pending

__all__ = ["NativeWatcher"]

_FOLDER = (
    _inotify.MODIFY
    | _inotify.ATTRIB
    | _inotify.CLOSE_WRITE
    | _inotify.MOVED_FROM
    | _inotify.MOVED_TO
    | _inotify.CREATE
    | _inotify.DELETE
    | _inotify.ONLYDIR
    | _inotify.EXCL_UNLINK
)
_COMPLETE = _inotify.CLOSE_WRITE | _inotify.MOVED_TO


class NativeWatcher:
    """Reports changes of files by events of their folders."""

    name = "inotify"

    def __init__(self, paths: list[str], *, settle: float) -> None:
        self._inotify = Inotify()
        self._pending = Pending(settle)
        self._names: dict[tuple[int, str], str] = {}
        self._there: dict[str, bool] = {}
        for path in paths:
            folder, name = os.path.split(os.path.abspath(path))
            self._names[self._inotify.add(folder, _FOLDER), name] = path
            self._there[path] = os.path.exists(path)

    def fileno(self) -> int:
        return self._inotify.fileno()

    def deadline(self) -> float | None:
        return self._pending.deadline()

    def read(self, now: float) -> None:
        for wd, mask, name in self._inotify.read():
            path = self._names.get((wd, name))
            if path is None:
                continue
            if mask & _COMPLETE:
                self._pending.complete(path)
            else:
                self._pending.unsettled(path, now)

    def take(self, now: float) -> list[Change]:
        return [self._change(path) for path in self._pending.take(now)]

    def _change(self, path: str) -> Change:
        before, self._there[path] = self._there[path], os.path.exists(path)
        if not self._there[path]:
            return Change(path, "deleted")
        return Change(path, "modified" if before else "created")

    def close(self) -> None:
        self._inotify.close()
