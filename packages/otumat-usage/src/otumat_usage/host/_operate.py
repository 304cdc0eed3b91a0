"""Carry out the maintainer's commands on a data folder."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from otumat_usage._origin import is_loopback
from otumat_usage.host import _packages
from otumat_usage.host._addresses import (
    checked_address,
    checked_names,
    checked_proxies,
    heard_at,
)
from otumat_usage.host._admin import new_link
from otumat_usage.host._app import make_app
from otumat_usage.host._database import Connection, Database
from otumat_usage.host._errors import InstallUnknown, PackageInvalid
from otumat_usage.host._health import metrics_token
from otumat_usage.host._host import form_key, open_host
from otumat_usage.host._journal import configure
from otumat_usage.host._limits import DAILY
from otumat_usage.host._postman import Postman
from otumat_usage.host._rights import Erased, as_lines, erase, export
from otumat_usage.host._server import bind as bind_socket
from otumat_usage.host._server import serve
from otumat_usage.host._settings import recall, remember
from otumat_usage.host._snippet import snippet
from otumat_usage.host._tombstones import is_erased
from otumat_usage.host._whole_file import beside, place
from otumat_usage.host._worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Serving",
    "add_package",
    "admin_link",
    "erase_install",
    "export_of",
    "holds_host",
    "initialise",
    "metrics_token_of",
    "run",
    "snippet_for",
    "take_legacy",
]

_DEFAULT_URL = "http://127.0.0.1:8080"


@dataclasses.dataclass(frozen=True, slots=True)
class Serving:
    """Where a started host answers."""

    url: str
    admin: str
    pid: int
    #: The address at which this process listens; behind a proxy it is not the public one.
    local: str

    def as_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    def as_text(self) -> str:
        """Return two lines for a reader."""
        behind = "" if self.local == self.url else f", listening on {self.local}"
        return f"serving on {self.url}{behind}\ndashboard (opens once): {self.admin}"

    def write(self, path: Path) -> None:
        """Replace *path* atomically; only its owner can read the admin link in it."""
        with beside(path) as whole:
            whole.write_text(self.as_json() + "\n", encoding="utf-8")
            place(whole, path)


def holds_host(folder: Path) -> bool:
    """Say whether there is a host in *folder*."""
    return Database.lives_in(folder)


def initialise(
    folder: Path, url: str | None, store: str | None = None, package: str | None = None
) -> bool:
    """Make the host in *folder*, in the PostgreSQL database *store* if named, with *package*.

    Returns:
        Whether the folder held none before.
    """
    new = not holds_host(folder)
    address = None if url is None else checked_address(url)
    name = None if package is None else _packages.checked_name(package)
    database = Database.create(folder, url=store)
    try:
        with database.write() as connection:
            if address is not None:
                remember(connection, "url", address)
            if name is not None:
                _packages.add(connection, name, _now())
    finally:
        database.close()
    return new


def run(  # noqa: PLR0913 - one argument per option
    folder: Path,
    *,
    bind: str,
    port: int,
    url: str | None,
    allowed: tuple[str, ...],
    announce: Callable[[Serving], None],
    access_log: bool = False,
    proxies: tuple[str, ...] = (),
    daily: int = DAILY,
) -> None:
    """Serve the host in *folder* until it is told to stop."""
    given = None if url is None else checked_address(url)
    names, believed = checked_names(allowed), checked_proxies(proxies)
    listener = bind_socket(bind, port)
    with contextlib.closing(listener), contextlib.ExitStack() as stack:
        database = Database.create(folder)
        stack.callback(database.close)
        keep = stack.enter_context(database.serving())
        local, reached = heard_at(bind, listener.getsockname()[1])
        with database.write() as connection:
            issuer = given or recall(connection, "url") or reached
            remember(connection, "serving", issuer)
            admin = new_link(connection, issuer, _now())
        host = open_host(folder, issuer=issuer, daily=daily)
        journal, access = configure(access=access_log)
        worker = Worker(database, journal=journal, keep=keep)
        worker.start()
        stack.callback(worker.stop)
        postman = Postman(database, issuer, leads=lambda: worker.leads)
        postman.start()
        stack.callback(postman.stop)
        app = make_app(host, allowed=names, journal=journal, access=access)
        access.note("start", pid=os.getpid())
        ready = Serving(issuer, admin, os.getpid(), local)
        serve(app, listener, lambda: announce(ready), proxies=believed)
        access.note("stop", pid=os.getpid())


def add_package(folder: Path, name: str, events: Path | None) -> _packages.Package:
    """Register *name* with the events declared in a JSON file."""
    declared = None
    if events is not None:
        try:
            declared = json.loads(events.read_text(encoding="utf-8"))
        except ValueError as error:
            raise PackageInvalid(f"{events} is no JSON: {error}") from error
    database = Database.create(folder)
    try:
        with database.write() as connection:
            return _packages.add(connection, name, _now(), events=declared)
    finally:
        database.close()


def take_legacy(folder: Path, name: str, *, on: bool) -> str:
    """Say whether clients of otumat 0.3 are taken for *name*; return its canonical name."""
    database = Database.open(folder)
    try:
        with database.write() as connection:
            return _packages.take_legacy(connection, name, on=on).name
    finally:
        database.close()


def snippet_for(folder: Path, name: str, url: str | None) -> tuple[str, str]:
    """Return the code to paste into package *name*, and what is wrong with it, "" for nothing."""
    database = Database.open(folder)
    try:
        with database.read() as connection:
            package = _packages.find(connection, name)
            address = _address(connection, url)
    finally:
        database.close()
    if address.startswith("https:"):
        return snippet(package, address), ""
    why = "is this computer only" if is_loopback(address) else "gets nothing: clients want https"
    return snippet(package, address), f"{address} {why}; name the public address by --url"


def admin_link(folder: Path, url: str | None) -> str:
    """Return a new one-time link to the dashboard."""
    database = Database.open(folder)
    try:
        with database.write() as connection:
            return new_link(connection, _address(connection, url), _now())
    finally:
        database.close()


def metrics_token_of(folder: Path) -> str:
    """Return the token that opens ``/metrics`` of the host in *folder*."""
    database = Database.open(folder)
    try:
        with database.write() as connection:
            return metrics_token(form_key(connection))
    finally:
        database.close()


def export_of(folder: Path, install: str) -> str:
    """Return everything held about *install* as JSON lines."""
    number = _install(install)
    database = Database.open(folder)
    try:
        with database.read() as connection:
            found = as_lines(export(connection, number))
            if not found:
                raise _unknown(connection, number)
    finally:
        database.close()
    return found


def erase_install(folder: Path, install: str) -> Erased:
    """Erase everything about *install*; it is told at its next upload."""
    number = _install(install)
    database = Database.open(folder)
    try:
        with database.write() as connection:
            erased = erase(connection, number)
            if erased is None:
                raise _unknown(connection, number)
        with database.read() as connection:
            database.flush(connection)
    finally:
        database.close()
    return erased


def _unknown(connection: Connection, number: bytes) -> InstallUnknown:
    install = uuid.UUID(bytes=number)
    if is_erased(connection, number):
        return InstallUnknown(f"everything about install {install} was erased")
    return InstallUnknown(f"no install {install} at this host")


def _install(text: str) -> bytes:
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        raise InstallUnknown(f"{text!r} is no install id: expected a UUID") from None


def _now() -> int:
    return time.time_ns() // 1_000_000


def _address(connection: Connection, url: str | None) -> str:
    if url is not None:
        return checked_address(url)
    return recall(connection, "url") or recall(connection, "serving") or _DEFAULT_URL
