"""Where changes come from: the system's events, a slow look, or both; chosen once, said once."""

from __future__ import annotations

import sys
from functools import partial
from itertools import chain, islice

from otumat_watch._ledger import Ledger, signature, signature_of
from otumat_watch._targets import files_below, parse_target
from otumat_watch.exceptions import WatcherUnavailableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    from otumat_watch._change import Change
    from otumat_watch._targets import Target

    class Source(Protocol):
        """The operating system's part: what tells a ledger of changes."""

        name: str

        def fileno(self) -> int:
            """Return what becomes readable when there is news."""

        def read(self, now: float) -> None:
            """Tell the ledger all that happened, without waiting."""

        def follow_all(self, now: float) -> None:
            """Look up again where the targets are."""

        def close(self) -> None:
            """End."""


__all__ = ["Watcher"]

# Asked once, so that a type checker reads both branches on every system.
_IS_LINUX = sys.platform.startswith("linux")
#: The safety look costs at most this part of one core, however many files there are,
#: because after so many files it rests.
_SAFETY_SHARE = 0.01
_SAFETY_SLICE = 200


class Watcher:
    """All sources of changes of some targets."""

    def __init__(  # noqa: PLR0913 -- every knob has a default
        self,
        specs: Sequence[str],
        *,
        clock: Callable[[], float],
        interval: float = 5.0,
        settle: float = 0.05,
        poll: bool = False,
        safety_poll: bool = True,
        by_content: bool = False,
    ) -> None:
        """Arm; when this returns, no change goes unseen.

        Args:
            specs: Files, folders and globs.
            clock: Seconds that only go forward.
            interval: Seconds between two looks.
            settle: Seconds of quiet after which a file that is kept open is taken as it is.
            poll: Use looks only.
            safety_poll: Look now and then even where the system tells of changes.
            by_content: Report only what has another content.

        Raises:
            TargetError: A target is neither file nor folder nor glob.
        """
        self._clock = clock
        self._interval = interval
        self._targets = [parse_target(spec) for spec in specs]
        #: Why some targets are polled, for people; who says it takes it off.
        self.reasons: list[str] = []
        self._ledger = Ledger(settle=settle, digest=_digest if by_content else None)
        self._source: Source | None = None
        told, asked = self._divide(poll=poll)
        self._safety = told if safety_poll else []
        self._round: Iterator[bool] | None = None
        self._polled = asked
        for target in asked:
            self._learn(target)
        now = clock()
        self._next_safety = now + interval if self._safety else None
        self._next_poll = now + interval if asked else None

    @property
    def how(self) -> str:
        """What tells of changes, in words."""
        parts = []
        if self._source is not None:
            parts.append(self._source.name)
            if self._safety:
                parts.append(f"a safety look every {self._interval:g} s")
        if self._polled:
            parts.append(f"polling every {self._interval:g} s")
        return " and ".join(parts)

    def fileno(self) -> int | None:
        """Return what becomes readable when there is news, None if nothing does."""
        return None if self._source is None else self._source.fileno()

    def deadline(self) -> float | None:
        """Return the instant of the next look, None if only an event brings one."""
        instants = (self._ledger.deadline(), self._next_safety, self._next_poll)
        return min((instant for instant in instants if instant is not None), default=None)

    def read(self, now: float) -> None:
        """Take in all that happened, without waiting."""
        if self._source is not None:
            try:
                self._source.read(now)
            except WatcherUnavailableError as error:
                self._give_up_source(error, now)
        if self._next_poll is not None and now >= self._next_poll:
            for target in self._polled:
                for _ in self._looks(target, deep=True):
                    pass
            self._next_poll = self._clock() + self._interval
        if self._next_safety is not None and now >= self._next_safety:
            self._look_for_safety(now)

    def take(self, now: float) -> list[Change]:
        """Return the changes that may be reported, and forget them."""
        return [self._spelled(change) for change in self._ledger.take(now)]

    def unreported(self) -> set[str]:
        """Return the paths, as the user spells them, of which a change waits to settle."""
        return {self._spelling(path) for path in self._ledger.pending_paths()}

    def close(self) -> None:
        """Release what is held."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _divide(self, *, poll: bool) -> tuple[list[Target], list[Target]]:
        """Open the source for the targets it can tell of; return those and the others."""
        told: list[Target] = []
        asked: list[Target] = []
        if poll:
            return told, self._targets
        for target in self._targets:
            reason = _blindness(target)
            (asked if reason else told).append(target)
            if reason:
                self.reasons.append(f"{target.spec}: {reason}")
        if not told:
            return told, asked
        try:
            self._source = _open_source(told, self._ledger)
        except WatcherUnavailableError as error:
            self.reasons.append(_in_words(error))
            return [], self._targets
        return told, asked

    def _give_up_source(self, error: WatcherUnavailableError, now: float) -> None:
        """Poll from now on; a look at everything finds what the source could not tell."""
        self.close()
        self.reasons.append(_in_words(error))
        self._polled = self._targets
        self._safety = []
        self._next_safety = None
        self._next_poll = now

    def _learn(self, target: Target) -> None:
        if target.is_file:
            self._ledger.record(target.root, signature(target.root))
            return
        for path, _ in files_below(target):
            self._ledger.record(path, signature(path))

    def _looks(self, target: Target, *, deep: bool) -> Iterator[bool]:
        """Compare file by file what is there with what was reported; yield whether it is news."""
        glimpse, clock = partial(self._ledger.glimpse, deep=deep), self._clock
        if target.is_file:
            yield glimpse(target.root, signature(target.root), clock())
            return
        found = set()
        for path, entry in files_below(target):
            found.add(path)
            try:
                seen = signature_of(entry.stat())
            except OSError:
                seen = None
            yield glimpse(path, seen, clock())
        for path in self._ledger.known((target.below,)):
            if path not in found and target.covers(path[len(target.below) :]):
                yield glimpse(path, signature(path), clock())
        self._ledger.forget_lists(target.below)

    def _look_for_safety(self, now: float) -> None:
        """Look at some files, and a while later at the next: no change waits for a long look."""
        if self._round is None:
            self._round = chain.from_iterable(
                self._looks(target, deep=False) for target in self._safety
            )
        looked = list(islice(self._round, _SAFETY_SLICE))
        if any(looked) and self._source is not None:
            self._source.follow_all(now)
        after = self._clock()
        if len(looked) < _SAFETY_SLICE:
            self._round = None
            self._next_safety = after + self._interval
        else:
            self._next_safety = after + (after - now) / _SAFETY_SHARE

    def _spelled(self, change: Change) -> Change:
        return change._replace(path=self._spelling(change.path))

    def _spelling(self, path: str) -> str:
        for target in self._targets:
            spelled = target.spelled(path)
            if spelled is not None:
                return spelled
        return path


def _open_source(targets: list[Target], ledger: Ledger) -> Source:
    """Open this system's source.

    Raises:
        WatcherUnavailableError: There is none, or it cannot watch these targets.
    """
    if _IS_LINUX:
        from otumat_watch._native import InotifySource

        return InotifySource(targets, ledger)
    from otumat_watch._watchfiles import WatchfilesSource

    return WatchfilesSource(targets, ledger)


def _blindness(target: Target) -> str | None:
    """Return why the system cannot tell of all changes of *target*, None if it can."""
    if not _IS_LINUX:
        return None
    from otumat_watch._mounts import blind_mount, read_mounts

    mount = blind_mount(target.root, read_mounts(), below=not target.is_file)
    return mount and f"{mount[0]} is {mount[1]}, whose changes elsewhere this system cannot see"


def _in_words(error: WatcherUnavailableError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror}"


def _digest(path: str) -> bytes | None:
    """Return the digest of a file's content; None if it cannot be read."""
    import hashlib

    digest = hashlib.blake2b(digest_size=16)
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 -- a plain string
            while block := file.read(1024 * 1024):
                digest.update(block)
    except OSError:
        return None
    return digest.digest()
