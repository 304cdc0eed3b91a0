"""The commands ``hash``, ``sign``, ``verify`` and ``keygen``, alone and below ``otumat``."""

from __future__ import annotations

import click

from otumat_sign._cli_command import (
    CONTEXT,
    Command,
    Group,
    echo_json,
    json_option,
    passphrase_option,
)
from otumat_sign._cli_hash import hash_command
from otumat_sign._cli_keygen import keygen_command
from otumat_sign._cli_verify import verify_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_sign._signers import Signer

_KEY_HELP = "The private key (PEM): a path, env:NAME, fd:N or cmd:PROGRAM."


@click.command(
    "sign",
    cls=Command,
    context_settings=CONTEXT,
    short_help="Sign a package folder, or wheels in place.",
)
@click.argument("targets", metavar="DIR | WHEEL...", nargs=-1, required=True)
@click.option("-k", "--key", required=True, metavar="KEY", help=_KEY_HELP)
@click.option("-o", "--output", metavar="FILE", help="Write the signature of DIR here.")
@click.option("--pub", metavar="PUB", help="Also put this public key into the wheels.")
@passphrase_option
@json_option
def sign_command(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    targets: tuple[str, ...],
    key: str,
    output: str | None,
    pub: str | None,
    passphrase: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Sign a package folder, or put signatures into wheels.

    A folder's signature goes to standard output, or to FILE. A wheel is rewritten in place: its
    .dist-info gets {module}.sig, and all its other files keep their bytes.

    Example: otumat-sign sign dist/*.whl -k key.pem
    """
    wheels = [target for target in targets if target.endswith(".whl")]
    if wheels and (output or len(wheels) != len(targets)):
        raise click.UsageError("give one folder, or wheels without -o")
    if not wheels and (pub or len(targets) != 1):
        raise click.UsageError("give one folder; --pub goes into wheels only")
    from otumat_sign import _signers

    signer = _signers.load(key, passphrase)
    if wheels:
        from otumat_sign._keys import PublicKey
        from otumat_sign._keyuri import read
        from otumat_sign._wheel_sign import sign_wheel

        public = read(pub) if pub else None
        if public is not None:
            PublicKey(public, name=str(pub))
        for wheel in wheels:
            written = sign_wheel(wheel, key=signer, public=public)
            if as_json:
                echo_json({"path": wheel, "written": written})
            else:
                click.echo(f"{wheel}: {', '.join(written) or 'already signed'}")
        return
    _sign_folder(targets[0], signer, output, as_json=as_json)


def _sign_folder(directory: str, signer: Signer, output: str | None, *, as_json: bool) -> None:
    from otumat_sign._digest import hash_pkg
    from otumat_sign._signature import sign_with

    digest = hash_pkg(pkgpath=directory)
    signature = sign_with(signer, digest)
    if output:
        from otumat_sign._files import replace

        replace(output, [signature.encode()])
    if as_json:
        echo_json({"path": directory, "digest": digest, "signature": signature, "output": output})
    elif not output:
        click.echo(signature, nl=False)


@click.group(cls=Group, context_settings=CONTEXT)
@click.version_option(package_name="otumat-sign", prog_name="otumat-sign")
def group() -> None:
    """Sign a Python package's content and verify it, bit-compatible with git and openssl.

    Exit codes: 0 done or yes, 1 the answer is no, 2 could not be done.
    """


for _command in (hash_command, sign_command, verify_command, keygen_command):
    group.add_command(_command)


def main() -> None:
    """Run the standalone command ``otumat-sign``."""
    group(prog_name="otumat-sign")
