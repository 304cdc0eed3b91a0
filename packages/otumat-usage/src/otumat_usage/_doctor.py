"""The doctor: looks at everything we keep, mends what can be mended, and says which is which.

It never turns a doubt into a yes, and never deletes what was not sent: what cannot be read is put
aside under another name. It must not know how findings are printed.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import stat
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otumat_usage import (
    _answer,
    _erasure,
    _home,
    _job,
    _optout,
    _outbox,
    _settings,
    _spool,
    _tokens,
    _upload,
    _withdraw,
)
from otumat_usage.exceptions import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A file that was begun this long ago (seconds) and never finished was left by a killed process.
_LEFT = 86400


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: *state* is ok, mended or broken; *package* is "" for all."""

    state: str
    text: str
    package: str = ""


def examine(home: str, *, ask: bool) -> Iterator[Finding]:
    """Look at everything in order; *ask* whether the hosts answer, too."""
    yield from _folder(home)
    if not _home.is_ours(home):
        return
    yield from _outbox_file(home)
    yield from _requests(home)
    for package in _settings.packages(home):
        yield from _package(home, package, ask=ask)
    yield from _leftovers(home)
    yield from _background_job(home)


def _folder(home: str) -> Iterator[Finding]:
    path = pathlib.Path(home)
    if not os.path.lexists(home):
        yield Finding("ok", "nothing is kept: no package has asked to record how you use it")
        return
    if sys.platform != "win32" and _is_mine(path):
        opened = [one for one in (path, *path.rglob("*")) if _is_open_to_others(one)]
        for one in opened:
            one.chmod(0o700 if one.is_dir() else 0o600)
        if opened:
            yield Finding("mended", f"others could read {len(opened)} of the files in {home}")
    if _home.is_ours(home):
        yield Finding("ok", f"everything is in {home}, which is yours alone")
    else:
        yield Finding(
            "broken",
            f"{home} is not a folder of your own, so nothing is recorded; remove it to begin anew",
        )


def _is_mine(path: pathlib.Path) -> bool:
    about = path.lstat()
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid()


def _is_open_to_others(path: pathlib.Path) -> bool:
    with contextlib.suppress(OSError):
        about = path.lstat()
        return (
            about.st_uid == os.geteuid()
            and not stat.S_ISLNK(about.st_mode)
            and bool(about.st_mode & 0o077)
        )
    return False


def _outbox_file(home: str) -> Iterator[Finding]:
    if not _outbox.exists(home):
        return
    damaged = True
    try:
        with _outbox.free(home) as outbox:
            why = outbox.damage()
    except StoreError as error:
        damaged = _outbox.is_damage(error)
        why = str(error.__cause__ if damaged else error)
    if not why:
        yield Finding("ok", "the outbox can be read")
    elif damaged:
        aside = _put_aside(f"{home}/outbox.db")
        text = f"the outbox was damaged ({why}) and is now {aside}; what waited in it is not sent"
        yield Finding("mended", text)
    else:
        yield Finding("broken", why)


def _put_aside(path: str) -> str:
    aside = f"{path}.damaged-{int(time.time())}"
    pathlib.Path(path).rename(aside)
    return pathlib.Path(aside).name


def _requests(home: str) -> Iterator[Finding]:
    path = f"{home}/erasures.json"
    if not os.path.lexists(path):
        return
    try:
        readable = isinstance(json.loads(_home.read(path)), list)
    except (OSError, ValueError):
        readable = False
    if not readable:
        yield Finding("broken", f"the erase requests were damaged: {_put_aside(path)}")
    for debt in _erasure.owed(home):
        day = time.strftime("%Y-%m-%d", time.gmtime(debt.since))
        why = f" ({debt.why})" if debt.why else ""
        text = f"{debt.origin} is asked since {day} to erase what it has; not confirmed yet{why}"
        yield Finding("ok", text, debt.package)


def _package(home: str, package: str, *, ask: bool) -> Iterator[Finding]:
    answer = _answer.read(home, package)
    if answer.refused or not answer.agreed:
        bad = answer.refused.startswith("the recorded answer cannot")
        spool = _spool.folder(home, package)
        if answer.refused and os.path.lexists(spool):
            shutil.rmtree(spool, ignore_errors=True)
            yield Finding("mended", "events recorded before the no were still there", package)
        if answer.refused and not bad and _tokens.everything(home, package):
            # Left by `off` that was killed at its question, and so never told the number.
            numbers = _withdraw.reduce(home, package, "command")
            yield Finding(
                "mended", f"tokens from before the no were still there{_left(numbers)}", package
            )
        text = f"off, {answer.refused or _answer.NOT_ASKED}".replace("the user", "you")
        if bad:
            text += f"; to answer again: otumat-usage on {package}, or: otumat-usage off {package}"
        yield Finding("broken" if bad else "ok", text, package)
        return
    may = _upload.permitted(home, package)
    if isinstance(may, str):
        meant = _optout.overruled(package, home) is not None
        yield Finding("ok" if meant else "broken", f"nothing is sent: {may}", package)
        return
    settings, _ = may
    yield Finding("ok", f"on, and may send to {settings.origin}", package)
    if ask:
        yield _answers(settings.origin, package)


def _left(numbers: dict[str, str]) -> str:
    """Say what only the removed tokens knew: under which number a host keeps what was sent."""
    return "".join(
        f"; {origin} keeps what was sent before, as installation {number}:"
        " its makers erase it if you tell them this number"
        for origin, number in numbers.items()
    )


def _answers(origin: str, package: str) -> Finding:
    from otumat_usage._http import Client

    try:
        with Client(origin, seconds=10.0) as client:
            status = client.get("/.well-known/oauth-authorization-server").status
    except UsageError as error:
        return Finding("broken", f"{error}; what is recorded waits here meanwhile", package)
    if status != 200:  # noqa: PLR2004
        return Finding("broken", f"{origin} answers {status}; what is recorded waits here", package)
    return Finding("ok", f"{origin} answers", package)


def _leftovers(home: str) -> Iterator[Finding]:
    left = []
    for path in pathlib.Path(home).rglob("*.part"):
        with contextlib.suppress(OSError):
            if time.time() - path.lstat().st_mtime > _LEFT:
                path.unlink()
                left.append(path)
    if left:
        yield Finding("mended", f"{len(left)} unfinished files of killed programs were removed")


def _background_job(home: str) -> Iterator[Finding]:
    before = _job.state(home)
    if why := _optout.overruled(_home.APP, home):
        yield Finding("ok", f"background: {before.summary}; not looked after, because {why}")
        return
    _withdraw.tidy(home)
    after = _job.state(home)
    if before == after:
        agreed = any(_answer.read(home, name).agreed for name in _settings.packages(home))
        if after.scheduler or agreed or not _settings.packages(home):
            yield Finding("ok", f"background: {after.summary}")
    elif not after.scheduler:
        yield Finding("mended", f"nobody needed the background job ({before.summary}): removed")
    else:
        yield Finding("mended", f"background: {after.summary}; it was: {before.summary}")
