"""What `off` and `erase` do: recording stops first; what the hosts have is asked about second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from otumat_usage import _answer, _console, _erasure, _outbox, _settings, _upload, _withdraw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def switch_off(
    packages: Sequence[str], *, erase: Callable[[list[str]], bool]
) -> list[dict[str, Any]]:
    """Refuse *packages*, or all there are and will be.

    *erase* is told the hosts that have something, when nothing is recorded or sent any more, and
    says whether they are asked to erase it: afterwards nothing here can speak for its user.
    Returns per package what is ``left`` at which host under which number, and what was ``erased``.

    Raises:
        StoreError: a file cannot be written or removed.
    """
    home = _console.home_of_user()
    # Each once: the second look finds nothing, and would stand for what the first had found.
    names = list(dict.fromkeys(map(_console.named, packages))) or _settings.packages(home)
    if not packages:
        _withdraw.refuse_all(home)
    held = {name: _withdraw.installations(home, name) for name in names}
    for name in names:
        _withdraw.refuse(home, name, "command")
    has = {name: set(numbers) for name, numbers in held.items()}
    for debt in _erasure.owed(home):  # which an earlier erase left: it may be asked again now
        has.get(debt.package, set()).add(debt.origin)
    hosts = sorted({host for some in has.values() for host in some})
    erased = [name for name in names if has[name]] if hosts and erase(hosts) else []
    left = {name: _withdraw.stop(home, name, "command") for name in names if name not in erased}
    outcomes = _erase(home, erased) if erased else []
    asked = {(outcome["package"], outcome["host"]) for outcome in outcomes}
    for name in erased:
        # While the question waited, the doctor or a second `off` may have removed the tokens.
        left[name] = {h: number for h, number in held[name].items() if (name, h) not in asked}
        outcomes += [_too_late(name, host) for host in left[name]]
    found: list[dict[str, Any]] = [
        {
            "package": name,
            "left": left.get(name, {}),
            "erased": [outcome for outcome in outcomes if outcome["package"] == name],
        }
        for name in names
    ]
    if not packages:
        found.append({"package": "all other packages", "left": {}, "erased": []})
    return found


def erase(package: str) -> list[dict[str, object]]:
    """Withdraw *package*: delete what is local, and ask its hosts to erase their part.

    Returns one entry per host. What a host does not confirm is asked again with every upload.

    Raises:
        StoreError: a file cannot be written or removed.
    """
    return _erase(_console.home_of_user(), [_console.named(package)])


def out_of_reach(package: str) -> list[str]:
    """Return the hosts that keep something of *package* and cannot be asked from here any more."""
    return _answer.read(_console.home_of_user(), _console.named(package)).left


def _too_late(package: str, host: str) -> dict[str, object]:
    return {"package": package, "host": host, "erased": False, "why": "its tokens are gone"}


def _erase(home: str, names: list[str]) -> list[dict[str, object]]:
    for name in names:
        _withdraw.leave(home, name, "command")
    end = time.monotonic() + _upload.DEADLINE
    with _outbox.free(home):
        outcomes = _erasure.settle(home, end)
    _withdraw.tidy(home)
    return [
        {"package": debt.package, "host": debt.origin, "erased": done, "why": debt.why}
        for debt, done in outcomes
        if debt.package in names
    ]
