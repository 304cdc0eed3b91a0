"""Withdrawal: stop at once, delete what is local, and have the host erase its part (`_erasure`)."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from otumat_usage import _answer, _erasure, _home, _job, _lock, _outbox, _settings, _spool, _tokens
from otumat_usage.exceptions import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otumat_usage._outbox import Outbox


def leave(home: str, package: str, how: str) -> None:
    """Refuse *package* from now on, delete everything local about it, keep the erase request.

    Raises:
        StoreError: a file cannot be written or removed.
    """
    with _failing(f"{package} cannot be removed"):
        # First, because running programs look at the answer before every event.
        _answer.say_no(home, package, how)
        _owe(home, package)
        _clear(home, package, "agent.json")
        tidy(home)


def stop(home: str, package: str, how: str) -> dict[str, str]:
    """Refuse *package* from now on and keep what a no to the question leaves; no host is asked.

    Returns the number of the installation at each host, which was here and nowhere else.

    Raises:
        StoreError: a file cannot be written or removed.
    """
    numbers = reduce(home, package, how)
    with _failing(f"{package} cannot be switched off"):
        tidy(home)
    return numbers


def reduce(home: str, package: str, how: str) -> dict[str, str]:
    """Do what `stop` does, but leave what packages share (the job, the locks) as it is.

    Raises:
        StoreError: a file cannot be written or removed.
    """
    with _failing(f"{package} cannot be switched off"):
        numbers = installations(home, package)
        _answer.say_no(home, package, how, numbers)
        _clear(home, package)
    return numbers


def refuse(home: str, package: str, how: str) -> None:
    """Refuse *package* from now on, and leave what is kept about it to `stop` or `leave`.

    Raises:
        StoreError: that cannot be written.
    """
    with _failing(f"{package} cannot be switched off"):
        _answer.say_no(home, package, how)


def installations(home: str, package: str) -> dict[str, str]:
    """Return the hosts that know an installation of *package*, and its number there."""
    return {
        origin: tokens.install_id
        for origin in _tokens.everything(home, package)
        if (tokens := _tokens.load(home, package, origin))
    }


def refuse_all(home: str) -> None:
    """Refuse every package that ever asks.

    Raises:
        StoreError: that cannot be written.
    """
    with _failing("the refusal cannot be kept"):
        _home.make(home)
        _home.write(_answer.everyone(home), b"Every package is refused: otumat-usage off --all\n")
        tidy(home)


def settle_job(home: str) -> None:
    """Make or remove the background job, as the answers and the erase requests want it now."""
    _job.settle(home, owed=bool(_erasure.owed(home)))


def tidy(home: str) -> None:
    """Settle the job; leave no more than the answers once nothing is agreed to and nothing owed.

    Raises:
        OSError: a file cannot be removed.
    """
    settle_job(home)
    if _erasure.owed(home) or any(_agrees(home, package) for package in _settings.packages(home)):
        return
    if _outbox.exists(home):
        # One that is damaged, or of a newer version, is left to the doctor.
        with contextlib.suppress(StoreError), _outbox.opened(home) as outbox:
            if outbox is not None and outbox.is_empty():
                outbox.close()
                Path(home, "outbox.db").unlink()
    for name in ("upload.lock", "erasures.lock", "job.lock", "asking"):
        _lock.drop(f"{home}/{name}")


def _agrees(home: str, package: str) -> bool:
    answer = _answer.read(home, package)
    return bool(answer.agreed and not answer.refused)


@contextlib.contextmanager
def _failing(what: str) -> Iterator[None]:
    """Tell an error of the file system as one of ours."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"{what}: {error}") from error


def _owe(home: str, package: str) -> None:
    """Move the tokens of *package* into the list of erase requests."""
    route = _settings.TOKEN_ROUTE
    with contextlib.suppress(UsageError):
        route = _settings.load(home, package).token_route
    with _tokens.lock(home, package):
        debts = [
            _erasure.Debt(package, origin, route, int(time.time()), tokens)
            for origin in _tokens.everything(home, package)
            if (tokens := _tokens.load(home, package, origin))
        ]
        if debts:
            _erasure.add(home, debts)


def _clear(home: str, package: str, *more: str) -> None:
    """Delete what is kept about a package but its answer and, unless among *more*, its question."""
    if _outbox.exists(home):
        with _outbox.free(home) as outbox:
            outbox.forget(package)
    _remove(home, package, *more)


def _remove(home: str, package: str, *more: str) -> None:
    folder = _home.package_folder(home, package)
    shutil.rmtree(_spool.folder(home, package), ignore_errors=True)
    for name in ("tokens.json", "tokens.lock", "news.json", *more):
        Path(folder, name).unlink(missing_ok=True)


def erased_by_host(outbox: Outbox, home: str, package: str) -> None:
    """Do what 410 asks for: this installation is no longer known there, so keep nothing."""
    with _lock.held(f"{home}/asking"):
        _answer.say_no(home, package, "host")
        outbox.forget(package)
        _remove(home, package)
