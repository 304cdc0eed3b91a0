"""Carry out the maintainer's questions on a data folder: answers, and what is published."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from otumat_usage.host import _packages
from otumat_usage.host._answers import Answers
from otumat_usage.host._catalogue import exhibit
from otumat_usage.host._database import Database
from otumat_usage.host._public import publish
from otumat_usage.host._question import ask
from otumat_usage.host._settings import recall
from otumat_usage.host._statistics import Summary, summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from otumat_usage.host._database import Connection
    from otumat_usage.host._exhibit import Exhibit

__all__ = ["Folder", "publish_package"]

_LOCAL = "http://127.0.0.1:8080"


def _now() -> int:
    return time.time_ns() // 1_000_000


class Folder:
    """The host in a folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def summary(self, package: str) -> Summary:
        """Return the summary of *package* as of now."""
        with self._reading() as connection:
            return summarise(connection, _packages.find(connection, package), _now())

    def exhibits(
        self, package: str, wanted: Iterable[str], given: Mapping[str, str]
    ) -> list[Exhibit]:
        """Return the *wanted* answers about *package* as of now.

        Args:
            package: The package, in any spelling.
            wanted: Names of answers.
            given: Days and filter, as `ask` takes them.
        """
        with self._reading() as connection:
            answers = Answers(connection, _packages.find(connection, package), _now())
            asked = ask(answers, given)
            return [exhibit(each, answers, asked) for each in wanted]

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        database = Database.open(self._folder)
        try:
            with database.read() as connection:
                yield connection
        finally:
            database.close()


def publish_package(folder: Path, name: str, *, on: bool) -> tuple[str, str]:
    """Open or close the public page of package *name*; return its address and the badge's."""
    database = Database.open(folder)
    try:
        with database.write() as connection:
            package = _packages.find(connection, name)
            publish(connection, package, on=on)
            issuer = recall(connection, "url") or recall(connection, "serving") or _LOCAL
    finally:
        database.close()
    return f"{issuer}/public/{package.name}", f"{issuer}/badge/{package.name}/users.svg"
