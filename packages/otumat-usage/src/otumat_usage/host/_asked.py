"""Carry out the maintainer's questions on a data folder: answers, and what is published."""

from __future__ import annotations

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
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from otumat_usage.host._exhibit import Exhibit

__all__ = ["exhibits_of", "publish_package", "summary_of"]

_LOCAL = "http://127.0.0.1:8080"


def _now() -> int:
    return time.time_ns() // 1_000_000


def summary_of(folder: Path, name: str) -> Summary:
    """Return the summary of package *name* as of now."""
    database = Database.open(folder)
    try:
        with database.read() as connection:
            return summarise(connection, _packages.find(connection, name), _now())
    finally:
        database.close()


def exhibits_of(
    folder: Path, name: str, wanted: Iterable[str], given: Mapping[str, str]
) -> list[Exhibit]:
    """Return the *wanted* answers about package *name* as of now.

    Args:
        folder: Where the host keeps its data.
        name: The package, in any spelling.
        wanted: Names of answers.
        given: Days and filter, as `ask` takes them.
    """
    database = Database.open(folder)
    try:
        with database.read() as connection:
            answers = Answers(connection, _packages.find(connection, name), _now())
            asked = ask(answers, given)
            return [exhibit(each, answers, asked) for each in wanted]
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
