"""What was last reported of every path, and which evidence of a change counts.

Two kinds of evidence come here. Events of the operating system are believed as they are: a write
is never dismissed because size and time look equal. A look (`glimpse`) has only the signature to
go by. Knows neither inotify nor what the user asked for.
"""

# os.path, because pathlib folds what it should not and is slow to load.
# ruff: noqa: PTH116, PTH118

from __future__ import annotations

import os
import stat
import time

from otumat_watch._change import Change
from otumat_watch._pending import Pending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    #: Size in bytes, mtime in ns, inode, device; of what the path names, links followed.
    Signature = tuple[int, int, int, int]

__all__ = ["Ledger", "signature", "signature_of"]

#: A file's time comes from the kernel's tick, which may be this many ns behind `time_ns()`.
_TICK_NS = 20_000_000


class Ledger:
    """Turns evidence into changes, each reported once."""

    def __init__(self, *, settle: float, digest: Callable[[str], bytes | None] | None) -> None:
        """Start from nothing.

        Args:
            settle: Seconds of quiet after which an unfinished save is taken as it is.
            digest: What decides whether a file changed at all (`--hash`); None to believe
                the evidence.
        """
        self._pending = Pending(settle)
        self._digest = digest
        self._armed_ns = time.time_ns() - _TICK_NS
        self._seen: dict[str, Signature] = {}
        self._digests: dict[str, bytes | None] = {}
        self._listed: dict[str, set[str]] = {}
        self._touched: set[str] = set()
        self._glimpsed: dict[str, Signature | None] = {}
        self.deadline = self._pending.deadline
        self.pending_paths = self._pending.paths
        #: Whether a digest has the last word, so that every baseline needs the content.
        self.reads_content = digest is not None

    def __contains__(self, path: str) -> bool:
        """Tell whether a change of *path* waits to be reported."""
        return path in self._pending

    def record(self, path: str, now: Signature | None) -> None:
        """Take *now* as reported, without reporting anything."""
        if now is None:
            self._seen.pop(path, None)
            self._digests.pop(path, None)
            self._unlist(path)
        else:
            self._seen[path] = now
            if self._digest is not None:
                self._digests[path] = self._digest(path)

    def list_folder(self, folder: str, names: set[str]) -> None:
        """Take the files *names* of *folder* as there and old, without a look at each.

        The set is kept, not copied.
        """
        if self._digest is None:
            self._listed[folder] = names
            return
        for name in names:
            path = os.path.join(folder, name)
            self.record(path, signature(path))

    def wrote(self, path: str, now: float) -> None:
        """A writer wrote or truncated, and may go on."""
        self._told_of(path)
        self._pending.unsettled(path, now)

    def closed(self, path: str) -> None:
        """A writer closed the file; without a write since the last report that is nothing."""
        if path in self._touched or self.differs(path):
            self._told_of(path)
            self._pending.complete(path)

    def replaced(self, path: str) -> None:
        """The name now stands for another file, which was complete when it came."""
        self._told_of(path)
        self._pending.complete(path)

    def appeared(self, path: str, now: float) -> None:
        """The name was made. Links are complete; a file's writer is still to write and close."""
        self._told_of(path)
        try:
            found = os.lstat(path)
        except OSError:
            self._pending.unsettled(path, now)
            return
        if stat.S_ISLNK(found.st_mode) or found.st_nlink > 1:
            self._pending.complete(path)
        else:
            self._pending.unsettled(path, now)

    def vanished(self, path: str, now: float) -> None:
        """The name is gone, perhaps only until the editor has made it anew."""
        self._told_of(path)
        self._pending.unsettled(path, now)

    def vanished_below(self, folders: tuple[str, ...], now: float) -> None:
        """Everything below *folders* is gone; each ends with a separator."""
        for path in self.known(folders):
            self.vanished(path, now)

    def attributes_changed(self, path: str) -> None:
        """Count a new mtime (touch), not a new mode or owner."""
        if path not in self._pending and self.differs(path):
            self._pending.complete(path)

    def glimpse(self, path: str, found: Signature | None, now: float, *, deep: bool) -> bool:
        """Compare a look at *path* with what was reported; tell whether that was news.

        What a look finds may be half of a save: it is reported when a second look agrees. With
        *deep* the content is read too, if there is a digest; that closes a look's blind spot.
        """
        if path in self._pending:
            return False
        if not self._is_another(path, found) and not (deep and self._is_rewritten(path, found)):
            if found is not None:
                self._seen[path] = found
            return False
        self._glimpsed[path] = found
        self._pending.unsettled(path, now)
        return True

    def take(self, now: float) -> list[Change]:
        """Return the changes that are due, and remember the paths as they are now."""
        changes = []
        for path in self._pending.take(now):
            found = signature(path)
            if path in self._glimpsed and self._glimpsed.pop(path) != found:
                self._glimpsed[path] = found
                self._pending.unsettled(path, now)
                continue
            change = self._settle(path, found)
            if change is not None:
                changes.append(change)
        return changes

    def forget_below(self, folder: str) -> None:
        """Forget all below *folder*, which ends with a separator: it is another folder now."""
        for path in [path for path in self._seen if path.startswith(folder)]:
            self.record(path, None)
        for each in [each for each in self._listed if os.path.join(each, "").startswith(folder)]:
            del self._listed[each]

    def forget_lists(self, below: str) -> None:
        """Drop the names in *below*: each file that counts has been looked at since."""
        for folder in [each for each in self._listed if os.path.join(each, "").startswith(below)]:
            self._listed[folder].intersection_update(
                name for name in self._listed[folder] if os.path.join(folder, name) in self._pending
            )
            if not self._listed[folder]:
                del self._listed[folder]

    def known(self, folders: tuple[str, ...] = ("",)) -> list[str]:
        """Return the paths below *folders* that are there as far as was reported."""
        paths = {path for path in self._seen if path.startswith(folders)}
        for folder, names in self._listed.items():
            if os.path.join(folder, "").startswith(folders):
                paths.update(os.path.join(folder, name) for name in names)
        return list(paths)

    def differs(self, path: str) -> bool:
        """Tell whether *path* has another signature now than the one last reported."""
        return self._is_another(path, signature(path))

    def _is_another(self, path: str, found: Signature | None) -> bool:
        if path in self._seen:
            return found != self._seen[path]
        if not self.is_there(path):
            return found is not None
        return not found or found[1] >= self._armed_ns

    def _told_of(self, path: str) -> None:
        """Believe an event: a look at *path* before it has nothing more to say.

        Without this, looks that never agree would put off the changes of a busy file for as long
        as it is busy.
        """
        self._touched.add(path)
        self._glimpsed.pop(path, None)

    def _settle(self, path: str, found: Signature | None) -> Change | None:
        was_there = self.is_there(path)
        before = self._digests.get(path)
        self._touched.discard(path)
        self.record(path, found)
        if found is None:
            return Change(path, "deleted") if was_there else None
        if not was_there:
            return Change(path, "created")
        if before is not None and self._digests[path] == before:
            return None
        return Change(path, "modified")

    def _is_rewritten(self, path: str, found: Signature | None) -> bool:
        """Close the blind spot of a look (same size within one tick) where content decides."""
        if self._digest is None or found is None or path not in self._digests:
            return False
        return self._digest(path) != self._digests[path]

    def is_there(self, path: str) -> bool:
        """Tell whether *path* was there when it was last reported."""
        if path in self._seen:
            return True
        folder, name = os.path.split(path)
        return name in self._listed.get(folder, ())

    def _unlist(self, path: str) -> None:
        folder, name = os.path.split(path)
        if folder in self._listed:
            self._listed[folder].discard(name)


def signature(path: str) -> Signature | None:
    """Return the signature of what *path* names; None if there is nothing that can be seen."""
    try:
        return signature_of(os.stat(path))
    except OSError:
        return None


def signature_of(found: os.stat_result) -> Signature:
    """Return the four facts that decide where only looks can be had."""
    return (found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev)
