"""Carry out the maintainer's commands about who may enrol, and what they are asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from otumat_usage.host import _oidc, _packages, _providers
from otumat_usage.host._database import Database
from otumat_usage.host._errors import PackageInvalid
from otumat_usage.host._mail import MailServer
from otumat_usage.host._survey import questions_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["admit", "ask", "set_mail_server", "set_provider"]


def admit(folder: Path, name: str, sign_in: str, domains: tuple[str, ...]) -> None:
    """Say who may enrol for package *name*.

    Raises:
        PackageInvalid: the host does not know yet how users sign in that way.
    """
    database = Database.open(folder)
    try:
        with database.write() as connection:
            known = {
                "anonymous": True,
                "email": _providers.mail_server(connection),
                "oidc": _providers.provider(connection),
            }
            if not known.get(sign_in, True):
                raise PackageInvalid(
                    f"no sign-in by {sign_in} yet; name one: otumat-usage host sign-in {sign_in}"
                )
            _packages.admit(connection, name, sign_in, domains)
    finally:
        database.close()


def set_mail_server(folder: Path, url: str, sender: str) -> None:
    """Name the mail server through which sign-in links are sent."""
    server = MailServer(url, sender)
    database = Database.open(folder)
    try:
        with database.write() as connection:
            _providers.set_mail_server(connection, server)
    finally:
        database.close()


def set_provider(folder: Path, issuer: str, client_id: str) -> None:
    """Name the OpenID provider, which is asked once to see that it answers."""
    _oidc.require_library()
    _oidc.discover(issuer, client_id)
    database = Database.open(folder)
    try:
        with database.write() as connection:
            _providers.set_provider(connection, issuer, client_id)
    finally:
        database.close()


def ask(folder: Path, name: str, file: Path) -> int:
    """Put the questions in *file* on the consent page of *name*; return how many they are.

    Raises:
        PackageInvalid: the file holds no survey.
    """
    try:
        questions = questions_of(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:
        if isinstance(error, PackageInvalid):
            raise
        raise PackageInvalid(f"{file} is no JSON: {error}") from error
    database = Database.open(folder)
    try:
        with database.write() as connection:
            return len(_packages.survey(connection, name, questions).survey)
    finally:
        database.close()
