"""The commands ``keyring add``, ``revoke``, ``list`` and ``check``."""

from __future__ import annotations

import os
from dataclasses import replace

import click

from otumat_sign._cli_command import (
    CONTEXT,
    Command,
    Failure,
    Group,
    Refusal,
    echo_json,
    json_option,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from otumat_sign._keyring import Keyring, TrustedKey


@click.group(
    "keyring", cls=Group, context_settings=CONTEXT, short_help="Keep a file of trusted keys."
)
def keyring_command() -> None:
    """Keep a keyring: the file of trusted public keys that a base ships as its .pub.

    Example: otumat-sign keyring add trusted.pub new.pub --valid-before 2028-01-01
    """


@keyring_command.command(
    "add", cls=Command, context_settings=CONTEXT, short_help="Add a public key to a keyring."
)
@click.argument("file")
@click.argument("pub")
@click.option("--valid-after", metavar="DATE", help="What it signed before does not count.")
@click.option("--valid-before", metavar="DATE", help="What it signs from then on does not count.")
@click.option("--comment", metavar="TEXT", help="Whose it is, for people.")
@click.option("--threshold", type=click.IntRange(1), help="How many of the keys must sign.")
@click.option(
    "--min-scheme",
    type=click.Choice(["compat", "manifest"]),
    help="manifest: a .sig alone is no proof.",
)
def add_command(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    file: str,
    pub: str,
    valid_after: str | None,
    valid_before: str | None,
    comment: str | None,
    threshold: int | None,
    min_scheme: str | None,
) -> None:
    """Add the public key PUB to the keyring FILE, which is made if it is not there.

    Example: otumat-sign keyring add trusted.pub alice.pub --comment "Alice, 2026"
    """
    from otumat_sign import _check, _instant, _keyring

    ring = _check.read_keyring(file) if os.path.lexists(file) else None
    (key,) = _one(_check.read_keyring(pub), pub)
    if ring and ring.find(key.identity):
        raise Failure(f"{file} has the key {key.identity[:16]} already")
    key = replace(
        key,
        valid_after=_instant.parse(valid_after) if valid_after else key.valid_after,
        valid_before=_instant.parse(valid_before) if valid_before else key.valid_before,
        comments=(comment,) if comment else key.comments,
    )
    ring = replace(ring, keys=(*ring.keys, key)) if ring else _keyring.Keyring((key,))
    ring = replace(
        ring, threshold=threshold or ring.threshold, min_scheme=min_scheme or ring.min_scheme
    )
    _write(file, ring)
    click.echo(f"{file}: {key.identity[:16]} added, {_count(ring)}")


@keyring_command.command(
    "revoke",
    cls=Command,
    context_settings=CONTEXT,
    short_help="Let nothing that a key signed count.",
)
@click.argument("file")
@click.argument("key")
def revoke_command(file: str, key: str) -> None:
    """Mark KEY as revoked: nothing that it signed counts any more, whenever that was.

    KEY is the beginning of an identity that `list` shows, or the path of the public key.

    Example: otumat-sign keyring revoke trusted.pub 3f2a99c01b
    """
    from otumat_sign import _check, _instant

    ring = _check.read_keyring(file)
    identity = _one(_check.read_keyring(key), key)[0].identity if os.path.isfile(key) else key  # noqa: PTH113
    found = ring.find(identity)
    if found is None:
        raise Failure(f"{file} has no key, or more than one, whose identity begins with {identity}")
    if found.revoked:
        raise Failure(f"{file}: {found.identity[:16]} is revoked already")
    revoked = replace(found, revoked=_instant.now())
    keys = tuple(revoked if other is found else other for other in ring.keys)
    _write(file, replace(ring, keys=keys))
    click.echo(f"{file}: {found.identity[:16]} revoked, {_count(replace(ring, keys=keys))}")


@keyring_command.command("list", cls=Command, context_settings=CONTEXT)
@click.argument("file")
@json_option
def list_command(file: str, as_json: bool) -> None:  # noqa: FBT001
    """Show the keys of FILE, their limits and their comments.

    Example: otumat-sign keyring list trusted.pub
    """
    from otumat_sign import _check, _instant

    ring = _check.read_keyring(file)
    now = _instant.now()
    if as_json:
        keys = [_as_json(key, now) for key in ring.keys]
        echo_json({"threshold": ring.threshold, "min-scheme": ring.min_scheme, "keys": keys})
        return
    click.echo(f"{file}: {_count(ring)}, threshold {ring.threshold}, min-scheme {ring.min_scheme}")
    for key in ring.keys:
        told = [f"{name} {value}" for name, value in _limits(key).items()]
        told += [f"# {comment}" for comment in key.comments]
        click.echo(f"{key.identity[:16]}  {'  '.join([_state(key, now), *told])}")


@keyring_command.command(
    "check",
    cls=Command,
    context_settings=CONTEXT,
    short_help="Exit with 1 if too few keys are valid.",
)
@click.argument("file")
def check_command(file: str) -> None:
    """Exit with 1 if too few keys of FILE are valid today for anything new to be trusted.

    Example: otumat-sign keyring check trusted.pub
    """
    from otumat_sign import _check, _instant
    from otumat_sign._keys import PublicKey

    ring = _check.read_keyring(file)
    for key in ring.keys:
        PublicKey(key.pem.encode(), name=f"{key.identity[:16]} in {file}")
    now = _instant.now()
    valid = [key for key in ring.keys if not key.objection(now)]
    if len(valid) < ring.threshold:
        raise Refusal(f"{file}: {len(valid)} keys are valid today, {ring.threshold} must sign")
    click.echo(f"{file}: {_count(ring)}, {len(valid)} valid today, {ring.threshold} must sign")


def _one(ring: Keyring, name: str) -> tuple[TrustedKey, ...]:
    if len(ring.keys) != 1:
        raise Failure(f"{name} has {len(ring.keys)} keys: give a file with one")
    return ring.keys


def _write(file: str, ring: Keyring) -> None:
    """Write *ring*, after reading back what will be written: a limit may make no sense."""
    from otumat_sign import _files, _keyring

    data = ring.encode()
    _keyring.parse(data, file)
    _files.replace(file, [data])


def _limits(key: TrustedKey) -> dict[str, str]:
    from otumat_sign import _instant

    limits = ("valid_after", "valid_before", "revoked")
    found = {name.replace("_", "-"): getattr(key, name) for name in limits}
    return {name: _instant.write(at) for name, at in found.items() if at}


def _state(key: TrustedKey, now: datetime) -> str:
    objection = key.objection(now)
    return objection[0] if objection else "valid"


def _as_json(key: TrustedKey, now: datetime) -> dict[str, object]:
    limits = _limits(key)
    return {"key": key.identity, "state": _state(key, now), "comments": key.comments, **limits}


def _count(ring: Keyring) -> str:
    return f"{len(ring.keys)} key{'s' if len(ring.keys) > 1 else ''}"
