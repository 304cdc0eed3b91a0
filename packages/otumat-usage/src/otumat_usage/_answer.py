r"""The answer a user gave about one package: a short text file, read on the hot path.

::

    otumat-usage answer 1
    yes https://usage.example.org 1.9f3c2a10 1763830862 terminal
    unanswered 1

One line per origin that was agreed to; a line ``no TIME HOW [ORIGIN]...`` outweighs them all, and
names the origins that keep what was sent before it. What cannot be read, or was written by a newer
version, is a "no" (`Answer.reason` says so). Changes go through
`record`, under a lock. It must not know of terminals or hosts.
"""

# pathlib is not loaded on the hot path.
# ruff: noqa: PTH116

import os
import time

from otumat_usage import _home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_ASKED = "not asked yet"

_HEAD = "otumat-usage answer 1"
_LIMIT = 1 << 14
#: How long (seconds) an answer is believed without looking at the disk again.
_TRUST = 1.0


class Answer:
    """What the file said when it was read.

    Attributes:
        refused: why nothing may be recorded, in words, or "".
        agreed: origin -> (text id, seconds since the epoch, how it was asked).
        unanswered: how often the question was put and got no answer.
        left: the origins that keep what was sent before a no.
        stamp: identity of the file's content, to see that it changed.
    """

    __slots__ = ("agreed", "left", "refused", "stamp", "unanswered")

    def __init__(self) -> None:
        self.refused = ""
        self.agreed: dict[str, tuple[str, int, str]] = {}
        self.left: list[str] = []
        self.unanswered = 0
        self.stamp: tuple[int, int, int] | None = None

    @property
    def asked(self) -> bool:
        """Whether the user ever answered, to any origin."""
        return bool(self.refused or self.agreed)

    def reason(self, origin: str, text: str) -> str | None:
        """Say why nothing may be recorded for *origin* under the text *text*, else None."""
        if self.refused:
            return self.refused
        grant = self.agreed.get(origin)
        if grant is None:
            return NOT_ASKED if not self.agreed else f"not asked for {origin} yet"
        return (
            None if grant[0] == text else "what would be recorded has changed: not asked again yet"
        )


def path_of(home: str, package: str) -> str:
    """Return the file that holds the answer about *package*."""
    return f"{_home.package_folder(home, package)}/answer"


def everyone(home: str) -> str:
    """Return the file whose existence refuses every package, known or not."""
    return f"{home}/refused"


def read(home: str, package: str) -> Answer:
    """Read the answer about *package*; never raises, and doubts are a refusal."""
    answer = _own(path_of(home, package))
    if os.path.lexists(everyone(home)):
        answer.refused = "the user said no to all packages"
        answer.agreed = {}
    return answer


def _own(path: str) -> Answer:
    answer = Answer()
    try:
        about = os.stat(path)
        text = _home.read(path, _LIMIT).decode()
    except (FileNotFoundError, NotADirectoryError):
        return answer
    except (OSError, ValueError):
        answer.refused = "the recorded answer cannot be read"
        return answer
    answer.stamp = (about.st_mtime_ns, about.st_ino, about.st_size)
    try:
        _parse(answer, text)
    except (ValueError, IndexError):
        answer.refused = "the recorded answer cannot be understood"
    return answer


def _parse(answer: Answer, text: str) -> None:
    head, *lines = text.splitlines()
    if head != _HEAD:
        raise ValueError(head)
    for line in lines:
        word, *rest = line.split(" ")
        if word == "yes":
            answer.agreed[rest[0]] = (rest[1], int(rest[2]), rest[3])
        elif word == "no":
            answer.refused = f"the user said no ({rest[1]}, {_day(int(rest[0]))})"
            answer.left = rest[2:]
        elif word == "unanswered":
            answer.unanswered = int(rest[0])
        else:
            raise ValueError(word)


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


class Watched:
    """The answer about one package as this process last read it.

    It is read again after a second, and whenever the spool is found removed: who says no removes
    the spools, so a withdrawn yes is seen before the next event.
    """

    __slots__ = ("_answer", "_until", "home", "package", "path")

    def __init__(self, home: str, package: str) -> None:
        self.home = home
        self.package = package
        self.path = path_of(home, package)
        self._answer = read(home, package)
        self._until = time.monotonic() + _TRUST

    def now(self) -> Answer:
        """Return the answer; a second later it is compared with the file, by one stat(2)."""
        if time.monotonic() < self._until:
            return self._answer
        try:
            about = os.stat(self.path)
            if (about.st_mtime_ns, about.st_ino, about.st_size) == self._answer.stamp:
                self._until = time.monotonic() + _TRUST
                return self._answer
        except OSError:
            pass
        return self.again()

    def again(self) -> Answer:
        """Read the file again."""
        self._answer = read(self.home, self.package)
        self._until = time.monotonic() + _TRUST
        return self._answer


def say_no(home: str, package: str, how: str, left: "Iterable[str]" = ()) -> None:
    """Record a refusal of *package* and forget every earlier yes.

    *left*: the origins that keep what was sent; those of an earlier no are kept in mind.

    Raises:
        OSError: it cannot be written.
    """
    origins = sorted({*left, *read(home, package).left})
    _store(home, package, [" ".join((f"no {int(time.time())} {how}", *origins))])


def say_yes(home: str, package: str, origin: str, text: str, how: str) -> None:
    """Record that the user agreed that *package* reports to *origin* what *text* describes.

    Raises:
        OSError: it cannot be written; then nothing was agreed to.
    """
    kept = {} if (was := read(home, package)).refused else dict(was.agreed)
    kept[origin] = (text, int(time.time()), how)
    _store(home, package, [f"yes {o} {t} {w} {h}" for o, (t, w, h) in sorted(kept.items())])


def count_unanswered(home: str, package: str) -> None:
    """Record that the question is being put, before it is: a hang-up must count too.

    Raises:
        OSError: it cannot be written; then the question must not be put.
    """
    was = read(home, package)
    lines = [f"yes {o} {t} {w} {h}" for o, (t, w, h) in sorted(was.agreed.items())]
    _store(home, package, [*lines, f"unanswered {was.unanswered + 1}"])


def _store(home: str, package: str, lines: list[str]) -> None:
    _home.make(_home.package_folder(home, package))
    _home.write(path_of(home, package), ("\n".join([_HEAD, *lines]) + "\n").encode())
