"""What otumat 0.3 left behind: a ``config.json`` with an answer, a ``main.db`` with events.

A recorded no is honoured for good. A recorded yes named no text and no scopes, so it counts as not
asked: the question mentions it, and its events are sent only if its user says so, else deleted.
Its tokens are never sent; after the new answer nothing of 0.3 can collect or send any more.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from otumat_usage import _answer, _batch, _home, _outbox

_SECRETS = (
    "access_token",
    "refresh_token",
    "client_id",
    "client_secret",
    "mac_address",
    "location",
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An answer given to otumat 0.3: whether it was a yes, and how many events wait since."""

    folder: str
    agreed: bool
    events: int


def find(author: str, data_directory: str, package: str) -> Earlier | None:
    """Return the answer that 0.3 recorded about *package* (a canonical name), if there is one."""
    folder = _home.legacy_folder(author, data_directory)
    try:
        config = json.loads(_home.read(f"{folder}/config.json"))
        if _home.canonical(config["package_name"]) != package:
            return None
        agreed = config["collect"] is not False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Earlier(folder, agreed, len(_events(folder)) if agreed else 0)


def honour(home: str, author: str, data_directory: str, package: str) -> None:
    """Take over a no; a yes, or nothing, changes nothing.

    Raises:
        OSError: the no cannot be written.
    """
    earlier = find(author, data_directory, package)
    if earlier is not None and not earlier.agreed:
        _answer.say_no(home, package, "otumat-0.3")


def _events(folder: str) -> list[tuple[str, str]]:
    """Return date and type of each event in ``main.db``; what cannot be read is none."""
    path = Path(folder, "main.db")
    if not path.exists():
        return []
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT event_date, event_type FROM event ORDER BY event_date")
            return [(str(date), str(name)) for date, name in rows]
    except sqlite3.Error:
        return []


def settle(home: str, package: str, origin: str, earlier: Earlier, *, include: bool) -> None:
    """End what 0.3 began, after the new answer: *include* its events for *origin*, or delete them.

    Raises:
        OSError: a file cannot be written or removed.
        StoreError: the outbox cannot be used.
    """
    if include:
        rows = [row for date, name in _events(earlier.folder) if (row := _row(date, name))]
        with _outbox.free(home) as outbox:
            outbox.take(f"0.3 {earlier.folder}", (package, origin, {}), rows, {})
    Path(earlier.folder, "main.db").unlink(missing_ok=True)
    path = f"{earlier.folder}/config.json"
    config = json.loads(_home.read(path))
    kept = {name: value for name, value in config.items() if name not in _SECRETS}
    # Its daemon, if one still runs, looks here before each round.
    kept["collect"] = False
    _home.write(path, json.dumps(kept, indent=4, sort_keys=True).encode())


def _row(date: str, name: str) -> _batch.Row | None:
    """Return an event of 0.3, whose dates are UTC without saying so."""
    try:
        at = dt.datetime.fromisoformat(date).replace(tzinfo=dt.timezone.utc)
    except ValueError:
        return None
    return _batch.Row(int(at.timestamp() * 1000), name[:100], None)
