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
        with _outbox.free(home) as outbox:
            outbox.forget(package)
        _clear(home, package)
        settle_job(home)


def stop(home: str, package: str, how: str) -> None:
    """Refuse *package* from now on and delete what was not sent; the host keeps what it has.

    Raises:
        StoreError: a file cannot be written or removed.
    """
    with _failing(f"{package} cannot be switched off"):
        _answer.say_no(home, package, how)
        if _outbox.exists(home):
            with _outbox.free(home) as outbox:
                outbox.drop_waiting(package)
        shutil.rmtree(_spool.folder(home, package), ignore_errors=True)
        settle_job(home)


def refuse_all(home: str) -> None:
    """Refuse every package that ever asks.

    Raises:
        StoreError: that cannot be written.
    """
    with _failing("the refusal cannot be kept"):
        _home.make(home)
        _home.write(_answer.everyone(home), b"Every package is refused: otumat-usage off --all\n")
        settle_job(home)


def settle_job(home: str) -> None:
    """Make or remove the background job, as the answers and the erase requests want it now."""
    _job.settle(home, owed=bool(owed(home)))


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


def owed(home: str) -> list[_erasure.Debt]:
    """Return the erase requests that no host has confirmed yet."""
    return _erasure.owed(home)


def _clear(home: str, package: str) -> None:
    folder = _home.package_folder(home, package)
    shutil.rmtree(_spool.folder(home, package), ignore_errors=True)
    for name in ("tokens.json", "tokens.lock", "agent.json"):
        Path(folder, name).unlink(missing_ok=True)


def erased_by_host(outbox: Outbox, home: str, package: str, origin: str) -> None:
    """Do what 410 asks for: this installation is no longer known there, so keep nothing."""
    with _lock.held(f"{home}/asking"):
        _answer.say_no(home, package, "host")
        _tokens.save(home, package, origin, None)
        outbox.forget(package)
        shutil.rmtree(_spool.folder(home, package), ignore_errors=True)
