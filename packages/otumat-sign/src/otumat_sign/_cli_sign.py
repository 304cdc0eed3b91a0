"""The command ``sign``."""

from __future__ import annotations

import click

from otumat_sign._cli_command import CONTEXT, Command, echo_json, json_option, passphrase_option
from otumat_sign._cli_progress import working

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_KEY_HELP = "The private key (PEM): a path, env:NAME, fd:N or cmd:PROGRAM."
_BY_HELP = "With --signature-in: the public key of whoever signed."


@click.command(
    "sign",
    cls=Command,
    context_settings=CONTEXT,
    short_help="Sign a package folder, or wheels in place.",
)
@click.argument("targets", metavar="DIR | WHEEL...", nargs=-1, required=True)
@click.option("-k", "--key", metavar="KEY", help=_KEY_HELP)
@click.option("-o", "--output", metavar="FILE", help="Write the signature of DIR here.")
@click.option("--pub", metavar="PUB", help="Also put this keyring into the wheels.")
@click.option("--digest-out", metavar="FOLDER", help="Sign nothing: write what to sign here.")
@click.option("--signature-in", metavar="FOLDER", help="Take the .sig files made there.")
@click.option("--signed-by", metavar="PUB", help=_BY_HELP)
@passphrase_option
@json_option
def sign_command(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    targets: tuple[str, ...],
    key: str | None,
    output: str | None,
    pub: str | None,
    digest_out: str | None,
    signature_in: str | None,
    signed_by: str | None,
    passphrase: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Sign a package folder, or put signatures into wheels.

    A folder's signature goes to standard output, or to FILE. A wheel is rewritten in place: its
    .dist-info gets {module}.sig and {module}.manifest, and all its other files keep their bytes.
    A key on another machine signs what --digest-out wrote; --signature-in brings it back.

    Example: otumat-sign sign dist/*.whl -k key.pem
    """
    wheels = [target for target in targets if target.endswith(".whl")]
    if wheels and (output or len(wheels) != len(targets)):
        raise click.UsageError("give one folder, or wheels without -o")
    if not wheels and (pub or digest_out or signature_in or len(targets) != 1):
        raise click.UsageError("give one folder; the other options are for wheels")
    if sum(map(bool, (key, digest_out, signature_in))) != 1:
        raise click.UsageError("give one of -k KEY, --digest-out and --signature-in")
    if bool(signature_in) != bool(signed_by):
        raise click.UsageError("--signature-in and --signed-by go together")
    if not wheels:
        _sign_folder(targets[0], str(key), passphrase, output, as_json=as_json)
        return
    public = _keyring(pub) if pub else None
    if key:
        work = _with_key(key, passphrase, public)
    elif digest_out:
        work = _out(digest_out, public)
    else:
        work = _in(str(signature_in), str(signed_by), public)
    for wheel in wheels:
        with working(f"signing {wheel}"):
            written = work(wheel)
        if as_json:
            echo_json({"path": wheel, "written": written})
        else:
            click.echo(f"{wheel}: {', '.join(written) or 'already signed'}")


def _with_key(key: str, passphrase: str | None, public: bytes | None) -> Callable[[str], list[str]]:
    from otumat_sign import _signers
    from otumat_sign._wheel_sign import sign_wheel

    signer = _signers.load(key, passphrase)
    return lambda wheel: sign_wheel(wheel, key=signer, public=public)


def _out(folder: str, public: bytes | None) -> Callable[[str], list[str]]:
    from otumat_sign._detached import write_out

    return lambda wheel: write_out(wheel, folder, public)


def _in(folder: str, signed_by: str, public: bytes | None) -> Callable[[str], list[str]]:
    from otumat_sign import _keyuri
    from otumat_sign._detached import take_in
    from otumat_sign._keys import PublicKey

    signer = PublicKey(_keyuri.read(signed_by), name=signed_by)
    return lambda wheel: take_in(wheel, folder, signer, public)


def _keyring(uri: str) -> bytes:
    """Return the keyring at *uri*, if it is one."""
    from otumat_sign import _check, _keyuri

    _check.read_keyring(uri)
    return _keyuri.read(uri)


def _sign_folder(
    directory: str, key: str, passphrase: str | None, output: str | None, *, as_json: bool
) -> None:
    from otumat_sign import _signers
    from otumat_sign._digest import hash_pkg
    from otumat_sign._signature import sign_with

    signer = _signers.load(key, passphrase)
    with working(f"hashing {directory}"):
        digest = hash_pkg(pkgpath=directory)
    signature = sign_with(signer, digest)
    if output:
        from otumat_sign._files import replace

        replace(output, [signature.encode()])
    if as_json:
        echo_json({"path": directory, "digest": digest, "signature": signature, "output": output})
    elif not output:
        click.echo(signature, nl=False)
