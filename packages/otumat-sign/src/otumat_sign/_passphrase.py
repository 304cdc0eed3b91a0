"""Get the passphrase of a private key without ever putting it into an argument."""

from __future__ import annotations

import os

from otumat_sign.exceptions import PassphraseError

#: Looked at when nothing else was said, so that builds without a terminal can sign.
VARIABLE = "OTUMAT_SIGN_PASSPHRASE"


def resolve(source: str | None, *, prompt: str) -> bytes:
    """Return the passphrase that *source* names.

    Args:
        source: ``env:NAME``, ``fd:N`` or ``cmd:PROGRAM`` (one final newline is dropped),
            ``prompt``, or None: the variable OTUMAT_SIGN_PASSPHRASE, else the terminal.
        prompt: What the terminal shows.

    Raises:
        PassphraseError: there is none to be had.
    """
    if source is None and os.environ.get(VARIABLE):
        source = f"env:{VARIABLE}"
    if source is None or source == "prompt":
        return _ask(prompt)
    from otumat_sign import _keyuri

    if not source.startswith(("env:", "fd:", "cmd:")):
        message = "a passphrase comes from env:NAME, fd:N, cmd:PROGRAM or prompt, never directly"
        raise PassphraseError(message)
    try:
        return _keyuri.read(source).removesuffix(b"\n").removesuffix(b"\r")
    except (OSError, ValueError) as error:
        message = f"no passphrase in {source}: it is not there or cannot be read"
        raise PassphraseError(message) from error


def choose(source: str | None) -> bytes:
    """Return a passphrase for a new key: from *source* as in `resolve`, or typed twice.

    Raises:
        PassphraseError: there is none, it is empty, or the two differ.
    """
    first = resolve(source, prompt="Passphrase for the new key: ")
    asked = source == "prompt" or (source is None and not os.environ.get(VARIABLE))
    if asked and first != _ask("The same passphrase again: "):
        message = "the two passphrases differ: nothing was written"
        raise PassphraseError(message)
    if not first:
        message = "the passphrase is empty: give one, or say --no-passphrase"
        raise PassphraseError(message)
    return first


def _ask(prompt: str) -> bytes:
    import sys
    from getpass import getpass

    # getpass falls back to echoing from a pipe; a build's log is no place for a passphrase.
    if not (sys.stdin and sys.stdin.isatty()):
        message = f"the private key is encrypted and there is no terminal to ask at: set {VARIABLE}"
        raise PassphraseError(message)
    try:
        return getpass(prompt).encode()
    except EOFError as error:
        message = "no passphrase was given"
        raise PassphraseError(message) from error
