"""The command ``keygen``."""

from __future__ import annotations

from pathlib import Path

import click

from otumat_sign._cli_command import (
    CONTEXT,
    Command,
    Failure,
    echo_json,
    json_option,
    passphrase_option,
)


@click.command("keygen", cls=Command, context_settings=CONTEXT, short_help="Make a key pair.")
@click.argument("path", metavar="[PATH]", default="key.pem")
@click.option(
    "--type",
    "kind",
    type=click.Choice(["rsa", "ed25519", "ecdsa"]),
    default="rsa",
    show_default=True,
    help="RSA has 3072 bits, ECDSA is P-256.",
)
@click.option("--no-passphrase", is_flag=True, help="Do not encrypt the private key.")
@passphrase_option
@json_option
def keygen_command(
    path: str,
    kind: str,
    no_passphrase: bool,  # noqa: FBT001
    passphrase: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Make a private key at PATH (key.pem) and its public half beside it (key.pub).

    Nothing is ever overwritten. Keep the private key out of your repository.

    Example: otumat-sign keygen key.pem
    """
    private, public = Path(path), Path(path).with_suffix(".pub")
    if private == public:
        raise Failure(f"{path}: the private key needs another ending than .pub")
    if no_passphrase and passphrase:
        raise click.UsageError("give one of --passphrase and --no-passphrase")
    for existing in (private, public):
        if existing.exists() or existing.is_symlink():
            raise Failure(f"{existing} exists already: choose another PATH")
    _write_pair(private, public, kind, encrypt=not no_passphrase, passphrase=passphrase)
    if as_json:
        echo_json({"private": str(private), "public": str(public), "type": kind})
    else:
        click.echo(f"{private}: private key, keep it secret")
        click.echo(f"{public}: public key, ship it with what must verify")


def _write_pair(
    private: Path, public: Path, kind: str, *, encrypt: bool, passphrase: str | None
) -> None:
    from otumat_sign import _files, _keys, _passphrase

    secret = _passphrase.choose(passphrase) if encrypt else None
    private_pem, public_pem = _keys.generate(kind, secret)
    _files.create(private, private_pem, mode=0o600)
    try:
        _files.create(public, public_pem, mode=0o644)
    except OSError:
        private.unlink()  # half a pair helps nobody and would be in the way next time
        raise
