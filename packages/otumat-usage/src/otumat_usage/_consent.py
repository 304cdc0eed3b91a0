"""The one question: put at a real terminal to a real person, or not at all.

Enter, or anything but y or yes, is an answer: no, and it is kept. A timeout, Ctrl-C, Ctrl-D or a
hang-up is no answer: only counted, and after three nobody is asked again.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otumat_usage import _answer, _legacy, _lock, _optout, _schema, _settings, _tokens
from otumat_usage.exceptions import (
    EnrolmentDeniedError,
    EnrolmentError,
    RefusedError,
    StoreError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage._schema import Events
    from otumat_usage._settings import Settings

#: Questions without an answer after which nobody is asked any more.
MAX_UNANSWERED = 3
#: How long the question waits, in seconds; the agent's ``response_timeout`` if that is less.
PATIENCE = 30.0

_TEXT = """
{name} asks whether it may record how you use it. Nothing is recorded so far.

  Who:    the makers of {name} ({author})
  Where:  {origin}
  What:   {what}
          the versions of {name} and Python, the operating system's family,
          and a random number for this installation
  Never:  your files, paths, arguments, your name or the computer's
  How:    the scheduler of your account starts the upload, about every {pace}
  Later:  "otumat-usage status" shows it all, "otumat-usage off {name}" ends it

Yes opens a page of that host, where you confirm it. Enter means no.
May {name} record this and send it there? [y/N] """


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks for what: an agent's configuration, ready to be put to its user."""

    home: str
    settings: Settings
    config: Mapping[str, object]
    events: Events | None

    @property
    def text_id(self) -> str:
        """The short name of what is asked for."""
        return _schema.text_id(self.events)

    def __str__(self) -> str:
        """Return the question as it is put."""
        from otumat_usage import _task

        what = "the names of the features you use, and when;"
        if self.events is not None:
            named = [
                f"{name} ({', '.join(sorted(keys))})" if keys else name
                for name, keys in sorted(self.events.items())
            ]
            what = f"these events, and when: {', '.join(named) or 'none'};"
        settings = self.settings
        return _TEXT.format(
            name=settings.name,
            author=settings.author,
            origin=settings.origin,
            what=what,
            pace=_task.pace(settings.period),
        )


def obstacle() -> str | None:
    """Say why no person can be asked here and now, else None."""
    if not (_is_terminal(sys.stdin, 0) and _is_terminal(sys.stderr, 2)):
        return "there is no terminal"
    if threading.current_thread() is not threading.main_thread():
        return "this is not the main thread"
    if hasattr(os, "tcgetpgrp"):
        try:
            # In the background, reading would stop the whole program (SIGTTIN).
            if os.tcgetpgrp(0) != os.getpgrp():
                return "this process is in the background"
        except OSError:
            return "there is no terminal"
    return _machine()


def in_notebook() -> bool:
    """Say whether this is a notebook's kernel: a person, but no terminal."""
    return "ipykernel" in sys.modules


def _is_terminal(stream: object, number: int) -> bool:
    """Say whether *stream* is descriptor *number* and that is a terminal; an IDE's is not."""
    try:
        fileno = stream.fileno()  # type: ignore[attr-defined]
    except (OSError, ValueError, AttributeError):
        return False
    return fileno == number and os.isatty(number)


def _machine() -> str | None:
    loaded = sys.modules
    for tool in ("pytest", "_pytest", "sphinx", "pip"):
        if tool in loaded:
            return f"{tool} runs this"
    if "PYTEST_CURRENT_TEST" in os.environ:
        return "pytest runs this"
    process = loaded.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        return "this is a child of multiprocessing"
    return None


def mention(home: str, config: Mapping[str, object], events: Events | None) -> None:
    """Tell a notebook's user in one line how to answer; a cell must not wait for input.

    Three times at most, as the question itself. Never raises.
    """
    try:
        settings = _settings.of(config)
        if _machine() or _answer.read(home, settings.package).unanswered >= MAX_UNANSWERED:
            return
        _answer.count_unanswered(home, settings.package)
        _settings.save(home, config, events)
    except (UsageError, OSError):
        return
    _say(
        f"{settings.name} asks to record how it is used (nothing is recorded now). "
        f'To answer: import otumat_usage; otumat_usage.consent("{settings.name}")'
    )


def ask_once(home: str, config: Mapping[str, object], events: Events | None) -> None:
    """Put the question if this is the moment. Never raises.

    Eight processes that start at once ask one question: the others go on without.
    """
    try:
        question = Question(home, _settings.of(config), config, events)
        if obstacle():
            return
        with _lock.held(f"{home}/asking") as ours:
            answer = _answer.read(home, question.settings.package)
            if not ours or answer.refused or answer.unanswered >= MAX_UNANSWERED:
                return
            if answer.reason(question.settings.origin, question.text_id):
                _ask(question)
    except EnrolmentDeniedError:
        pass
    except EnrolmentError as error:
        _say(f"{error}. Nothing is recorded; you may be asked again another time.")
    except (UsageError, OSError):
        pass


