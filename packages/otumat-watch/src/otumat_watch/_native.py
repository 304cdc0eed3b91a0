"""The source of changes on Linux: inotify on folders, never on a file's inode.

A folder's events name its entries, so a file that is replaced, deleted and made again, or not
there yet is seen all the same. For the way to it, every folder above is watched for the one name
that matters (`_route`).
"""

# os.path, because pathlib folds what it should not and is slow to load.
# ruff: noqa: PTH110, PTH114, PTH118

from __future__ import annotations

import errno
import os

from otumat_watch import _inotify
from otumat_watch._inotify import Inotify
from otumat_watch._ledger import signature
from otumat_watch._route import Step, route
from otumat_watch.exceptions import WatcherUnavailableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from otumat_watch._ledger import Ledger
    from otumat_watch._targets import Target

__all__ = ["InotifySource"]

_GOES = _inotify.MOVED_FROM | _inotify.DELETE
_COMES = _inotify.MOVED_TO | _inotify.CREATE
_ENTRIES = _GOES | _COMES
_CONTENT = _inotify.MODIFY | _inotify.ATTRIB | _inotify.CLOSE_WRITE
#: EXCL_UNLINK: who still writes to a file that was replaced changes nothing anybody can read.
_ALWAYS = _inotify.ONLYDIR | _inotify.EXCL_UNLINK | _inotify.MASK_ADD

#: How often the way is looked up again while somebody keeps changing it.
_MOST_TRIES = 20


