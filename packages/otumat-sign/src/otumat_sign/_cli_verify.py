"""The command ``verify``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from otumat_sign._cli_command import CONTEXT, Command, Refusal, echo_json, json_option
from otumat_sign._cli_progress import working
from otumat_sign.exceptions import InvalidSignature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from otumat_sign._verdict import Verdict

_PUB_HELP = "The public key or keyring (PEM): a path, env:NAME, fd:N or cmd:PROGRAM."
#: How many differing files a person is shown; --json has them all.
_SHOWN = 20


@click.command(
    "verify",
    cls=Command,
    context_settings=CONTEXT,
    short_help="Check a signature: of a folder, wheel or install.",
)
@click.argument("targets", metavar="NAME | WHEEL... | DIR", nargs=-1, required=True)
@click.option("-p", "--pub", metavar="PUB", help=_PUB_HELP)
@click.option(
    "--trusted-by", metavar="BASE", help="Take the keyring that the installed BASE ships."
)
@click.option("-s", "--signature", metavar="SIG", help="The bare signature of DIR (a file).")
@click.option(
    "--require-signed",
    is_flag=True,
    help="Without a key: refuse wheels that are unsigned or not as their manifest says.",
)
@click.option(
    "--bytecode",
    type=click.Choice(["ignore", "recompile"]),
    default="ignore",
    show_default=True,
    help="Also compare __pycache__ with the sources.",
)
@json_option
def verify_command(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    targets: tuple[str, ...],
    pub: str | None,
    trusted_by: str | None,
    signature: str | None,
    require_signed: bool,  # noqa: FBT001
    bytecode: str,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Check that the owner of a key signed this content, and that nothing has changed.

    NAME is an installed module or distribution. A WHEEL (*.whl) carries its signature; so does a
    module's folder (with a / in its name) that has its .dist-info beside it. DIR with -s needs
    nothing else. Exits with 0 if all is trusted, 1 if not, 2 if that could not be checked.

    Example: otumat-sign verify myplugin --trusted-by mybase
    """
    if bool(pub) + bool(trusted_by) != 1 and not (require_signed and not (pub or trusted_by)):
        raise click.UsageError("give one of -p PUB and --trusted-by BASE")
    if signature is not None:
        if len(targets) != 1 or not pub or require_signed:
            raise click.UsageError("-s SIG goes with one DIR and -p PUB")
        _verify_folder(targets[0], pub, signature, as_json=as_json)
        return
    if require_signed and any(not target.endswith(".whl") for target in targets):
        raise click.UsageError("--require-signed is for wheels (*.whl)")
    verdicts = []
    for target in targets:
        with working(f"checking {target}"):
            verdicts.append((target, _verdict(target, pub, trusted_by, bytecode)))
    for target, verdict in verdicts:
        if as_json:
            echo_json(_as_json(target, verdict))
        else:
            _show(target, verdict, checked=bool(pub or trusted_by))
    refused = [(target, verdict) for target, verdict in verdicts if not verdict]
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise Refusal(f"{refused[0][0]}: {refused[0][1]}{more}{_hint(*refused[0])}")


def _hint(target: str, verdict: Verdict) -> str:
    """Say what to type for a folder whose signature, if it has one, is a file somewhere else."""
    from otumat_sign import _find

    folder = _find.is_path(target) and not target.endswith(".whl")
    return "; -s SIG -p PUB names one elsewhere" if folder and verdict.state == "unsigned" else ""


def _verdict(target: str, pub: str | None, trusted_by: str | None, bytecode: str) -> Verdict:
    from otumat_sign import _check
    from otumat_sign._verdict import Policy

    if trusted_by:
        ring = _check.load_keyring(trusted_by)
    elif pub:
        ring = _check.read_keyring(pub)
    else:
        from otumat_sign._wheel_sign import open_wheel

        return _check.consistent(open_wheel(target))
    content = _check.find(target)
    return _check.judge_found(target, content, ring, Policy(bytecode=bytecode))  # type: ignore[arg-type]


def _show(target: str, verdict: Verdict, *, checked: bool) -> None:
    """Say yes in one line, or name what differs; the reason for a no follows on stderr."""
    if verdict:
        by = f" by {', '.join(key[:16] for key in verdict.keys)}" if checked else ""
        click.echo(
            f"{target}: {'trusted' if checked else 'signed'}{by} ({', '.join(verdict.modules)})"
        )
        return
    for difference in verdict.differences[:_SHOWN]:
        click.echo(f"  {difference}")
    if len(verdict.differences) > _SHOWN:
        click.echo(f"  and {len(verdict.differences) - _SHOWN} more")


def _as_json(target: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "target": target,
        "verified": bool(verdict),
        "state": verdict.state,
        "modules": verdict.modules,
        "distribution": verdict.distribution,
        "version": verdict.version,
        "reasons": verdict.reasons,
        "differences": [
            {"path": d.path, "kind": d.kind, "why": d.why} for d in verdict.differences
        ],
        "keys": verdict.keys,
    }


def _verify_folder(directory: str, pub: str, signature: str, *, as_json: bool) -> None:
    """Check a bare signature over a folder, as git and openssl would."""
    from otumat_sign import _keyuri
    from otumat_sign._digest import hash_pkg
    from otumat_sign._keys import PublicKey
    from otumat_sign._signature import decode

    key = PublicKey(_keyuri.read(pub), name=pub)
    text = Path(signature).read_text(errors="replace")
    reason = ""
    with working(f"hashing {directory}"):
        digest = hash_pkg(pkgpath=directory)
    try:
        key.verify(decode(text), digest.encode())
    except InvalidSignature as error:
        reason = str(error)
    name = os.path.basename(os.path.abspath(directory))  # noqa: PTH100, PTH119
    if as_json:
        echo_json({"target": directory, "verified": not reason, "modules": {name: reason}})
    if reason:
        raise Refusal(f"{name}: not verified: {reason}")
    if not as_json:
        click.echo(f"{directory}: verified ({name})")