def ask_again(home: str, config: Mapping[str, object], events: Events | None) -> bool:
    """Put the question whatever was answered before; say whether the user agrees.

    Raises:
        RefusedError: the environment says no, or nobody can be asked here.
        EnrolmentError: the page did not end in an agreement.
        ConfigurationError: the agent's configuration cannot be right.
        StoreError: the answer cannot be kept.
    """
    question = Question(home, _settings.of(config), config, events)
    why = _optout.overruled(question.settings.package, home)
    if why is None and not in_notebook():
        why = obstacle()
    if why:
        raise RefusedError(f"{question.settings.package}: {why}")
    try:
        return _ask(question)
    except EnrolmentDeniedError:
        return False
    except OSError as error:
        raise StoreError(f"the answer cannot be kept: {error}") from error


def _ask(question: Question) -> bool:
    home, package = question.home, question.settings.package
    _answer.count_unanswered(home, package)
    _settings.save(home, question.config, question.events)
    settings = question.settings
    earlier = _legacy.find(settings.author, settings.data_directory, package)
    how = "notebook" if in_notebook() else "terminal"
    reply = _read_reply(_mentioning(question, earlier), settings.timeout)
    if reply is None:
        _say("No answer, so nothing is recorded.")
        return False
    if not _is_yes(reply):
        _answer.say_no(home, package, how)
        _settle_job(home)
        _say("Understood: nothing is recorded, and you will not be asked again.")
    else:
        agree(question, how)
    if earlier is not None:
        _end_0_3(question, earlier, agreed=_is_yes(reply))
    return _is_yes(reply)


def _is_yes(reply: str) -> bool:
    return reply.strip().lower() in ("y", "yes")


def _mentioning(question: Question, earlier: _legacy.Earlier | None) -> str:
    """Return the question; who agreed to otumat 0.3 is reminded of it."""
    text = str(question)
    if earlier is None or not earlier.agreed:
        return text
    line = "  Before: you said yes to an older, less exact question; it no longer counts"
    return text.replace("\n\nYes opens", f"\n{line}\n\nYes opens")


def _end_0_3(question: Question, earlier: _legacy.Earlier, *, agreed: bool) -> None:
    """Ask what becomes of the events that 0.3 recorded, and end it for good."""
    settings, include = question.settings, False
    if agreed and earlier.events:
        words = f"{earlier.events} events recorded before that wait here. Send them too? [y/N] "
        include = _is_yes(_read_reply(words, settings.timeout) or "")
    _legacy.settle(question.home, settings.package, settings.origin, earlier, include=include)


def agree(question: Question, how: str) -> None:
    """Enrol at the host, and record the agreement only when that has succeeded.

    Raises:
        EnrolmentDeniedError: the user said no on the page; that no is kept.
        EnrolmentError: it did not come to an agreement; nothing changes.
        StoreError: the tokens cannot be kept.
    """
    from otumat_usage import _enrolment

    home, settings = question.home, question.settings
    try:
        tokens = _enrolment.enrol(settings, _say)
    except EnrolmentDeniedError:
        _answer.say_no(home, settings.package, "page")
        _settle_job(home)
        _say("Understood: nothing is recorded, and you will not be asked again.")
        raise
    except KeyboardInterrupt:
        raise EnrolmentError("interrupted") from None
    _settings.save(home, question.config, question.events)
    with _tokens.lock(home, settings.package):
        _tokens.save(home, settings.package, settings.origin, tokens)
    # Last, because this is what permits recording.
    _answer.say_yes(home, settings.package, settings.origin, question.text_id, how)
    _say('Thank you. Events are recorded from now on; "otumat-usage show" shows them.')
    _settle_job(home, agreed=True)


def _settle_job(home: str, *, agreed: bool = False) -> None:
    from otumat_usage import _due

    # A first no has no job to remove, and schedulers take their time to say so.
    if agreed or os.path.lexists(_due.path_of(home)):
        from otumat_usage import _withdraw

        _withdraw.settle_job(home)


def _say(line: str) -> None:
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def _read_reply(question: str, timeout: float) -> str | None:
    """Return the line that a person typed, or None for no answer."""
    end = time.monotonic() + min(PATIENCE, timeout)
    if in_notebook():
        try:
            return input(question)
        except (EOFError, KeyboardInterrupt, RuntimeError):  # or a front end that takes no input
            return None
    try:
        early = _ready(0.0)
        sys.stderr.write(question)
        sys.stderr.flush()
        line = _line(end)
    except (KeyboardInterrupt, OSError, ValueError):
        line = None
    if line is None:
        _say("")
    # What was typed before the question was seen was meant for something else: never a yes.
    if early and line is not None and line.strip().lower() not in ("n", "no"):
        return None
    return line


if sys.platform == "win32":
    import msvcrt

    def _ready(seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not msvcrt.kbhit():
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        return True

    def _line(end: float) -> str | None:
        typed = ""
        while _ready(max(0.0, end - time.monotonic())):
            typed += msvcrt.getwche()
            if typed[-1] in "\r\n":
                return typed
        return None

else:
    import select

    def _ready(seconds: float) -> bool:
        return bool(select.select([0], [], [], seconds)[0])

    def _line(end: float) -> str | None:
        typed = b""
        while _ready(max(0.0, end - time.monotonic())):
            piece = os.read(0, 1024)
            typed += piece
            if not piece:
                return None
            if typed.endswith(b"\n"):
                return typed.decode(errors="replace")
        return None