class _Anchor:
    """The way to one target, as it is watched now."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.steps: list[Step] = []
        self.watches: set[int] = set()
        self.identity: tuple[int, int] | None = None

    @property
    def end(self) -> str:
        """The path without links that the way leads to."""
        return os.path.join(*self.steps[-1][:2])


class InotifySource:
    """Tells a ledger what inotify says about the targets."""

    name = "inotify"

    def __init__(self, targets: list[Target], ledger: Ledger) -> None:
        """Arm; when this returns, no change goes unseen.

        Raises:
            WatcherUnavailableError: A limit of inotify is reached or a folder cannot be read.
        """
        self._ledger = ledger
        self._inotify = Inotify()
        self._anchors = [_Anchor(target) for target in targets]
        #: watch -> name -> the anchors whose way goes through it, and whether it ends there
        self._names: dict[int, dict[str, list[tuple[_Anchor, bool]]]] = {}
        #: watch -> (target, folder relative to its root)
        self._folders: dict[int, list[tuple[Target, str]]] = {}
        try:
            for anchor in self._anchors:
                self._arm(anchor)
                ledger.record(anchor.target.root, signature(anchor.target.root))
                if not anchor.target.is_file:
                    self._plant(anchor, "")
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """Return what becomes readable when something happened."""
        return self._inotify.fileno()

    def close(self) -> None:
        """End all watches."""
        self._inotify.close()

    def read(self, now: float) -> None:
        """Tell the ledger all that happened, without waiting.

        Raises:
            WatcherUnavailableError: A new folder cannot be watched any more.
        """
        strayed: dict[_Anchor, None] = {}
        for wd, mask, name in self._inotify.read():
            if mask & _inotify.Q_OVERFLOW:
                self._start_over(now)
                continue
            if mask & _inotify.IGNORED:
                self._forget(wd, strayed)
                continue
            for anchor, is_last in self._names.get(wd, {}).get(name, ()):
                if self._way_event(anchor, mask, now, is_last=is_last):
                    strayed[anchor] = None
            for target, folder in self._folders.get(wd, ()):
                self._tree_event(target, os.path.join(folder, name), mask, now)
        for anchor in strayed:
            self._follow(anchor, now)

    def follow_all(self, now: float) -> None:
        """Look up every way again; for changes that no event tells of (a new mount)."""
        for anchor in self._anchors:
            self._follow(anchor, now)

    def _way_event(self, anchor: _Anchor, mask: int, now: float, *, is_last: bool) -> bool:
        """Take an event of a name on a way; tell whether the way may lead elsewhere now."""
        if is_last and anchor.target.is_file and not mask & _inotify.ISDIR:
            self._file_event(anchor.target.root, mask, now)
            return bool(mask & _COMES) and os.path.islink(anchor.end)
        return bool(mask & _ENTRIES)

    def _file_event(self, path: str, mask: int, now: float) -> None:
        ledger = self._ledger
        if mask & _inotify.CLOSE_WRITE:
            ledger.closed(path)
        elif mask & _inotify.MODIFY:
            ledger.wrote(path, now)
        elif mask & _inotify.MOVED_TO:
            ledger.replaced(path)
        elif mask & _inotify.CREATE:
            ledger.appeared(path, now)
        elif mask & _GOES:
            ledger.vanished(path, now)
        elif mask & _inotify.ATTRIB:
            ledger.attributes_changed(path)

    def _tree_event(self, target: Target, relative: str, mask: int, now: float) -> None:
        if not mask & _inotify.ISDIR:
            if target.covers(relative):
                self._file_event(target.path(relative), mask, now)
        elif mask & _COMES and target.enters(relative):
            self._plant_new(target, relative, mask, now)
        elif mask & _inotify.MOVED_FROM:
            self._uproot(target, relative)
            self._ledger.vanished_below((os.path.join(target.path(relative), ""),), now)

    def _arm(self, anchor: _Anchor) -> None:
        """Watch the way to the target, and look again until nothing moved meanwhile."""
        before = anchor.watches
        for wd in before:
            self._leave(wd, anchor)
        for _ in range(_MOST_TRIES):
            anchor.steps = route(anchor.target.root)
            anchor.watches = {wd for step in anchor.steps for wd in self._add_step(step, anchor)}
            before |= anchor.watches
            if route(anchor.target.root) == anchor.steps:
                break
        for wd in before - anchor.watches:
            self._leave(wd, anchor)
            if wd not in self._names and wd not in self._folders:
                self._inotify.remove(wd)

    def _add_step(self, step: Step, anchor: _Anchor) -> list[int]:
        is_last_file = step.is_last and anchor.target.is_file
        wanted = _GOES if step.is_fixed else _ENTRIES | (_CONTENT if is_last_file else 0)
        try:
            wd = self._add(step.folder, wanted)
        except FileNotFoundError:  # gone since it was looked up; the next look sees that
            return []
        except PermissionError:
            if is_last_file:
                raise WatcherUnavailableError(
                    errno.EACCES, "this folder cannot be read", step.folder
                ) from None
            return []  # a parent such as /root of another user; the slow look watches over it
        uses = self._names.setdefault(wd, {}).setdefault(step.name, [])
        uses[:] = [use for use in uses if use[0] is not anchor] + [(anchor, step.is_last)]
        return [wd]

    def _add(self, folder: str, mask: int) -> int:
        try:
            return self._inotify.add(folder, mask | _ALWAYS)
        except OSError as error:
            if error.errno in {errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}:
                raise FileNotFoundError(*error.args) from error
            if error.errno in {errno.ENOSPC, errno.ENOMEM}:
                raise WatcherUnavailableError(
                    error.errno,
                    "all inotify watches of this user are taken "
                    "(raise fs.inotify.max_user_watches with sysctl)",
                ) from error
            raise

    def _leave(self, wd: int, anchor: _Anchor) -> None:
        """Forget that the way of *anchor* goes through *wd*."""
        names = self._names.get(wd, {})
        for name, uses in list(names.items()):
            uses[:] = [use for use in uses if use[0] is not anchor]
            if not uses:
                del names[name]
        if not names:
            self._names.pop(wd, None)

    def _forget(self, wd: int, strayed: dict[_Anchor, None]) -> None:
        """Take note that the kernel dropped *wd*: its folder was removed or unmounted."""
        for uses in self._names.pop(wd, {}).values():
            strayed.update(dict.fromkeys(anchor for anchor, _ in uses))
        self._folders.pop(wd, None)

    def _follow(self, anchor: _Anchor, now: float) -> None:
        """Look up the way again, and tell the ledger if it now leads to something else."""
        self._arm(anchor)
        path = anchor.target.root
        if not anchor.target.is_file:
            if _identity(path) != anchor.identity:
                self._uproot(anchor.target, "")
                self._ledger.forget_below(anchor.target.below)
                self._plant(anchor, "")
                self._ledger.replaced(path)  # one change for all that came and went with it
            return
        if not self._ledger.differs(path):
            return
        if not os.path.exists(path):
            self._ledger.vanished(path, now)
        elif self._ledger.is_there(path):
            self._ledger.replaced(path)
        elif path not in self._ledger:
            self._ledger.wrote(path, now)

    def _plant(self, anchor: _Anchor, relative: str) -> None:
        """Watch every folder below a target's root, as it is found at the start."""
        target = anchor.target
        anchor.identity = _identity(target.root)
        for folder, names in self._walk(target, relative):
            # Without --hash the names are enough, and asking of each whether it counts can wait.
            if self._ledger.reads_content:
                names.difference_update(
                    [name for name in names if not target.covers(os.path.join(folder, name))]
                )
            self._ledger.list_folder(target.path(folder), names)

    def _plant_new(self, target: Target, relative: str, mask: int, now: float) -> None:
        """Watch a folder that came; what is in it already came with it or is being written."""
        for folder, names in self._walk(target, relative):
            for name in names:
                below = os.path.join(folder, name)
                if not target.covers(below):
                    continue
                path = target.path(below)
                if mask & _inotify.MOVED_TO:
                    self._ledger.replaced(path)
                elif path not in self._ledger:
                    self._ledger.appeared(path, now)

    def _walk(self, target: Target, relative: str) -> Iterator[tuple[str, set[str]]]:
        """Watch each folder from *relative* downwards, then yield it with its files' names."""
        todo = [relative]
        while todo:
            folder = todo.pop()
            path = target.path(folder)
            try:
                wd = self._add(path, _ENTRIES | _CONTENT)
                with os.scandir(path) as listing:
                    entries = list(listing)
            except (FileNotFoundError, PermissionError):
                continue
            places = self._folders.setdefault(wd, [])
            if (target, folder) not in places:
                places.append((target, folder))
            inner = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            names = {entry.name for entry in entries}
            names.difference_update(inner)
            below = (os.path.join(folder, name) for name in inner)
            todo += [each for each in below if target.enters(each)]
            yield folder, names

    def _uproot(self, target: Target, relative: str) -> None:
        """Stop watching the folder *relative* and all below it."""
        prefix = os.path.join(relative, "") if relative else ""
        for wd, places in list(self._folders.items()):
            places[:] = [
                (owner, folder)
                for owner, folder in places
                if owner is not target or not os.path.join(folder, "").startswith(prefix)
            ]
            if not places:
                del self._folders[wd]
                if wd not in self._names:
                    self._inotify.remove(wd)

    def _start_over(self, now: float) -> None:
        """Events were lost (the kernel's queue was full): believe that everything changed."""
        for anchor in self._anchors:
            anchor.identity = None
            self._follow(anchor, now)
            if anchor.target.is_file:
                self._ledger.wrote(anchor.target.root, now)


def _identity(path: str) -> tuple[int, int] | None:
    found = signature(path)
    return None if found is None else found[2:]
