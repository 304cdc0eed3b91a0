"""From spools to the outbox: take in every file that no living process writes to.

A spool is taken in by one transaction that also notes its name, and removed afterwards, so a kill
in between neither loses nor doubles it. What its user did not agree to is removed unread.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from otumat_usage import _answer, _batch, _spool

if TYPE_CHECKING:
    from otumat_usage._outbox import Outbox

#: A spool is sealed at 64 KiB; nothing of ours is ever much larger.
_LIMIT = 4 * _spool.SEAL_BYTES


def drain(outbox: Outbox, home: str, package: str) -> int:
    """Take in the spools of *package*; return how many are still being written."""
    folder = _spool.folder(home, package)
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except FileNotFoundError:
        names = []
    # After the listing: a program may record under a yes that was given a moment ago, and to an
    # older answer its events would look like what nobody agreed to.
    answer = _answer.read(home, package)
    for origin, (text, since, _) in answer.agreed.items():
        outbox.begin(package, origin, f"{text} {since}")
    busy, gone = 0, []
    for name in names:
        if name.endswith(_spool.PART):
            _sweep(f"{folder}/{name}")
        elif _take(outbox, f"{folder}/{name}", package, answer):
            gone.append(_run_of(name))
        else:
            busy += 1
    if gone:
        outbox.removed(gone)
    return busy


def _run_of(name: str) -> str:
    return name.partition(_spool.SUFFIX)[0]


def _sweep(path: str) -> None:
    """Remove a file that was begun a day ago and never became a spool: its process was killed."""
    with contextlib.suppress(OSError):
        if time.time() - Path(path).stat().st_mtime > 86400:  # noqa: PLR2004 - a day
            Path(path).unlink()


def _take(outbox: Outbox, path: str, package: str, answer: _answer.Answer) -> bool:
    fd = _spool.claim(path)
    if fd < 0:
        return not os.path.lexists(path)
    try:
        name = _run_of(path.rpartition("/")[2])
        if not outbox.knows(name):
            _store(outbox, name, package, _content(fd), answer)
        _spool.remove(path)
    finally:
        os.close(fd)
    return True


def _content(fd: int) -> bytes:
    data = b""
    while len(data) < _LIMIT and (chunk := os.read(fd, _LIMIT - len(data))):
        data += chunk
    return data


def _store(outbox: Outbox, name: str, package: str, data: bytes, answer: _answer.Answer) -> None:
    # After the last whole line comes ""; anything else was torn, by a loss of power perhaps.
    *whole, tail = data.decode(errors="replace").split("\n")
    head, *lines = whole or [""]
    words = head.split("\t")
    if len(words) != 8 or words[0] != _spool.HEAD:  # noqa: PLR2004 - the fields of a spool's head
        return
    _, _, origin, text, since, version, python, system = words
    grant = answer.agreed.get(origin)
    # Data that is older than the consent, or belongs to another text, is never sent.
    if answer.refused or grant is None or (grant[0], str(grant[1])) != (text, since):
        return
    context = {"package_version": version, "python": python, "os": system}
    rows, dropped = _parse(lines)
    if tail:
        dropped["torn"] = dropped.get("torn", 0) + 1
    key = (package, origin, {name: value for name, value in context.items() if value})
    outbox.take(name, key, rows, dropped)


def _parse(lines: list[str]) -> tuple[list[_batch.Row], dict[str, int]]:
    """Return the events of a spool, and how many were dropped and why."""
    rows: list[_batch.Row] = []
    dropped: dict[str, int] = {}
    for line in lines:
        words = line.split("\t")
        try:
            if words[0] == "!":
                dropped[words[1]] = dropped.get(words[1], 0) + int(words[2])
            else:
                int(words[0])
                rows.append(_batch.Row(int(words[1]), words[2], words[3] if words[3:] else None))
        except (ValueError, IndexError):
            dropped["torn"] = dropped.get("torn", 0) + 1
    return rows, dropped
